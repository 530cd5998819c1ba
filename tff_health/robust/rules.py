"""Robust rules: one vector out of several, of which a minority may be anything.

Means of groups go in as the rows of a matrix. With b bad rows of G, the median and the geometric
median bear b < G / 2, the trimmed mean as many as it cuts off at each end, and the mean none.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

_SMOOTHING = 1e-6
"""nu of Pillutla et al.: distances below it count as it, so that no weight is infinite."""
_CLOSE = 1e-10
_MOST_STEPS = 1000

Rows = NDArray[np.float64]


def combine(rule: str, rows: Rows, weights: NDArray[Any], trimmed_share: float) -> Rows:
    """Returns what a rule makes of the rows.

    Args:
        rule: "mean", "median", "trimmed_mean" or "geometric_median".
        rows: float64 (G, m), finite, G at least 1.
        weights: (G,), above 0; of the mean alone. The others give all rows the same say, as a
            weight that a hostile client may claim would be worth as much as many rows.
        trimmed_share: of the trimmed mean.

    Returns:
        float64 (m,).
    """
    match rule:
        case "mean":
            return np.average(rows, axis=0, weights=np.asarray(weights, np.float64))
        case "median":
            return np.median(rows, axis=0)
        case "trimmed_mean":
            return trimmed_mean(rows, num_trimmed(len(rows), trimmed_share))
        case "geometric_median":
            return geometric_median(rows)
    raise ValueError(f"no rule is called {rule!r}")


def num_trimmed(rows: int, share: float) -> int:
    """Returns how many rows a trimmed mean leaves out at each end; at least one row stays."""
    return min(math.ceil(share * rows - 1e-9), (rows - 1) // 2)


def trimmed_mean(rows: Rows, trimmed: int) -> Rows:
    """Returns the mean of each coordinate without its `trimmed` largest and smallest values.

    Source: Yin et al. 2018, "Byzantine-robust distributed learning", definition 2.
    """
    kept = np.sort(rows, axis=0)[trimmed : len(rows) - trimmed]
    return kept.mean(axis=0)  # type: ignore[no-any-return]


def geometric_median(rows: Rows) -> Rows:
    """Returns the point with the smallest sum of distances to all rows, by Weiszfeld's steps.

    Steps begin at the mean and end when one moves the point by less than 1e-10 of its distance to
    most rows, or after 1,000.

    Source: Pillutla, Kakade, Harchaoui 2022, "Robust aggregation for federated learning" (RFA),
    algorithm 2; distances are smoothed as there.
    """
    # The point stays among the rows, so that by their inner products a step costs G^2 and not G m.
    # They are taken around the median, where good rows are short whatever the bad ones are.
    around = rows - np.median(rows, axis=0)
    products = around @ around.T
    shares = np.full(len(rows), 1 / len(rows))
    for _ in range(_MOST_STEPS):
        squares = np.diag(products) - 2 * products @ shares + shares @ products @ shares
        distances = np.maximum(np.sqrt(np.maximum(squares, 0)), _SMOOTHING)
        weights = 1 / distances
        weights /= weights.sum()
        change, shares = weights - shares, weights
        moved = math.sqrt(max(change @ products @ change, 0.0))
        if moved <= _CLOSE * np.median(distances):
            break
    return shares @ rows  # type: ignore[no-any-return]
