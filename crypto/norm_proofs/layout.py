"""The integers of a norm proof, in rows: which of them stand where."""

from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from crypto.norm_proofs.four_squares import four_squares
from crypto.norm_proofs.parameters import MASKS, SUMS, NormParameters

Integers = NDArray[np.int64]
_Number = TypeVar("_Number", np.int64, np.float64)


@dataclass(frozen=True)
class Layout:
    """Blocks of rows, in their order; each begins a row of its own, and is filled up with zeros.

    bounded   the vector's bounded integers, and four whose squares fill up those of its norm
    quality   q, if the bound is B q
    low       four integers whose squares add up to q
    high      four whose squares add up to the largest quality without q
    others    the vector's other integers, and secret and error of the commitment
    masks     of the random sums of all before

    Attributes:
        parameters: of the proof.
    """

    parameters: NormParameters

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """Integers of each block."""
        p = self.parameters
        free = p.commitment.length - len(p.commitment.extra_largest) - p.bounded
        quality = (0, 0, 0) if p.quality_largest is None else (1, 4, 4)
        return (p.bounded + 4, *quality, free + 2 * p.level.degree, MASKS * SUMS)

    @cached_property
    def row_ends(self) -> tuple[int, ...]:
        """The row after each block."""
        rows = [-(-size // self.parameters.slots) for size in self.sizes]
        return tuple(int(end) for end in np.cumsum(rows))

    @property
    def rows(self) -> int:
        """Of all blocks."""
        return self.row_ends[-1]

    @property
    def summed(self) -> int:
        """Integers in the rows before the masks, zeros included."""
        return self.row_ends[-2] * self.parameters.slots

    def block(self, flat: NDArray[_Number], number: int) -> NDArray[_Number]:
        """Return a block's part of an array over the slots of all rows, as a view."""
        start = self.row_ends[number - 1] if number else 0
        first = start * self.parameters.slots
        return flat[first : first + self.sizes[number]]

    def integers(self, vector: Integers, secret: Integers, error: Integers) -> Integers:
        """Write what is to be proven as rows, without the masks.

        Args:
            vector: shape (m,), what is committed to, within the bounds.
            secret: shape (N,).
            error: shape (N,).

        Returns:
            Shape (rows times slots,).
        """
        p = self.parameters
        ends = len(vector) - len(p.commitment.extra_largest)
        free, bounded = vector[: ends - p.bounded], vector[ends - p.bounded : ends]
        whole = np.zeros(self.rows * p.slots, np.int64)
        quality = None if p.quality_largest is None else int(vector[-1])
        square = p.bound**2 * (1 if quality is None else quality**2)
        missing = square - norm_squared(bounded)
        self.block(whole, 0)[:] = np.concatenate([bounded, four_squares(missing)])
        if quality is not None and p.quality_largest is not None:
            self.block(whole, 1)[:] = quality
            self.block(whole, 2)[:] = four_squares(quality)
            self.block(whole, 3)[:] = four_squares(p.quality_largest - quality)
        self.block(whole, 4)[:] = np.concatenate([free, secret, error])
        return whole


def norm_squared(integers: Integers) -> int:
    """Return the sum of squares of integers, exactly.

    Products of halves of 24 bits are added up below 2^63, for integers of at most 2^48.
    """
    low, high = integers & 0xFFFFFF, integers >> 24
    step, total = 1 << 12, 0
    for start in range(0, len(integers), step):
        a, b = low[start : start + step], high[start : start + step]
        total += int(a @ a) + (int(a @ b) << 25) + (int(b @ b) << 48)
    return total
