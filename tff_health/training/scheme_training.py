"""The rounds of one scheme, in which clients train and a server takes the mean of their updates."""

import importlib
from dataclasses import dataclass
from typing import Any

import tensorflow_federated as tff

from tff_health.data.client_data import client_keys
from tff_health.hostile.success import Success
from tff_health.learning.client_training import with_learning_rate
from tff_health.learning.local_only import LocalTraining
from tff_health.learning.process import SchemeProcess, weights_of, with_weights
from tff_health.local.evaluation import Evaluation, Evaluator
from tff_health.local.task import Task
from tff_health.measurements.plain_traffic import Traffic
from tff_health.reporting.progress import warn
from tff_health.schemes import SCHEMES
from tff_health.secure_aggregation.secure_context import SecureContext
from tff_health.settings.config import RunConfig
from tff_health.training.buffered_pace import BufferedPace
from tff_health.training.loop import RoundLoop, Row, Trained
from tff_health.training.pace import Pace
from tff_health.training.privacy_budget import Spending
from tff_health.training.round_runner import RoundRunner


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
    rows: list[Row]
    spending: Spending | None = None


def train_rounds(
    process: SchemeProcess,
    task: Task,
    config: RunConfig,
    evaluator: Evaluator,
    loop: RoundLoop,
    context: SecureContext,
    spending: Spending | None = None,
    pace: Pace | BufferedPace | None = None,
    success: Success | None = None,
) -> TrainedScheme:
    """Runs the rounds of `config.run.scheme` that are not done yet.

    Args:
        process: of the scheme.
        task: what is trained.
        config: the settings.
        evaluator: holds the server's test part.
        loop: over the rounds.
        context: TFF's current context.
        spending: keeps the clients' privacy budget, if training is private.
        pace: keeps virtual time, if clients have one.
        success: of an attack that is simulated, if there is one that wants anything.

    Returns:
        the final model, its evaluation and all rows.

    Raises:
        RunError: if a round could not be finished.
    """
    training = process.training
    if spending:
        spending.go_on()
    initial = training.set_model_weights(training.initialize(), task.initial_weights)

    def given(state: Any, number: int) -> Any:
        """The state that clients of a round are given."""
        if not task.client_optimizer.decay_rounds:
            return state
        return with_learning_rate(state, task.client_optimizer.rate(number))

    runner = RoundRunner(
        *(process, config, context, Traffic.of(task.initial_weights)),
        goes_on=loop.done > 0,
        pace=pace,
        earlier=lambda number: given(
            loop.state_after(number, initial) if number else initial, number + 1
        ),
    )
    # What clients tell of their validation parts, no noise protects.
    validates = config.data.validation_fraction > 0 and not spending
    validation = _Validation(process, config.cohort.num_clients) if validates else None

    def train(state: Any, number: int) -> Trained:
        trained = runner.run(given(state, number), number)
        note = "lost" if trained.lost else ""
        if trained.lost:
            warn(
                f"warning: round {number} was lost: {trained.lost}; its sum may have been opened, "
                f"so it is not run again, and the model after round {number - 1} stands"
            )
        if not spending:
            return Trained(trained.state, trained.row, note)
        epsilon = spending.spend(number, trained.trained)
        spent = f"epsilon {epsilon:.2f}"
        row = {**trained.row, "epsilon": epsilon}
        return Trained(trained.state, row, f"{note}, {spent}" if note else spent)

    def evaluate(state: Any) -> tuple[Evaluation, Row]:
        weights = weights_of(state)
        evaluation = evaluator.evaluate(weights)
        columns = validation.evaluate(weights) if validation else {}
        if success is not None:
            columns["attack_success"] = success(weights, evaluation)
        return evaluation, columns

    state, evaluation = loop.run(
        *(initial, train, evaluate),
        may_go_on=lambda: not spending or spending.allows_another_round,
        still_used=pace.versions if pace else frozenset,
    )
    return TrainedScheme(weights_of(state), evaluation, loop.rows, spending)


def build_process(scheme: str, task: Task) -> SchemeProcess | LocalTraining:
    """Returns the processes of a scheme."""
    module_name, function_name = SCHEMES[scheme].builder.split(":")
    builder = getattr(importlib.import_module(module_name), function_name)
    return builder(task)  # type: ignore[no-any-return]


class _Validation:
    """Evaluates a model on the clients' validation parts, without them leaving the clients."""

    def __init__(self, process: SchemeProcess, num_clients: int) -> None:
        self._state = process.evaluation.initialize()
        self._validate = process.validate
        self._keys = client_keys(list(range(num_clients)), 0)

    def evaluate(self, weights: tff.learning.models.ModelWeights) -> Row:
        told = self._validate(with_weights(self._state, weights), self._keys)
        metrics = told["client_work"]["eval"]["current_round_metrics"]
        return {
            "validation_loss": float(metrics["loss"]),
            "validation_accuracy": float(metrics["accuracy"]),
        }
