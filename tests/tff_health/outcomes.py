"""Outcomes of runs that were not run."""

from tff_health.training.outcome import RunOutcome, Seconds

_ANY = {
    **{"scheme": "fedavg", "rounds": 5, "num_clients": 10, "seed": 0},
    **{"final_accuracy": 0.8, "balanced_accuracy": 0.5, "macro_f1": 0.5, "auc": 0.9},
    **{"majority_accuracy": 0.64, "recall": (0.9, 0.1), "bytes_up": 1000, "bytes_down": 2000},
    **{"seconds": Seconds(4.0, 3.0, 0.5, 0.25), "survivors": (10,) * 5, "aborted_attempts": 1},
    **{"lost_rounds": 0, "clipped_coordinates": 0, "non_finite_updates": 0},
    "rounds_with_non_finite_updates": 0,
}


def outcome(**given):
    """Return an outcome with these values; others are made up."""
    return RunOutcome(**{**_ANY, **given})
