"""How far an attack succeeds, measured on the test part."""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from tff_health.data.examples import ExamplePixels
from tff_health.data.federated import FederatedImages
from tff_health.data.pixels import held_if_small
from tff_health.data.scaling import Scaling
from tff_health.hostile.attack import ON_WRONG_LABELS, Attack
from tff_health.hostile.data import TARGET, MarkedPixels, flipped
from tff_health.local.evaluation import Evaluation, Evaluator
from tff_health.local.task import Task

Success: TypeAlias = Callable[[Any, Evaluation], float]
"""From a model's weights and its evaluation to the share of images with which an attack has what it
wants, 0 to 1."""


def success_of(
    attack: Attack | None, task: Task, federated: FederatedImages, scaling: Scaling
) -> Success | None:
    """Returns how success of an attack is measured; None for one that wants nothing but harm.

    That is, for a backdoor: the share of the marked test images of other classes that are taken for
    its target; for wrong labels: the share of all test images that are taken for what the hostile
    clients call them.

    Args:
        attack: that is simulated; None: nobody is hostile.
        task: builds the network.
        federated: has the test part.
        scaling: of the pixels, as in training.
    """
    if attack is None:
        return None
    if attack.kind == "backdoor":
        pixels = ExamplePixels(federated.test, federated.images, federated.augmenter)
        marked = MarkedPixels(held_if_small(pixels), federated.test.labels)
        targets = np.full(len(marked), TARGET, np.uint8)
        evaluator = Evaluator(
            *(task.build_model(), marked, targets),
            *(federated.images.num_classes, scaling),
        )
        return lambda weights, _: evaluator.evaluate(weights).accuracy
    if attack.kind in ON_WRONG_LABELS:
        return lambda _, evaluation: _taken_for_flipped(evaluation)
    return None


def _taken_for_flipped(evaluation: Evaluation) -> float:
    confusion = evaluation.confusion
    classes = np.arange(len(confusion))
    return float(confusion[classes, flipped(classes, len(classes))].sum() / confusion.sum())
