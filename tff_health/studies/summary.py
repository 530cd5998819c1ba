"""summary.json of a study whose runs are compared by their accuracies, and its lines for people."""

from typing import Any

from tff_health.reporting.files import write_json
from tff_health.reporting.results_folder import ResultsFolder
from tff_health.settings.config import RunConfig
from tff_health.studies.comparison import Comparison, spread
from tff_health.training.outcome import heading

_NARROWEST = 12


def write_summary(
    folder: ResultsFolder, config: RunConfig, compared: Comparison, **more: Any
) -> None:
    """Writes summary.json, which says that the study is finished.

    Args:
        folder: of the experiment.
        config: its settings.
        compared: the runs of all groups and seeds.
        more: entries beside the runs.
    """
    runs = [run.as_json() for run in compared.runs]
    write_json(folder.summary_path, {**heading(config), **more, "runs": runs})


def summary_text(folder: ResultsFolder, config: RunConfig, compared: Comparison) -> str:
    """Returns each group's test accuracy, in lines for people."""
    width = max(_NARROWEST, *map(len, compared.groups))
    data = config.data
    lines = [f"{config.run.scheme} on {data.dataset} ({data.split} split), test accuracy:"]
    for group in compared.groups:
        accuracy = spread(100 * compared.final(group, "final_accuracy"))
        lines.append(f"  {group:{width}s} {accuracy:>12s} %")
    return "\n".join([*lines, f"  report       {folder.path / 'report.html'}"])
