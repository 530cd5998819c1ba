"""Where the values of several clients meet: the distinct sums that a sparse sum consists of."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Meetings:
    """The distinct sums, and which of them stands where.

    Attributes:
        coordinates: int64 (u,), increasing: where at least one client is not 0.
        sums: for each distinct sum, the values in it as pairs (client's place, index of the value).
        sum_at: int64 (u,): the sum at each of the coordinates.
    """

    coordinates: NDArray[np.int64]
    sums: tuple[tuple[tuple[int, int], ...], ...]
    sum_at: NDArray[np.int64]

    @property
    def lone_share(self) -> float:
        """The share of the coordinates at which one client alone is not 0; 0 if there are none."""
        if not len(self.coordinates):
            return 0.0
        lone = np.array([len(members) == 1 for members in self.sums])
        return float(np.mean(lone[self.sum_at]))


def find_meetings(
    positions: Sequence[NDArray[np.int64]], indices: Sequence[NDArray[np.int64]]
) -> Meetings:
    """Find what must be added.

    Args:
        positions: for each client, increasing, int64 (k_i,): where it is not 0.
        indices: for each client, int64 (k_i,): which of its values stands there.
    """
    coordinates = np.unique(np.concatenate([np.zeros(0, np.int64), *positions]))
    # Which value of each client stands at each coordinate, and 0 for none.
    table = np.zeros((len(coordinates), len(positions)), np.int64)
    for client, (places, values) in enumerate(zip(positions, indices, strict=True)):
        table[np.searchsorted(coordinates, places), client] = values + 1
    if not len(coordinates):
        return Meetings(coordinates, (), np.zeros(0, np.int64))
    rows, sum_at = np.unique(table, axis=0, return_inverse=True)
    sums = tuple(
        tuple((int(client), int(row[client]) - 1) for client in np.flatnonzero(row)) for row in rows
    )
    return Meetings(coordinates, sums, sum_at.reshape(-1).astype(np.int64))
