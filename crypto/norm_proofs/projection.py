"""Random sums of integers, each integer with weight 1 or -1, a quarter each, or else 0.

A weight is the difference of two bits. Sixteen sums are taken at once: the bits of an integer for
them are one number, integers of the same number are added up, and these 2^16 sums are added up by
bits.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from crypto.norm_proofs.parameters import SUMS
from crypto.primitives.prg import Keystream

_TOGETHER: Final = 16
_LIMB_BITS: Final = 24


class Projection:
    """The weights of `SUMS` random sums.

    Args:
        keystream: where they come from.
        length: of the integers.
    """

    def __init__(self, keystream: Keystream, length: int) -> None:
        self._bits = np.empty((SUMS // _TOGETHER, 2, length), "<u2")
        zeros = memoryview(bytes(self._bits[0].nbytes))
        for pair in self._bits:
            keystream.fill(pair.reshape(-1), zeros)

    def sums(self, integers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the sums.

        Args:
            integers: shape (length,), of at most 2^48 in magnitude.

        Returns:
            Shape (`SUMS`,), exact while below 2^62.
        """
        limbs = integers & ((1 << _LIMB_BITS) - 1), integers >> _LIMB_BITS
        doubles = [limb.astype(np.float64) for limb in limbs]
        found = []
        for plus, minus in self._bits:
            low, high = (_by_bits(_binned(plus, d) - _binned(minus, d)) for d in doubles)
            found.append((high << _LIMB_BITS) + low)
        return np.concatenate(found)

    def weights(self, factors: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the weights of the integers in a weighted sum of the sums.

        Args:
            factors: shape (`SUMS`,), residues of at most 2^26 in magnitude.

        Returns:
            Shape (length,), at most `SUMS` times as large.
        """
        total = np.zeros(self._bits.shape[-1], np.int64)
        for (plus, minus), some in zip(
            self._bits, factors.astype(np.int32).reshape(-1, _TOGETHER), strict=True
        ):
            table = np.zeros(1, np.int32)
            for factor in some:
                table = np.concatenate([table, table + factor])
            total += table[plus]
            total -= table[minus]
        return total.astype(np.float64)


def _binned(numbers: NDArray[np.uint16], doubles: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.bincount(numbers, doubles, 1 << _TOGETHER).astype(np.float64, copy=False)


def _by_bits(bins: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return for each bit the sum of the bins whose number has it."""
    sums = [bins.reshape(-1, 2, 1 << bit)[:, 1].sum() for bit in range(_TOGETHER)]
    return np.array(sums).astype(np.int64)
