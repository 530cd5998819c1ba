"""The rounds of the baseline in which each client trains alone."""

import time
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from tff_health.data.client_data import client_keys
from tff_health.learning.local_only import LocalTraining
from tff_health.local.evaluation import Evaluation, Evaluator
from tff_health.settings.config import RunConfig
from tff_health.training.loop import RoundLoop, Row, Trained
from tff_health.training.scheme_training import TrainedScheme


def train_alone(
    training: LocalTraining, config: RunConfig, evaluator: Evaluator, loop: RoundLoop
) -> TrainedScheme:
    """Runs the rounds that are not done yet; metrics are means over the clients' models.

    Args:
        training: of the clients.
        config: the settings.
        evaluator: holds the server's test part.
        loop: over the rounds.
    """
    clients = config.cohort.num_clients

    def train(models: Any, number: int) -> Trained:
        start = time.monotonic()
        trained = training.next(models, client_keys(list(range(clients)), number), number)
        finite = [all(np.isfinite(part).all() for part in model.trainable) for model in trained]
        row: Row = {
            "non_finite_updates": clients - sum(finite),
            **{"cohort": clients, "survivors": clients, "aborted_attempts": 0, "lost": 0},
            **{"bytes_up": 0, "bytes_down": 0},
            "seconds_training": round(time.monotonic() - start, 4),
        }
        # Who trained in vain keeps the model of before.
        kept = zip(models, trained, finite, strict=True)
        return Trained([new if well else old for old, new, well in kept], row)

    def evaluate(models: Any) -> tuple[Evaluation, Row]:
        return mean_evaluation([evaluator.evaluate(model) for model in models]), {}

    _, evaluation = loop.run(training.initialize(clients), train, evaluate)
    return TrainedScheme(None, evaluation, loop.rows)


def mean_evaluation(evaluations: Sequence[Evaluation]) -> Evaluation:
    """Returns the mean of every metric; the confusion matrix is that of all answers together."""
    means: dict[str, Any] = {}
    for field in fields(Evaluation):
        values = [getattr(evaluation, field.name) for evaluation in evaluations]
        if field.name == "confusion":
            means[field.name] = np.sum(values, axis=0)
        else:
            mean = np.mean(values, axis=0)
            means[field.name] = mean if mean.shape else float(mean)
    return Evaluation(**means)
