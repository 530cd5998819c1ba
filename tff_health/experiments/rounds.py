"""The rounds of one scheme: train, evaluate, record, keep the state; go on after a kill."""

import importlib
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import tensorflow_federated as tff

from tff_health.data.client_data import client_keys
from tff_health.experiments.attempts import RoundRunner
from tff_health.experiments.checkpoint import Checkpoints
from tff_health.experiments.config import RunConfig
from tff_health.experiments.spending import Spending
from tff_health.experiments.traffic import Traffic
from tff_health.learning.client_training import set_learning_rate
from tff_health.learning.evaluation import Evaluation, Evaluator
from tff_health.learning.local_only import LocalTraining
from tff_health.learning.process import SchemeProcess
from tff_health.learning.task import Task
from tff_health.reporting.metrics_log import MetricsLog, Value
from tff_health.reporting.progress import Progress, Updates
from tff_health.runtime.secure_context import SecureContext
from tff_health.schemes import SCHEMES

ProgressFactory: TypeAlias = Callable[[str, int, int], AbstractContextManager[Updates]]

_COLUMNS = (
    "scheme",
    "round",
    "cohort",
    "survivors",
    "aborted_attempts",
    "train_loss",
    "train_accuracy",
    "clipped_coordinates",
    "non_finite_updates",
    "lone_coordinates",
    "quality_sum",
    "global_distance",
    "validation_loss",
    "validation_accuracy",
    "test_loss",
    "test_accuracy",
    "balanced_accuracy",
    "macro_f1",
    "auc",
    "epsilon",
    "bytes_up",
    "bytes_down",
    "seconds_training",
    "seconds_client_crypto",
    "seconds_server_crypto",
    "seconds_holder_crypto",
    "seconds_evaluation",
    "seconds_total",
)


def show_rounds(what: str, rounds: int, done: int) -> Progress:
    """The progress of one run by itself."""
    return Progress(what, "round", rounds, done)


def metrics_columns(class_names: tuple[str, ...]) -> tuple[str, ...]:
    """The columns of metrics.csv: those of every data set, then the recall of each class."""
    return (*_COLUMNS, *(f"recall_{name}" for name in class_names))


@dataclass(frozen=True, eq=False)
class TrainedScheme:
    """What the rounds of one scheme come to; no weights where each client has its own.

    Attributes:
        weights: of the final model.
        evaluation: of it.
        rows: of metrics.csv.
        spending: what each client's privacy has cost; None if training was not private.
    """

    weights: tff.learning.models.ModelWeights | None
    evaluation: Evaluation
    rows: list[dict[str, Value]]
    spending: "Spending | None" = None


def train_rounds(
    process: SchemeProcess,
    task: Task,
    config: RunConfig,
    evaluator: Evaluator,
    class_names: tuple[str, ...],
    log: MetricsLog,
    checkpoint_folder: Path,
    context: SecureContext,
    progress_of: ProgressFactory,
    spending: Spending | None = None,
) -> TrainedScheme:
    """Runs the rounds of `config.scheme` that are not done yet.

    A row is logged before its state is kept, and rows without a state are dropped at the start, so
    that a kill at any moment costs at most one round.

    Args:
        process: of the scheme.
        task: what is trained.
        config: the settings.
        evaluator: holds the server's test part.
        class_names: of the data set, in order.
        log: takes a row for each round.
        checkpoint_folder: keeps the newest state.
        context: TFF's current context.
        progress_of: shows how far the rounds are, given what is trained and the rounds in all and
            done by an earlier process.
        spending: keeps the clients' privacy budget, if training is private.

    Returns:
        the final model, its evaluation and all rows.

    Raises:
        RunError: if a round could not be finished.
    """
    checkpoints = Checkpoints(checkpoint_folder)
    training = process.training
    state = training.set_model_weights(training.initialize(), task.initial_weights)
    done = checkpoints.newest_round()
    if done:
        state = checkpoints.load(state)
    log.drop_after(done)
    if spending:
        spending.go_on_from(done)
    runner = RoundRunner(
        process, config, context, Traffic.of(task.initial_weights), goes_on=done > 0
    )
    # What clients tell of their validation parts, no noise protects.
    validates = config.validation_fraction > 0 and not spending
    validation = _Validation(process, config.num_clients) if validates else None
    evaluation = None
    with progress_of(f"{config.scheme} on {config.dataset}", config.rounds, done) as progress:
        for number in range(done + 1, config.rounds + 1):
            if spending and not spending.allows_another_round:
                break
            start = time.monotonic()
            if task.client_optimizer.decay_rounds:
                state = set_learning_rate(training, state, task.client_optimizer.rate(number))
            trained = runner.run(state, number)
            state = trained.state
            row: dict[str, Value] = {"scheme": config.scheme, "round": number, **trained.row}
            note = ""
            if spending:
                row["epsilon"] = spending.spend(number, trained.trained)
                note = f"epsilon {row['epsilon']:.2f}"
            trained_at = time.monotonic()
            if number % config.eval_every == 0 or number == config.rounds:
                weights = training.get_model_weights(state)
                evaluation = evaluator.evaluate(weights)
                row |= evaluation_row(evaluation, class_names)
                if validation:
                    row |= validation.evaluate(weights)
                note = f"test accuracy {evaluation.accuracy:.3f}" + (f", {note}" if note else "")
            end = time.monotonic()
            row["seconds_evaluation"] = round(end - trained_at, 4)
            row["seconds_total"] = round(end - start, 4)
            log.append(row)
            checkpoints.save(state, number)
            progress.update(number, note)
    weights = training.get_model_weights(state)
    return TrainedScheme(weights, evaluation or evaluator.evaluate(weights), log.rows, spending)


def build_process(scheme: str, task: Task) -> SchemeProcess | LocalTraining:
    """Returns the processes of a scheme."""
    module_name, function_name = SCHEMES[scheme].builder.split(":")
    builder = getattr(importlib.import_module(module_name), function_name)
    return builder(task)  # type: ignore[no-any-return]


class _Validation:
    """Evaluates a model on the clients' validation parts, without them leaving the clients."""

    def __init__(self, process: SchemeProcess, num_clients: int) -> None:
        self._process = process.evaluation
        self._state = self._process.initialize()
        self._keys = client_keys(list(range(num_clients)), 0)

    def evaluate(self, weights: tff.learning.models.ModelWeights) -> dict[str, Value]:
        state = self._process.set_model_weights(self._state, weights)
        output = self._process.next(state, self._keys)
        metrics = output.metrics["client_work"]["eval"]["current_round_metrics"]
        return {
            "validation_loss": float(metrics["loss"]),
            "validation_accuracy": float(metrics["accuracy"]),
        }


def evaluation_row(evaluation: Evaluation, class_names: tuple[str, ...]) -> dict[str, Value]:
    """The columns of metrics.csv that the test part decides."""
    recalls = zip(class_names, evaluation.recall.tolist(), strict=True)
    return {
        "test_loss": evaluation.loss,
        "test_accuracy": evaluation.accuracy,
        "balanced_accuracy": evaluation.balanced_accuracy,
        "macro_f1": evaluation.macro_f1,
        "auc": evaluation.auc,
        **{f"recall_{name}": recall for name, recall in recalls},
    }
