"""The lines in which a run ends on the terminal."""

from collections.abc import Sequence
from pathlib import Path

from tff_health.reporting.progress import duration
from tff_health.settings.config import RunConfig
from tff_health.training.description import RunDescription
from tff_health.training.outcome import RunOutcome


def summary_text(
    config: RunConfig, described: RunDescription, run: RunOutcome, folder: Path, seconds: float
) -> str:
    """The lines that end a run on the terminal."""
    return (
        f"{run.scheme} on {config.data_name} ({config.data.split} split), {run.rounds} "
        f"rounds in {duration(seconds)}\n"
        f"  test accuracy      {run.final_accuracy:.4f}   (majority class "
        f"{run.majority_accuracy:.4f})\n"
        f"  balanced accuracy  {run.balanced_accuracy:.4f}\n"
        f"  macro F1           {run.macro_f1:.4f}\n"
        f"{_privacy_line(run)}"
        f"  survivors          {range_of(run.survivors)} of "
        f"{config.cohort_size} clients\n"
        f"{_verified_line(run)}"
        f"{_lost_line(run)}"
        f"{_left_out_line(run)}"
        f"  update protection  {described.protection_of_updates}\n"
        f"  told in the clear  {described.in_the_clear}\n"
        f"  report             {folder / 'report.html'}"
    )


def _privacy_line(run: RunOutcome) -> str:
    if run.privacy is None:
        return ""
    terms = run.privacy.terms
    return (
        f"  epsilon            {run.privacy.epsilon:.3g} at delta {terms.delta:g} for each "
        f"{terms.unit} ({terms.accountant})\n"
    )


def _verified_line(run: RunOutcome) -> str:
    if not run.verified:
        return ""
    return f"  sums found right   by {range_of(run.verified)} clients\n"


def _lost_line(run: RunOutcome) -> str:
    if not run.lost_rounds:
        return ""
    return (
        f"  lost rounds        {run.lost_rounds} of {run.rounds}: aborted when a sum may "
        "have been opened; see metrics.csv\n"
    )


def _left_out_line(run: RunOutcome) -> str:
    if not run.non_finite_updates:
        return ""
    return (
        f"  left out           {run.non_finite_updates:,} updates that were not finite, in "
        f"{run.rounds_with_non_finite_updates:,} of {run.rounds:,} rounds\n"
    )


def range_of(numbers: Sequence[int]) -> str:
    """The numbers from the lowest to the highest, for people."""
    low, high = min(numbers), max(numbers)
    return str(low) if low == high else f"{low} to {high}"
