"""The loop over the rounds of a run: train, evaluate, record, keep the state."""

import time
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from tff_health.local.evaluation import Evaluation
from tff_health.reporting.progress import Progress, Updates, warn
from tff_health.settings.config import RunConfig
from tff_health.training.broken_updates import check_updates, warning
from tff_health.training.checkpoints import Checkpoints
from tff_health.training.lost_rounds import check_lost
from tff_health.training.metrics_log import MetricsLog, Value

ProgressFactory: TypeAlias = Callable[[str, int, int], AbstractContextManager[Updates]]
Row: TypeAlias = dict[str, Value]

_COLUMNS = (
    "scheme",
    "round",
    "cohort",
    "survivors",
    "verified",
    "aborted_attempts",
    "lost",
    "groups",
    "groups_left_out",
    "dealing",
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
    "attack_success",
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


def metrics_columns(class_names: tuple[str, ...], of_pace: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The columns of metrics.csv: those of every run, of its pace, then the recall of each class.

    Args:
        class_names: of the data set.
        of_pace: columns of virtual time, in a run that has one.
    """
    return (*_COLUMNS, *of_pace, *(f"recall_{name}" for name in class_names))


class Record(Protocol):
    """A file, or files, that belong to the state of a run and can be checked or repaired by it."""

    name: str

    @property
    def text(self) -> str:
        """What is kept with the state."""

    def restore(self, text: str) -> None:
        """Goes on from the kept text; empty at the start of a run."""

    def write(self) -> None:
        """Writes the files, after the state is kept."""


@dataclass(frozen=True)
class Trained:
    """What training of one round came to.

    Attributes:
        state: after it.
        row: its columns of metrics.csv.
        note: for the line of progress; may be empty.
    """

    state: Any
    row: Row
    note: str = ""


class RoundLoop:
    """The rounds of one run.

    What is recorded is kept with the state, and written to its own file after it: a kill at any
    moment costs at most one round, and files that were damaged meanwhile are repaired.

    Args:
        config: the settings.
        class_names: of the data set, in order.
        log: takes a row for each round.
        records: what else goes with the state.
        checkpoint_folder: keeps the newest state.
        progress_of: shows how far the rounds are, given what is trained and the rounds in all and
            done by an earlier process.

    Attributes:
        done: rounds that an earlier process did.

    Raises:
        RunError: if what is left of an earlier process does not allow to go on.
    """

    def __init__(
        self,
        config: RunConfig,
        class_names: tuple[str, ...],
        log: MetricsLog,
        records: Sequence[Record],
        checkpoint_folder: Path,
        progress_of: ProgressFactory,
    ) -> None:
        self._config = config
        self._class_names = class_names
        self._log = log
        self._checkpoints = Checkpoints(checkpoint_folder)
        self._progress_of = progress_of
        self._records: tuple[Record, ...] = (log, *records)
        self.done = self._checkpoints.newest_round()
        kept = self._checkpoints.records() if self.done else {}
        for record in self._records:
            record.restore(kept.get(record.name, ""))

    @property
    def rows(self) -> list[Row]:
        """All rows of metrics.csv."""
        return self._log.rows

    def state_after(self, number: int, template: Any) -> Any:
        """Returns the state after an earlier round, which was still used.

        Args:
            number: of the round.
            template: a state of the same structure.

        Raises:
            RunError: if it is damaged, of another structure, or not there.
        """
        return self._checkpoints.load_round(template, number)

    def run(
        self,
        initial: Any,
        train: Callable[[Any, int], Trained],
        evaluate: Callable[[Any], tuple[Evaluation, Row]],
        may_go_on: Callable[[], bool] = lambda: True,
        still_used: Callable[[], Collection[int]] = tuple,
    ) -> tuple[Any, Evaluation]:
        """Runs the rounds that are not done yet.

        Args:
            initial: the state before the first round, any structure of arrays.
            train: from the state and the number of a round, from 1, to what came of it.
            evaluate: from a state to its model's evaluation, and further columns of metrics.csv.
            may_go_on: whether there is to be a further round, asked at the start and after each.
            still_used: earlier rounds whose states are kept beside the newest, asked after each.

        Returns:
            the final state, and its evaluation.

        Raises:
            RunError: if the kept state is damaged or of another structure, if no client's update
                was finite, or if too many rounds in a row were lost.
        """
        state, evaluation = self._checkpoints.load(initial) if self.done else initial, None
        config, rounds = self._config, range(self.done + 1, self._config.training.rounds + 1)
        what, warned = f"{config.run.scheme} on {config.data_name}", False
        with self._progress_of(what, config.training.rounds, self.done) as progress:
            for number in rounds if may_go_on() else ():
                start = time.monotonic()
                trained = train(state, number)
                state, note = trained.state, trained.note
                row: Row = {"scheme": config.run.scheme, "round": number, **trained.row}
                if broken := check_updates(number, row):
                    if not warned:
                        warn(warning(number, broken))
                    warned, note = True, f"{note}, {broken}" if note else broken
                is_last = number == config.training.rounds or not may_go_on()
                trained_at = time.monotonic()
                if is_last or number % config.training.eval_every == 0:
                    evaluation, columns = evaluate(state)
                    row |= self._columns(evaluation) | columns
                    accuracy = f"test accuracy {evaluation.accuracy:.3f}"
                    note = f"{accuracy}, {note}" if note else accuracy
                end = time.monotonic()
                row["seconds_evaluation"] = round(end - trained_at, 4)
                row["seconds_total"] = round(end - start, 4)
                self._log.add([row])
                kept = {record.name: record.text for record in self._records}
                self._checkpoints.save(state, number, kept, still_used())
                for record in self._records:
                    record.write()
                progress.update(number, note)
                if is_last:
                    break
                check_lost(self.rows, is_over=False)
        check_lost(self.rows, is_over=True)
        return state, evaluation or evaluate(state)[0]

    def _columns(self, evaluation: Evaluation) -> Row:
        recalls = zip(self._class_names, evaluation.recall.tolist(), strict=True)
        return {
            "test_loss": evaluation.loss,
            "test_accuracy": evaluation.accuracy,
            "balanced_accuracy": evaluation.balanced_accuracy,
            "macro_f1": evaluation.macro_f1,
            "auc": evaluation.auc,
            **{f"recall_{name}": recall for name, recall in recalls},
        }
