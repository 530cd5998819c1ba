"""What metrics.csv says of a round's training, from what the server was told of it."""

from collections.abc import Mapping
from typing import Any

from tff_health.settings.config import RunConfig
from tff_health.training.metrics_log import Value

_HIDING = ("distributed", "client")
"""Noise that hides who trained in vain."""


def round_columns(
    config: RunConfig, train: Mapping[str, Any] | None, measured: Mapping[str, Any]
) -> dict[str, Value]:
    """Returns the columns.

    Args:
        config: the settings.
        train: `loss` and `accuracy` over the clients' batches; None if they told none.
        measured: sums over the survivors: `clipped_coordinates`, `non_finite_updates` and, where
            updates are weighted by quality, `weight_sum` and `global_distance`.
    """
    row: dict[str, Value] = {}
    if train:
        row["train_loss"] = float(train["loss"])
        row["train_accuracy"] = float(train["accuracy"])
    for name in ("clipped_coordinates", "non_finite_updates"):
        if name in measured:
            row[name] = int(measured[name])
    if config.privacy.noise in _HIDING:
        row.pop("non_finite_updates", None)
    if "global_distance" in measured:
        row["quality_sum"] = round(float(measured["weight_sum"]), 6)
        row["global_distance"] = float(measured["global_distance"])
    return row
