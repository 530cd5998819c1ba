"""What a finished training run left behind, read back."""

from pathlib import Path

from tff_health.errors import RunError
from tff_health.reporting.files import read_json
from tff_health.training.metrics_log import Value, read_rows
from tff_health.training.outcome import RunOutcome


def read_finished_run(path: Path, remedy: str) -> tuple[list[dict[str, Value]], RunOutcome]:
    """Reads a finished run.

    Args:
        path: its folder.
        remedy: what to do if it is damaged, for people.

    Returns:
        The rows of metrics.csv, and what the run came to.

    Raises:
        RunError: if a file is missing or damaged, or they do not tell of the same rounds.
    """
    summary, log = path / "summary.json", path / "metrics.csv"
    try:
        (entry,) = read_json(summary, remedy)["runs"]
        run = RunOutcome.from_json(entry)
    except KeyError as error:
        raise RunError(f"{summary} is damaged (it has no {error.args[0]}): {remedy}") from None
    except (ValueError, TypeError, AttributeError) as error:
        raise RunError(f"{summary} is damaged ({error}): {remedy}") from None
    try:
        rows = read_rows(log)
        wrong = "" if len(rows) == run.rounds else f"{len(rows)} rows for {run.rounds} rounds"
    except (OSError, ValueError) as error:
        wrong = str(error)
    if wrong:
        raise RunError(f"{log} is missing or damaged ({wrong}): {remedy}")
    return rows, run
