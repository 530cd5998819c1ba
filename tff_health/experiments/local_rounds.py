"""The rounds of the baseline in which each client trains alone."""

import time
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from tff_health.data.client_data import client_keys
from tff_health.experiments.checkpoint import Checkpoints
from tff_health.experiments.config import RunConfig
from tff_health.experiments.rounds import ProgressFactory, TrainedScheme, evaluation_row
from tff_health.learning.evaluation import Evaluation, Evaluator
from tff_health.learning.local_only import LocalTraining
from tff_health.reporting.metrics_log import MetricsLog, Value


def train_alone(
    training: LocalTraining,
    config: RunConfig,
    evaluator: Evaluator,
    class_names: tuple[str, ...],
    log: MetricsLog,
    checkpoint_folder: Path,
    progress_of: ProgressFactory,
) -> TrainedScheme:
    """Runs the rounds that are not done yet; metrics are means over the clients' models.

    Arguments and what happens at a kill are those of `rounds.train_rounds`.
    """
    checkpoints = Checkpoints(checkpoint_folder)
    models: list[Any] = training.initialize(config.num_clients)
    done = checkpoints.newest_round()
    if done:
        models = checkpoints.load(models)
    log.drop_after(done)
    evaluation = None
    with progress_of(f"{config.scheme} on {config.dataset}", config.rounds, done) as progress:
        for number in range(done + 1, config.rounds + 1):
            start = time.monotonic()
            keys = client_keys(list(range(config.num_clients)), number)
            models = training.next(models, keys, number)
            trained_at = time.monotonic()
            row: dict[str, Value] = {
                **{"scheme": config.scheme, "round": number, "cohort": config.num_clients},
                **{"survivors": config.num_clients, "aborted_attempts": 0},
                **{"bytes_up": 0, "bytes_down": 0},
                "seconds_training": round(trained_at - start, 4),
            }
            note = ""
            if number % config.eval_every == 0 or number == config.rounds:
                evaluation = mean_evaluation([evaluator.evaluate(model) for model in models])
                row |= evaluation_row(evaluation, class_names)
                note = f"test accuracy {evaluation.accuracy:.3f}"
            end = time.monotonic()
            row["seconds_evaluation"] = round(end - trained_at, 4)
            row["seconds_total"] = round(end - start, 4)
            log.append(row)
            checkpoints.save(models, number)
            progress.update(number, note)
    evaluation = evaluation or mean_evaluation([evaluator.evaluate(model) for model in models])
    return TrainedScheme(None, evaluation, log.rows)


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
