"""The vector that each client contributes to federated statistics, block by block.

A unit (an image, or all images of a group) adds to each block numbers whose L2 norm is at most 1:
a 1 in one place, shares of pixels that add up to 1, or one number from 0 to 1. So all of a unit
changes the sum by at most the square root of the number of blocks, which is what noise is scaled
to, and a hospital's few images count no more than others.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from tff_health.data.numeric_columns import NumericColumn

PIXEL_BINS = 32
"""Of pixels from 0 to 255, eight values each."""
FRACTION_BITS = 16
ONE = 1 << FRACTION_BITS
"""The integer that stands for 1 in a secure sum."""
MODULUS_BITS = 60
"""Sums are modulo 2^60: room for 2^43 units and their noise, whatever the data."""


@dataclass(frozen=True)
class Layout:
    """Which number stands where.

    Attributes:
        class_names: a count of units each.
        channels: of images; a mean, a mean square and a histogram each.
        columns: numeric ones; a count of values, a sum, a sum of squares and a histogram each.
        column_bins: of their histograms, from the lowest to the highest value.
    """

    class_names: tuple[str, ...]
    channels: int
    columns: tuple[NumericColumn, ...]
    column_bins: int

    @property
    def blocks(self) -> dict[tuple[str, str | int], slice]:
        """(what, of which) -> its place in the vector."""
        places, start = {}, 0
        for name, size in self._sizes():
            places[name] = slice(start, start + size)
            start += size
        return places

    @property
    def size(self) -> int:
        """Coordinates of the vector."""
        return sum(size for _, size in self._sizes())

    @property
    def sensitivity(self) -> float:
        """The largest L2 norm of what a unit adds, in steps of 1 / `ONE`, rounding included."""
        return math.sqrt(len(self.blocks)) * ONE + math.sqrt(self.size) / 2

    def _sizes(self) -> Iterator[tuple[tuple[str, str | int], int]]:
        yield ("classes", ""), len(self.class_names)
        for channel in range(self.channels):
            yield ("pixel mean", channel), 1
            yield ("pixel square", channel), 1
            yield ("pixel histogram", channel), PIXEL_BINS
        for column in self.columns:
            yield ("values", column.name), 1
            yield ("sum", column.name), 1
            yield ("square", column.name), 1
            yield ("histogram", column.name), self.column_bins
