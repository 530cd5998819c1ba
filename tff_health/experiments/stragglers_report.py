"""What experiment `stragglers` leaves behind: table, figures over virtual time, summary, report."""

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tff_health.data.split_names import split_warnings
from tff_health.reporting import figures
from tff_health.reporting.report import Report, Section, citing, configuration
from tff_health.reporting.results_folder import ResultsFolder
from tff_health.reporting.tables import Cell, Table
from tff_health.settings.config import RunConfig
from tff_health.studies.comparison import ComparedRun, Comparison, number, spread
from tff_health.studies.figures import Line, over_rounds
from tff_health.studies.summary import summary_text, write_summary
from tff_health.training.metrics_log import Value

ALL = "all wait"
LEVEL = 0.75
_MOMENTS = 200  # at which figures show what the newest model does


class Stragglers:
    """The runs, and what they come to over virtual time.

    Args:
        runs: of all shares, modes and seeds; their notes name `slow_clients` and `mode`.
        rare: names of the rarer half of the classes, which the last clients hold.

    Attributes:
        compared: the runs by group, with what was found in their notes.
        rare: the same names.
    """

    def __init__(self, runs: Sequence[ComparedRun], rare: Sequence[str]) -> None:
        self.rare = list(rare)
        waiting = {_case(run): run for run in runs if run.notes["mode"] == ALL}
        self.compared = Comparison([self._noted(run, waiting[_case(run)]) for run in runs])

    def _noted(self, run: ComparedRun, waiting: ComparedRun) -> ComparedRun:
        wanted = waiting.outcome.final_accuracy
        seconds, of_all = (seconds_to(r.rows, wanted) for r in (run, waiting))
        last = next(row for row in reversed(run.rows) if row["test_accuracy"] is not None)
        found = {
            "recall_of_rare_classes": self.recall(last),
            "seconds_to_level": _finite(seconds_to(run.rows, LEVEL)),
            "seconds_to_waiting": _finite(seconds),
            "share_of_waiting": _finite(seconds / of_all),
        }
        return dataclasses.replace(run, notes={**run.notes, **found})

    def recall(self, row: dict[str, Value]) -> float:
        """Returns the mean recall of the rare classes after a round."""
        return float(np.mean([number(row, f"recall_{name}") for name in self.rare]))

    def notes(self, group: str, name: str) -> NDArray[np.float64]:
        """Returns what was found of a group's runs, one a seed; infinity for never."""
        values = (run.notes[name] for run in self.compared.groups[group])
        return np.array([math.inf if value is None else value for value in values])


def _case(run: ComparedRun) -> tuple[float, int]:
    return run.notes["slow_clients"], run.config.run.seed


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def seconds_to(rows: Sequence[dict[str, Value]], accuracy: float) -> float:
    """Returns the virtual seconds after which the test accuracy was first reached; or infinity."""
    for row in rows:
        if row["test_accuracy"] is not None and number(row, "test_accuracy") >= accuracy:
            return number(row, "virtual_seconds")
    return math.inf


def write(folder: ResultsFolder, config: RunConfig, found: Stragglers) -> str:
    """Writes all results into `folder`, summary.json last.

    Args:
        folder: of the experiment.
        config: the settings.
        found: the runs.

    Returns:
        what was found, in lines for people.
    """
    table = _table(found)
    table.save(folder.path / "tables")
    _report(folder, config, found, table)
    write_summary(folder, config, found.compared, rare_classes=found.rare)
    return summary_text(folder, config, found.compared)


def _table(found: Stragglers) -> Table:
    rows: list[Sequence[Cell]] = []
    for group in found.compared.groups:
        runs = found.compared.groups[group]
        sent = np.array([(r.outcome.bytes_up + r.outcome.bytes_down) / 1e6 for r in runs])
        total = np.array([r.outcome.virtual_seconds or 0.0 for r in runs])
        rows.append(
            (
                group,
                *(
                    spread(100 * found.compared.final(group, name))
                    for name in ("final_accuracy", "balanced_accuracy")
                ),
                spread(100 * found.notes(group, "recall_of_rare_classes")),
                f"{sent.mean():,.0f}",
                spread(total),
                _reached(found.notes(group, "seconds_to_level")),
                _reached(found.notes(group, "seconds_to_waiting")),
                _reached(found.notes(group, "share_of_waiting"), 2),
            )
        )
    return Table(
        "stragglers",
        "Final models on the test part, in percent, and virtual seconds: mean and standard "
        "deviation over seeds; the recall is the mean over the classes that the last clients alone "
        "hold",
        (
            *("", "accuracy", "balanced accuracy", "recall of rare classes", "MB", "seconds"),
            *(f"seconds to {100 * LEVEL:.0f} %", "seconds to the accuracy of waiting"),
            "as a share of waiting",
        ),
        rows,
    )


