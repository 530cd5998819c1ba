"""How good a model is on images, beyond plain accuracy.

In HAM10000 one class of seven makes two thirds of the images, so accuracy alone says little.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from sklearn import metrics as sk

from tff_health.data.pixels import Pixels, images_within
from tff_health.data.preparation import views
from tff_health.data.scaling import TO_UNIT, Scaling
from tff_health.local.random_layers import EVALUATION_STREAM, Draws

_BATCH = 1000  # images, or fewer if they are large


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Metrics of one model on one set of examples.

    Attributes:
        loss: mean cross-entropy, in nats.
        accuracy: fraction classified correctly.
        balanced_accuracy: mean recall over the classes that occur.
        macro_f1: mean F1 score over the classes that occur or are predicted.
        auc: mean over the classes that occur of the area under the ROC curve of that class
            against the rest; NaN if only one class occurs.
        majority_accuracy: accuracy of always answering the most frequent class.
        recall: for each class, NaN where it does not occur.
        confusion: int (classes, classes), rows true, columns predicted.
    """

    loss: float
    accuracy: float
    balanced_accuracy: float
    macro_f1: float
    auc: float
    majority_accuracy: float
    recall: NDArray[np.float64]
    confusion: NDArray[np.int64]


class Evaluator:
    """Evaluates weights of one architecture on one set of examples.

    Args:
        model: a Keras model that gives logits; its weights are overwritten.
        pixels: uint8 (n, height, width, channels), taken a batch at a time.
        labels: uint8 (n,).
        num_classes: number of classes, present or not.
        scaling: of the pixels, as in training.
        flips: whether an answer is the mean over the symmetries of an image.
        rotations: whether it is the mean over rotated and scaled views as well.
    """

    def __init__(
        self,
        model: tf.keras.Model,
        pixels: Pixels,
        labels: NDArray[np.uint8],
        num_classes: int,
        scaling: Scaling = TO_UNIT,
        flips: bool = False,
        rotations: bool = False,
    ) -> None:
        self._pixels = pixels
        self._batch = images_within(pixels.shape[1:], 4, _BATCH)
        self._labels = labels
        self._num_classes = num_classes
        # Traced at once, with its variables taken out: Keras declares every model invalid as soon
        # as another one is made inside a graph, and TFF makes its models there.
        spec = tf.TensorSpec((None, *pixels.shape[1:]), tf.uint8)
        self._variables = [*model.trainable_variables, *model.non_trainable_variables]

        draws = Draws()

        def logits(chosen: tf.Tensor) -> tf.Tensor:
            images = scaling.scale(chosen)
            if not (flips or rotations):
                return model(images, training=False)
            seen = views(images, flips, rotations)
            answers = [tf.nn.log_softmax(model(x, training=False)) for x in seen]
            # Logarithms throughout: a probability of a very sure model would become 0.
            return tf.reduce_logsumexp(answers, axis=0) - math.log(len(answers))

        def seeded_logits(chosen: tf.Tensor) -> tf.Tensor:
            with draws.seeded(EVALUATION_STREAM):
                return logits(chosen)

        self._forward = tf.function(seeded_logits).get_concrete_function(spec)

    def evaluate(self, weights: Any) -> Evaluation:
        """Returns the metrics of `weights`, a `tff.learning.models.ModelWeights`."""
        values = [*weights.trainable, *weights.non_trainable]
        for variable, value in zip(self._variables, values, strict=True):
            variable.assign(value)
        starts = range(0, len(self._pixels), self._batch)
        parts = [self._logits(start) for start in starts]
        return evaluate_logits(np.concatenate(parts), self._labels, self._num_classes)

    def _logits(self, start: int) -> NDArray[np.float32]:
        images = tf.constant(self._pixels[start : start + self._batch])
        return self._forward(images).numpy()  # type: ignore[no-any-return]


def evaluate_logits(
    logits: NDArray[np.float32], labels: NDArray[np.uint8], num_classes: int
) -> Evaluation:
    """Returns the metrics of `logits`, float (n, num_classes), against `labels`, uint8 (n,).

    A model that diverged gives NaN logits: loss and AUC are NaN then, and its answer is class 0.
    """
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    log_probability = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    predicted = np.nan_to_num(logits, nan=-np.inf).argmax(axis=1)
    classes = np.arange(num_classes)
    confusion = sk.confusion_matrix(labels, predicted, labels=classes)
    occurs = np.bincount(labels, minlength=num_classes)
    with np.errstate(invalid="ignore"):
        recall = np.diag(confusion) / occurs
    touched = classes[(occurs > 0) | (confusion.sum(axis=0) > 0)]
    return Evaluation(
        loss=float(-log_probability[np.arange(len(labels)), labels].mean()),
        accuracy=float((predicted == labels).mean()),
        balanced_accuracy=float(np.nanmean(recall)),
        macro_f1=float(
            sk.f1_score(labels, predicted, labels=touched, average="macro", zero_division=0)
        ),
        auc=_mean_auc(log_probability, labels, classes[occurs > 0]),
        majority_accuracy=float(occurs.max() / len(labels)),
        recall=recall,
        confusion=confusion,
    )


def _mean_auc(
    log_probability: NDArray[np.float64], labels: NDArray[np.uint8], present: NDArray[np.int64]
) -> float:
    if len(present) < 2 or not np.isfinite(log_probability).all():
        return float("nan")
    areas = [sk.roc_auc_score(labels == c, log_probability[:, c]) for c in present]
    return float(np.mean(areas))
