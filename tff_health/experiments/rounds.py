"""The rounds of one scheme: train, evaluate, record, keep the state; go on after a kill."""

import importlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_federated as tff

from tff_health.data.client_data import client_keys
from tff_health.experiments.checkpoint import Checkpoints
from tff_health.experiments.config import RunConfig
from tff_health.learning.evaluation import Evaluation, Evaluator
from tff_health.learning.task import Task
from tff_health.reporting.metrics_log import MetricsLog, Value
from tff_health.reporting.progress import Progress
from tff_health.schemes import SCHEMES

_COLUMNS = (
    "scheme",
    "round",
    "survivors",
    "train_loss",
    "train_accuracy",
    "validation_loss",
    "validation_accuracy",
    "test_loss",
    "test_accuracy",
    "balanced_accuracy",
    "macro_f1",
    "auc",
    "bytes_up",
    "bytes_down",
    "seconds_training",
    "seconds_total",
)


def metrics_columns(class_names: tuple[str, ...]) -> tuple[str, ...]:
    """The columns of metrics.csv: those of every data set, then the recall of each class."""
    return (*_COLUMNS, *(f"recall_{name}" for name in class_names))


@dataclass(frozen=True, eq=False)
class TrainedScheme:
    """What the rounds of one scheme come to."""

    weights: tff.learning.models.ModelWeights
    evaluation: Evaluation
    rows: list[dict[str, Value]]


def train_rounds(
    task: Task,
    config: RunConfig,
    evaluator: Evaluator,
    class_names: tuple[str, ...],
    log: MetricsLog,
    checkpoint_folder: Path,
) -> TrainedScheme:
    """Runs the rounds of `config.scheme` that are not done yet, in TFF's default context.

    A row is logged before its state is kept, and rows without a state are dropped at the start, so
    that a kill at any moment costs at most one round.

    Args:
        task: what is trained.
        config: the settings.
        evaluator: holds the server's test part.
        class_names: of the data set, in order.
        log: takes a row for each round.
        checkpoint_folder: keeps the newest state.

    Returns:
        the final model, its evaluation and all rows.
    """
    process = build_process(config.scheme, task)
    validation = _Validation(task)
    checkpoints = Checkpoints(checkpoint_folder)
    state = process.set_model_weights(process.initialize(), task.initial_weights)
    done = checkpoints.newest_round()
    if done:
        state = checkpoints.load(state)
    log.drop_after(done)
    clients = list(range(config.num_clients))
    traffic = _Traffic.of(task.initial_weights, len(clients))
    evaluation = None
    with Progress(f"{config.scheme} on {config.dataset}", "round", config.rounds, done) as progress:
        for number in range(done + 1, config.rounds + 1):
            start = time.monotonic()
            output = process.next(state, client_keys(clients, number))
            trained = time.monotonic()
            state = output.state
            row: dict[str, Value] = {
                "scheme": config.scheme,
                "round": number,
                "survivors": len(clients),
                "bytes_up": traffic.up,
                "bytes_down": traffic.down,
                "seconds_training": round(trained - start, 4),
                **_training_metrics(output.metrics),
            }
            note = ""
            if number % config.eval_every == 0 or number == config.rounds:
                weights = process.get_model_weights(state)
                evaluation = evaluator.evaluate(weights)
                row |= {**validation.evaluate(weights, clients), **_row(evaluation, class_names)}
                note = f"test accuracy {evaluation.accuracy:.3f}"
            row["seconds_total"] = round(time.monotonic() - start, 4)
            log.append(row)
            checkpoints.save(state, number)
            progress.update(number, note)
    weights = process.get_model_weights(state)
    return TrainedScheme(weights, evaluation or evaluator.evaluate(weights), log.rows)


def build_process(scheme: str, task: Task) -> tff.learning.templates.LearningProcess:
    """Returns the process of `scheme` whose rounds take the clients' keys, not their data."""
    module_name, function_name = SCHEMES[scheme].builder.split(":")
    process = getattr(importlib.import_module(module_name), function_name)(task)
    return tff.simulation.compose_dataset_computation_with_learning_process(
        task.training_data, process
    )


class _Validation:
    """Evaluates a model on the clients' validation parts, without them leaving the clients."""

    def __init__(self, task: Task) -> None:
        self._process = tff.simulation.compose_dataset_computation_with_learning_process(
            task.validation_data, tff.learning.algorithms.build_fed_eval(task.model_fn)
        )
        self._state = self._process.initialize()

    def evaluate(
        self, weights: tff.learning.models.ModelWeights, clients: list[int]
    ) -> dict[str, Value]:
        state = self._process.set_model_weights(self._state, weights)
        output = self._process.next(state, client_keys(clients, 0))
        metrics = output.metrics["client_work"]["eval"]["current_round_metrics"]
        return {
            "validation_loss": float(metrics["loss"]),
            "validation_accuracy": float(metrics["accuracy"]),
        }


@dataclass(frozen=True)
class _Traffic:
    """Bytes of one round, as lengths of TFF's own encoding of the messages.

    Down: the model to every client. Up: every client's update and its weight.
    """

    up: int
    down: int

    @classmethod
    def of(cls, weights: tff.learning.models.ModelWeights, num_clients: int) -> "_Traffic":
        model = [*weights.trainable, *weights.non_trainable]
        return cls(
            up=num_clients * _encoded_length([*weights.trainable, np.float32(1)]),
            down=num_clients * _encoded_length(model),
        )


def _encoded_length(arrays: list[Any]) -> int:
    length = 0
    for array in map(np.asarray, arrays):
        encoded, _ = tff.framework.serialize_value(array, tff.TensorType(array.dtype, array.shape))
        length += encoded.ByteSize()
    return length


def _training_metrics(metrics: Any) -> dict[str, Value]:
    train = metrics["client_work"]["train"]
    return {"train_loss": float(train["loss"]), "train_accuracy": float(train["accuracy"])}


def _row(evaluation: Evaluation, class_names: tuple[str, ...]) -> dict[str, Value]:
    recalls = zip(class_names, evaluation.recall.tolist(), strict=True)
    return {
        "test_loss": evaluation.loss,
        "test_accuracy": evaluation.accuracy,
        "balanced_accuracy": evaluation.balanced_accuracy,
        "macro_f1": evaluation.macro_f1,
        "auc": evaluation.auc,
        **{f"recall_{name}": recall for name, recall in recalls},
    }