def _reached(values: NDArray[np.float64], digits: int = 1) -> str:
    """Mean and deviation over the seeds, if all reached it."""
    reached = np.isfinite(values)
    if not reached.all():
        return f"{reached.sum()} of {len(values)} seeds" if reached.any() else "never"
    if digits == 1:
        return spread(values)
    deviation = f" ± {values.std(ddof=1):.{digits}f}" if len(values) > 1 else ""
    return f"{values.mean():.{digits}f}{deviation}"


def _report(folder: ResultsFolder, config: RunConfig, found: Stragglers, table: Table) -> None:
    groups = found.compared.groups
    most = max(config.study.slow_shares)
    slowest = [g for g in groups if groups[g][0].notes["slow_clients"] == most]
    shares = {g: _reached(found.notes(g, "share_of_waiting"), 2) for g in slowest}
    told = "; ".join(f"{_mode(groups[g])}: {share}" for g, share in shares.items())
    factor = config.clock.slow_factor
    report = Report(
        title=f"Slow clients: {config.run.scheme} on {config.data_name}",
        subtitle=f"{config.data.split} split, {config.cohort.num_clients} clients, "
        f"{config.training.rounds} rounds of waiting for all, {config.partition.kind} partition, "
        f"seeds {', '.join(map(str, config.study.seeds))}",
        findings=[(_mode(groups[g]), share) for g, share in shares.items()],
        lead=f"With {100 * most:.0f} % of the clients {factor:g} times slower, the virtual time to "
        f"the final accuracy of waiting for all, as a share of what waiting takes: {told}.",
        warnings=split_warnings(config.data.split),
        sections=[
            Section(
                "Over virtual time",
                [
                    f"Slow clients are the last ones, {factor:g} times slower than the others. "
                    f"With --partition=rare the last clients hold all images of "
                    f"{', '.join(found.rare)}: whoever leaves slow clients out leaves these out.",
                    "All wait: rounds last as long as the slowest client. Deadline: late updates "
                    "are dropouts of their stage. Partial work: clients do the steps that fit, "
                    "and are averaged as in FedNova (Wang et al. 2020). The seconds to an accuracy "
                    "are those of the first evaluation that reached it.",
                ],
                figures=[_draw(folder.path, found, slowest, most)],
                tables=[table],
            ),
            citing(folder),
            configuration(folder),
        ],
    )
    report.save(folder.path / "report.html")


def _mode(runs: Sequence[ComparedRun]) -> str:
    return str(runs[0].notes["mode"])


def _draw(folder: Path, found: Stragglers, groups: Sequence[str], most: float) -> tuple[Path, str]:
    runs = [run for group in groups for run in found.compared.groups[group]]
    until = max(run.outcome.virtual_seconds or 0.0 for run in runs)
    moments = np.linspace(0.0, until, _MOMENTS)
    panels = {
        "test accuracy (%)": lambda row: number(row, "test_accuracy"),
        "balanced accuracy (%)": lambda row: number(row, "balanced_accuracy"),
        "recall of rare classes (%)": found.recall,
    }
    lines = {
        label: {
            _mode(found.compared.groups[group]): Line(
                moments,
                np.array(
                    [
                        [100 * of_row(row) for row in newest_rows(run.rows, moments)]
                        for run in found.compared.groups[group]
                    ]
                ),
                math.inf,
            )
            for group in groups
        }
        for label, of_row in panels.items()
    }
    figure = over_rounds(lines, over="virtual time (s)")
    path = figures.save(figure, folder / "figures", "over_virtual_time")
    caption = f"Over virtual time, with {100 * most:.0f} % slow clients; the final model stays."
    return path, caption


def newest_rows(
    rows: Sequence[dict[str, Value]], moments: NDArray[np.float64]
) -> list[dict[str, Value]]:
    """Returns the row of the last evaluation before each moment; before the first one, that."""
    evaluated = [row for row in rows if row["test_accuracy"] is not None]
    times = [number(row, "virtual_seconds") for row in evaluated]
    places = np.searchsorted(times, moments, side="right") - 1
    return [evaluated[max(0, int(place))] for place in places]
