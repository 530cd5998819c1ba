"""Updates and models that are not finite numbers: counted, told, and never gone on with.

A client whose training came to NaN or infinity is left out of its round's mean. Where nobody else
is left, or the model itself is lost, training ends with the last good state.
"""

from typing import Any

import numpy as np
import tensorflow as tf

from tff_health.errors import RunError
from tff_health.training.metrics_log import Value

_CURE = "lower --learning_rate, or look for clients whose images or labels are broken"


def check_updates(number: int, row: dict[str, Value]) -> str:
    """Looks at the row of a round in metrics.csv.

    Returns:
        a note for people; empty if all updates were finite, or if their number is private.

    Raises:
        RunError: if no update was.
    """
    broken, survivors = row.get("non_finite_updates"), row["survivors"]
    if not broken:
        return ""
    if broken == survivors:
        raise RunError(
            f"round {number}: the updates of all {survivors} clients are not finite numbers (NaN "
            f"or infinity); the state after round {number - 1} is kept: {_CURE}"
        )
    return f"{broken} of {survivors} updates not finite"


def warning(number: int, note: str) -> str:
    """The line that tells of the first round with such a note."""
    return (
        f"warning: round {number}: {note} (NaN or infinity); they are left out of the mean, here "
        "and in other rounds that metrics.csv names"
    )


def check_round(number: int, row: dict[str, Value], state: Any, metrics: Any) -> None:
    """Looks at what a round made of the model.

    Args:
        number: of the round.
        row: of metrics.csv.
        state: after it, of a learning process.
        metrics: of it.

    Raises:
        RunError: if no update is finite, or not the mean of them, or not the new model.
    """
    check_updates(number, row)
    rejected = int(metrics["finalizer"].get("update_non_finite", 0))
    weights = tf.nest.flatten(state.global_model_weights.trainable)
    if rejected or not all(np.isfinite(weight).all() for weight in weights):
        what = "mean of the updates" if rejected else "model"
        raise RunError(
            f"round {number}: the {what} is not finite (NaN or infinity); the state after round "
            f"{number - 1} is kept: lower --learning_rate or --server_learning_rate"
        )
