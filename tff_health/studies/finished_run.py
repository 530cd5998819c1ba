"""What a finished training run left behind, read back."""

from pathlib import Path
from typing import Any

from tff_health.errors import RunError
from tff_health.reporting.files import read_json
from tff_health.training.metrics_log import Value, read_rows


def read_finished_run(path: Path, remedy: str) -> tuple[list[dict[str, Value]], dict[str, Any]]:
    """Reads a finished run.

    Args:
        path: its folder.
        remedy: what to do if it is damaged, for people.

    Returns:
        The rows of metrics.csv, and the run as in summary.json.

    Raises:
        RunError: if a file is missing or damaged, or they do not tell of the same rounds.
    """
    summary = read_json(path / "summary.json", remedy)
    log = path / "metrics.csv"
    try:
        rows, (run,) = read_rows(log), summary["runs"]
        wrong = "" if len(rows) == run["rounds"] else f"{len(rows)} rows for {run['rounds']} rounds"
    except (OSError, ValueError, KeyError, TypeError) as error:
        wrong = str(error)
    if wrong:
        raise RunError(f"{log} is missing or damaged ({wrong}): {remedy}")
    return rows, run
