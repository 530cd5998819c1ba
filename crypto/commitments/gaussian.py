"""The discrete Gaussian over the integers, drawn from a table of its distribution function.

Every draw takes 16 bytes of randomness as a number below 2^128 and looks up where it falls, as
Frodo and Falcon do. The table holds the distribution function rounded to 2^-128; it is computed
with 60 decimal digits, so that what is drawn is within (entries + 1) 2^-128 of the true
distribution in statistical distance, tails included: they hold less than 2^-128 beyond 13.5 widths.

Source: Peikert, An efficient and parallel Gaussian sampler for lattices (2010), section 4.1.
"""

from bisect import bisect_right
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from functools import lru_cache
from math import ceil, isqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from crypto.errors import ParameterError
from crypto.randomness import Randomness

DRAW_BYTES: Final = 16
_DIGITS: Final = Context(prec=60, rounding=ROUND_HALF_EVEN)
_LARGEST_VARIANCE: Final = 1 << 24


class DiscreteGaussian:
    """Integers z with probability in proportion to exp(-z^2 / (2 variance)).

    Args:
        variance: the square of the width, at least 1, at most 2^24.

    Raises:
        ParameterError: for another one.

    Attributes:
        largest: no magnitude beyond it is drawn, 13.5 widths.
    """

    def __init__(self, variance: Decimal) -> None:
        if not 1 <= variance <= _LARGEST_VARIANCE:
            raise ParameterError(f"variance={variance} must lie in 1..{_LARGEST_VARIANCE}")
        self.largest = isqrt(ceil(variance * 729 / 4))
        self._table = _table(variance, self.largest)

    def draw(self, count: int, randomness: Randomness) -> NDArray[np.int64]:
        """Draw integers.

        Args:
            count: how many.
            randomness: the source, of which 16 bytes each are taken, in one draw.

        Returns:
            Shape (count,), int64, at most `largest` in magnitude.

        Guarantees: a look-up takes about as many comparisons whatever it finds; as all that
            Python's integers do, it is not constant in time.
        """
        data, table = randomness.bytes(DRAW_BYTES * count), self._table
        found = [
            bisect_right(table, int.from_bytes(data[start : start + DRAW_BYTES], "little"))
            for start in range(0, len(data), DRAW_BYTES)
        ]
        return np.array(found, np.int64) - self.largest


@lru_cache(maxsize=8)
def _table(variance: Decimal, largest: int) -> list[int]:
    """Return 2^128 P(z <= -largest), ..., 2^128 P(z <= largest - 1), rounded."""
    with localcontext(_DIGITS):
        half = [_weight(z, variance) for z in range(largest + 1)]
        weights = half[:0:-1] + half
        scale = (1 << 128) / sum(weights, Decimal(0))
        table, total = [], Decimal(0)
        for weight in weights[:-1]:
            total += weight
            table.append(int((total * scale).to_integral_value()))
    return table


def _weight(z: int, variance: Decimal) -> Decimal:
    return (-Decimal(z * z) / (2 * variance)).exp()
