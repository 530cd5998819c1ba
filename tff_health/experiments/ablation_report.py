"""What experiment `ablation` leaves behind: table, figure, summary, report."""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from tff_health.data.split_names import split_warnings
from tff_health.reporting import figures
from tff_health.reporting.figures import COLOURS, GREY, STYLE
from tff_health.reporting.report import Report, Section, citing, configuration
from tff_health.reporting.results_folder import ResultsFolder
from tff_health.reporting.tables import Cell, Table
from tff_health.settings.config import RunConfig
from tff_health.studies.comparison import METRIC_COLUMNS, ComparedRun, Comparison, spread
from tff_health.studies.summary import summary_text, write_summary

AS_GIVEN = "as given"
_DIFFERENCES = ("accuracy", "balanced accuracy")


def write(
    folder: ResultsFolder, config: RunConfig, tested: int, runs: Sequence[ComparedRun]
) -> str:
    """Writes all results into `folder`, summary.json last.

    Args:
        folder: of the experiment.
        config: the settings.
        tested: images in the test part.
        runs: of all variants and seeds; those of group `AS_GIVEN` are what others are held against.

    Returns:
        what was found, in lines for people.
    """
    compared = Comparison(runs)
    differences = {
        label: {
            group: 100 * (compared.final(group, metric) - compared.final(AS_GIVEN, metric))
            for group in compared.groups
            if group != AS_GIVEN
        }
        for label, metric in METRIC_COLUMNS.items()
        if label in _DIFFERENCES
    }
    table = _table(compared, differences)
    table.save(folder.path / "tables")
    _report(folder, config, tested, compared, differences, table)
    write_summary(folder, config, compared)
    return summary_text(folder, config, compared)


def _table(compared: Comparison, differences: dict[str, dict[str, NDArray[np.float64]]]) -> Table:
    rows: list[Sequence[Cell]] = []
    for group in compared.groups:
        more = [_signed(found[group]) if group in found else "" for found in differences.values()]
        rows.append((group, *compared.metric_cells(group), *more))
    majority = f"{100 * compared.final(AS_GIVEN, 'majority_accuracy').mean():.1f}"
    rows.append(("majority class", majority, *[""] * 5))
    more_columns = [f"{label}: difference" for label in differences]
    return Table(
        "ablation",
        "Final models on the test part, in percent, and differences from the settings as given, in "
        "points, seed by seed: mean and standard deviation over seeds",
        ("", *METRIC_COLUMNS, *more_columns),
        rows,
    )


def _signed(values: NDArray[np.float64]) -> str:
    return spread(values) if values.mean() < 0 else f"+{spread(values)}"


def _report(
    folder: ResultsFolder,
    config: RunConfig,
    tested: int,
    compared: Comparison,
    differences: dict[str, dict[str, NDArray[np.float64]]],
    table: Table,
) -> None:
    accuracy = compared.final(AS_GIVEN, "final_accuracy").mean()
    error = 100 * float(np.sqrt(accuracy * (1 - accuracy) / tested))
    most = max(differences["accuracy"], key=lambda g: abs(differences["accuracy"][g].mean()))
    path = figures.save(_draw(differences), folder.path / "figures", "differences")
    report = Report(
        title=f"What each part of training gives: {config.run.scheme} on {config.data_name}",
        subtitle=f"{config.data.split} split, {config.cohort.num_clients} clients, "
        f"{config.training.rounds} rounds, batches of {config.training.batch_size}, learning rate "
        f"{config.optimizer.learning_rate}, seeds {', '.join(map(str, config.study.seeds))}",
        findings=[
            (AS_GIVEN, f"{100 * accuracy:.1f} %"),
            *((g, f"{_signed(d)} points") for g, d in differences["accuracy"].items()),
        ],
        lead=f"As given, the settings reach {100 * accuracy:.1f} %. Of the parts that were "
        f"switched, {most} changes accuracy most: by {_signed(differences['accuracy'][most])} "
        "points.",
        warnings=split_warnings(config.data.split),
        sections=[
            Section(
                "Differences",
                [
                    "One part of the training is switched in each run: left out where it is used, "
                    "added where it is not. All else is the same, the learning rate too: without "
                    "momentum, for instance, steps are smaller, and a rate of its own might do "
                    "better.",
                    f"The test part has {tested:,} images, so that an accuracy has a standard "
                    f"error of {error:.1f} points; differences between models that were tested on "
                    "the same images vary less, but not nothing.",
                ],
                figures=[(path, "Differences from the settings as given, in points.")],
                tables=[table],
            ),
            citing(folder),
            configuration(folder),
        ],
    )
    report.save(folder.path / "report.html")


def _draw(differences: dict[str, dict[str, NDArray[np.float64]]]) -> Figure:
    groups = list(next(iter(differences.values())))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.5, 1.2 + 0.3 * len(groups)), layout="constrained")
        panels = figure.subplots(1, len(differences), sharey=True, squeeze=False)[0]
        for axes, (label, found) in zip(panels, differences.items(), strict=True):
            for place, group in enumerate(groups):
                values = found[group]
                deviation = values.std(ddof=1) if len(values) > 1 else 0.0
                axes.errorbar(
                    *(values.mean(), place),
                    xerr=deviation,
                    color=COLOURS[0],
                    marker="o",
                    markersize=5,
                    capsize=3,
                )
            axes.axvline(0, color=GREY, linewidth=1)
            axes.set_xlabel(f"{label}: difference (points)")
        panels[0].set_yticks(range(len(groups)), groups)
        panels[0].invert_yaxis()
    return figure
