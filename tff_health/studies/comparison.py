"""Runs side by side: groups of runs that differ in their seeds alone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from tff_health.reporting.tables import Cell, Table
from tff_health.settings.config import RunConfig
from tff_health.studies.figures import Line, over_rounds
from tff_health.training.metrics_log import Value
from tff_health.training.outcome import RunOutcome

METRIC_COLUMNS = {
    "accuracy": "final_accuracy",
    "balanced accuracy": "balanced_accuracy",
    "macro F1": "macro_f1",
    "AUC": "auc",
}
"""Columns of final metrics, and what they are called in summary.json."""

OfRow: TypeAlias = Callable[[dict[str, Value]], float]


@dataclass(frozen=True)
class ComparedRun:
    """One run as it is compared.

    Attributes:
        group: the scheme, or the baseline.
        config: its settings.
        rows: one a round; rounds whose cryptography was not run have no costs.
        outcome: of the run.
        encrypted_rounds: rounds whose cryptography was run.
        notes: what summary.json says beside its outcome.
    """

    group: str
    config: RunConfig
    rows: list[dict[str, Value]]
    outcome: RunOutcome
    encrypted_rounds: int
    notes: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Returns the entry of summary.json."""
        return {"name": self.group, **self.notes, **self.outcome.as_json()}


class Comparison:
    """Runs in groups that differ in their seeds alone.

    Args:
        runs: those of one group have the same rounds.

    Attributes:
        runs: all of them.
        groups: the runs by group, in the order in which they first appear.
    """

    def __init__(self, runs: Sequence[ComparedRun]) -> None:
        self.runs = runs
        self.groups: dict[str, list[ComparedRun]] = {}
        for run in runs:
            self.groups.setdefault(run.group, []).append(run)

    def final(self, group: str, metric: str) -> NDArray[np.float64]:
        """The metric of the final models, one a seed."""
        return np.array([getattr(run.outcome, metric) for run in self.groups[group]], float)

    def best(self, group: str) -> tuple[float, int]:
        """The highest mean test accuracy of any round, and that round."""
        line = self.line(group, "test_accuracy")
        mean = line.values.mean(axis=0)
        return float(mean.max()), int(line.rounds[mean.argmax()])

    def line(self, group: str, column: str, scale: float = 1.0) -> Line:
        """A column of metrics.csv over the rounds in which it is known."""
        runs = self.groups[group]
        rows = [row for row in runs[0].rows if row[column] is not None]
        rounds = np.array([row["round"] for row in rows], np.int64)
        wanted = {int(number) for number in rounds}
        values = [
            [scale * float(row[column] or 0) for row in run.rows if row["round"] in wanted]
            for run in runs
        ]
        return Line(rounds, np.array(values), runs[0].encrypted_rounds)

    def seconds(self, group: str) -> NDArray[np.float64]:
        """Seconds of a round without evaluation, the median over a run's rounds; one a seed."""
        return np.array([_median(run, server_seconds) for run in self.groups[group]])

    def crypto(self, group: str, role: str) -> float:
        """Seconds of cryptography of a role in a round, the median over all rounds."""
        column = f"seconds_{role}_crypto"
        values = [_median(run, lambda row: number(row, column)) for run in self.groups[group]]
        return float(np.mean(values))

    def cumulative(self, group: str, of_row: OfRow) -> Line:
        """What rounds take up to each of them; those that were not run as the others' mean."""
        runs, rows = self.groups[group], self.groups[group][0].rows
        values = []
        for run in runs:
            known = [of_row(row) for row in run.rows[: run.encrypted_rounds]]
            rest = len(run.rows) - len(known)
            values.append(np.cumsum([*known, *[float(np.median(known))] * rest]))
        rounds = np.arange(1, len(rows) + 1)
        return Line(rounds, np.array(values), runs[0].encrypted_rounds)

    def accuracy_figure(self) -> Figure:
        """Test accuracy and balanced accuracy of all groups over rounds, in percent."""
        majority = 100 * self.final(next(iter(self.groups)), "majority_accuracy").mean()
        columns = {
            "test accuracy (%)": "test_accuracy",
            "balanced accuracy (%)": "balanced_accuracy",
        }
        panels = {
            label: {group: self.line(group, column, 100) for group in self.groups}
            for label, column in columns.items()
        }
        return over_rounds(panels, {"majority class": majority})

    def metric_cells(self, group: str) -> list[str]:
        """Final metrics of a group under `METRIC_COLUMNS`, in percent."""
        return [spread(100 * self.final(group, name)) for name in METRIC_COLUMNS.values()]

    def accuracy_table(self) -> Table:
        """Final metrics of all runs, in percent."""
        rows: list[Sequence[Cell]] = []
        for group in self.groups:
            best, at = self.best(group)
            rows.append((group, *self.metric_cells(group), f"{100 * best:.1f} (round {at})"))
        majority = f"{100 * self.final(next(iter(self.groups)), 'majority_accuracy').mean():.1f}"
        rows.append(("majority class", majority, "", "", "", ""))
        return Table(
            "accuracy",
            "Final models on the test part, in percent: mean and standard deviation over seeds; "
            "and the best round",
            ("", *METRIC_COLUMNS, "best accuracy"),
            rows,
        )


def spread(values: NDArray[np.float64]) -> str:
    """Mean and sample standard deviation over seeds, for people."""
    deviation = f" ± {values.std(ddof=1):.1f}" if len(values) > 1 else ""
    return f"{values.mean():.1f}{deviation}"


def server_seconds(row: dict[str, Value]) -> float:
    """Seconds of a round without evaluation."""
    return number(row, "seconds_total") - number(row, "seconds_evaluation")


def number(row: dict[str, Value], column: str) -> float:
    """A number of a row; 0 where there is none."""
    return float(row[column] or 0)


def _median(run: ComparedRun, of_row: OfRow) -> float:
    return float(np.median([of_row(row) for row in run.rows[: run.encrypted_rounds]]))
