"""What experiment `batch_size` leaves behind: table, Figure 4, summary, report."""

from collections.abc import Sequence
from pathlib import Path

from tff_health.data.split_names import split_warnings
from tff_health.reporting import figures
from tff_health.reporting.report import Report, Section, citing, configuration
from tff_health.reporting.results_folder import ResultsFolder
from tff_health.reporting.tables import Table
from tff_health.settings.config import RunConfig
from tff_health.studies.comparison import ComparedRun, Comparison
from tff_health.studies.summary import summary_text, write_summary

PAPER_BEST = 100


def write(folder: ResultsFolder, config: RunConfig, runs: Sequence[ComparedRun]) -> str:
    """Writes all results into `folder`, summary.json last.

    Args:
        folder: of the experiment.
        config: the settings.
        runs: of all sizes and seeds.

    Returns:
        what was found, in lines for people.
    """
    compared = Comparison(runs)
    table = compared.accuracy_table()
    table.save(folder.path / "tables")
    _report(folder, config, compared, table)
    write_summary(folder, config, compared)
    return summary_text(folder, config, compared)


def _report(folder: ResultsFolder, config: RunConfig, compared: Comparison, table: Table) -> None:
    final = {g: 100 * compared.final(g, "final_accuracy").mean() for g in compared.groups}
    best = max(final, key=lambda group: final[group])
    report = Report(
        title=f"Batch size: {config.run.scheme} on {config.data_name}",
        subtitle=f"{config.data.split} split, {config.cohort.num_clients} clients, "
        f"{config.training.rounds} rounds, learning rate {config.optimizer.learning_rate}, seeds "
        f"{', '.join(map(str, config.study.seeds))}",
        findings=[(group, f"{value:.1f} %") for group, value in final.items()],
        lead=f"After {config.training.rounds} rounds, {best} has the highest test accuracy, "
        f"{final[best]:.1f} %.",
        warnings=split_warnings(config.data.split),
        sections=[
            Section(
                "Accuracy",
                [
                    f"After {config.training.rounds} rounds, {best} has the highest test accuracy, "
                    f"{final[best]:.1f} %. The paper finds {PAPER_BEST} the best after 300 rounds. "
                    "The learning rate is the same for all: a smaller batch means more steps in a "
                    "round, and so faster learning at first, and more noise in the end.",
                ],
                figures=[_draw(folder.path, compared)],
                tables=[table],
            ),
            citing(folder),
            configuration(folder),
        ],
    )
    report.save(folder.path / "report.html")


def _draw(folder: Path, compared: Comparison) -> tuple[Path, str]:
    figure = compared.accuracy_figure()
    path = figures.save(figure, folder / "figures", "figure_4_batch_size")
    return path, "Accuracy for several batch sizes (the paper's Fig. 4)."
