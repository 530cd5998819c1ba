"""What experiment `batch_size` leaves behind: table, Figure 4, summary, report."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tff_health.reporting import figures
from tff_health.reporting.report import Report, Section
from tff_health.reporting.results_folder import ResultsFolder
from tff_health.reporting.tables import Table
from tff_health.studies.comparison import ComparedRun, Comparison
from tff_health.studies.summary import write_summary
from tff_health.training.report import SPLIT_NOTES

PAPER_BEST = 100


def write(folder: ResultsFolder, description: dict[str, Any], runs: Sequence[ComparedRun]) -> str:
    """Writes all results into `folder`, summary.json last.

    Args:
        folder: of the experiment.
        description: as in config.json.
        runs: of all sizes and seeds.

    Returns:
        what was found, in lines for people.
    """
    compared = Comparison(runs)
    table = compared.accuracy_table()
    table.save(folder.path / "tables")
    _report(folder.path, description, compared, table)
    return write_summary(folder, description["config"], compared)


def _report(folder: Path, description: dict[str, Any], compared: Comparison, table: Table) -> None:
    config = description["config"]
    final = {g: 100 * compared.final(g, "final_accuracy").mean() for g in compared.groups}
    best = max(final, key=lambda group: final[group])
    report = Report(
        title=f"Batch size: {config['scheme']} on {config['dataset']}",
        subtitle=f"{config['split']} split, {config['num_clients']} clients, {config['rounds']} "
        f"rounds, learning rate {config['learning_rate']}, seeds "
        f"{', '.join(map(str, config['seeds']))}",
        findings=[(group, f"{value:.1f} %") for group, value in final.items()],
        warnings=[note for note in (SPLIT_NOTES[config["split"]],) if note],
        sections=[
            Section(
                "Accuracy",
                [
                    f"After {config['rounds']} rounds, {best} has the highest test accuracy, "
                    f"{final[best]:.1f} %. The paper finds {PAPER_BEST} the best after 300 rounds. "
                    "The learning rate is the same for all: a smaller batch means more steps in a "
                    "round, and so faster learning at first, and more noise in the end.",
                ],
                figures=[_draw(folder, compared)],
                tables=[table],
            ),
            Section("Configuration", listing=json.dumps(description, indent=2), folded=True),
        ],
    )
    report.save(folder / "report.html")


def _draw(folder: Path, compared: Comparison) -> tuple[Path, str]:
    figure = compared.accuracy_figure()
    path = figures.save(figure, folder / "figures", "figure_4_batch_size")
    return path, "Accuracy for several batch sizes (the paper's Fig. 4)."
