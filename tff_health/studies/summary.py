"""summary.json of a study whose runs are compared by their accuracies, and its lines for people."""

from typing import Any

from tff_health.reporting.files import write_json
from tff_health.reporting.results_folder import ResultsFolder
from tff_health.studies.comparison import Comparison, spread

_NARROWEST = 12


def write_summary(folder: ResultsFolder, config: dict[str, Any], compared: Comparison) -> str:
    """Writes summary.json, which says that the study is finished.

    Args:
        folder: of the experiment.
        config: its settings.
        compared: the runs of all groups and seeds.

    Returns:
        each group's test accuracy, in lines for people.
    """
    summary = {
        **{key: config[key] for key in ("experiment", "dataset", "split", "preset")},
        "runs": [run.run for run in compared.runs],
    }
    write_json(folder.summary_path, summary)
    width = max(_NARROWEST, *map(len, compared.groups))
    lines = [f"{config['scheme']} on {config['dataset']} ({config['split']} split), test accuracy:"]
    for group in compared.groups:
        accuracy = spread(100 * compared.final(group, "final_accuracy"))
        lines.append(f"  {group:{width}s} {accuracy:>12s} %")
    return "\n".join([*lines, f"  report       {folder.path / 'report.html'}"])
