"""What `tff.aggregators.SecureSumFactory` cut off before it summed, as its measurements tell it.

The factory brings each client's values into a range before a secure sum. In
`tff.learning.secure_aggregator()` that range is a guess at first and adapts over rounds; what lies
beyond it is lost, weights included, and the sum is wrong without a word.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tff_health.secure_aggregation.slots import Slot

_UPPER, _LOWER = "secure_upper_clipped_count", "secure_lower_clipped_count"
_FLOAT_BOUND = 2**32
"""Floats are summed as integers below it; clipped ones stand at its ends."""


class ClippedSumWarning(UserWarning):
    """Values of clients were cut off before a secure sum."""


@dataclass(frozen=True)
class ClippedSum:
    """One sum whose summands were clipped.

    Attributes:
        name: where the result of the computation has its measurements.
        above: clients with a value above the range.
        below: clients with one below it.
    """

    name: str
    above: int
    below: int


def clipped_sums(result: Any) -> list[ClippedSum]:
    """Finds the sums of which a computation's result says that something was clipped."""
    return list(_walk(result, ()))


def share_at_ends(slots: Sequence[Slot], tensors: Sequence[Sequence[Any]]) -> float:
    """The share of the clients' floats that stand at an end of their range, as clipped ones do.

    Scalars are left out: TFF also sums votes of 0 or 1 that way, by which its ranges adapt.

    Args:
        slots: the secure sums.
        tensors: of each client, a tensor for each slot.

    Returns:
        0 to 1; 0 if no tensors of floats are summed.
    """
    ends = values = 0
    for place, slot in enumerate(slots):
        if slot.bound == _FLOAT_BOUND and slot.shape:
            for given in tensors:
                tensor = np.asarray(given[place])
                ends += int(np.count_nonzero((tensor == 0) | (tensor == slot.bound - 1)))
                values += tensor.size
    return ends / values if values else 0.0


def worded(round_id: int, clipped: Sequence[ClippedSum], num_clients: int, share: float) -> str:
    """Returns what the warning says."""
    sums = ", ".join(f"{one.name} (above at {one.above}, below at {one.below})" for one in clipped)
    return (
        f"round {round_id}: values of clients were clipped before they were summed, and the result "
        f"is wrong by what was cut off: {share:.1%} of the values in tensors stand at an end of "
        f"their range; of {num_clients} clients, {sums}; use tff_health.WeightedFixedPointMean, or "
        "a range that holds all values"
    )


def _walk(value: Any, path: tuple[str, ...]) -> Iterator[ClippedSum]:
    parts = _parts(value)
    if _UPPER in parts and _LOWER in parts:
        above, below = int(parts[_UPPER]), int(parts[_LOWER])
        if above or below:
            yield ClippedSum("/".join(path) or "the sum", above, below)
        return
    for name, part in parts.items():
        yield from _walk(part, (*path, name))


def _parts(value: Any) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return value._asdict()
    if hasattr(value, "__attrs_attrs__"):
        return {field.name: getattr(value, field.name) for field in value.__attrs_attrs__}
    if isinstance(value, list | tuple):
        return {str(number): part for number, part in enumerate(value)}
    return {}
