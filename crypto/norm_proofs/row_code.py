"""Rows of numbers as codewords: polynomials by their values, modulo one prime.

A row of N numbers is a polynomial of N coefficients by its values at the N odd powers of a root of
unity, H. Its codeword are its values on `BLOW_UP` shifts of H, none of which meets another or H
itself.
"""

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from crypto.commitments.transform import Residues, transform
from crypto.norm_proofs.parameters import BLOW_UP

SHIFT: Final = 3
"""g: shift number c of H is g^c H. X^N is -g^(c N) on it."""
_LIMB_BITS: Final = 14
_INNER: Final = 4096  # products of 2^26 and 2^13 that add up below 2^52


class RowCode:
    """The code for one prime and one degree; made by `row_code`.

    Attributes:
        ring: the transform behind it.
        prime: p.
        degree: N.
        shifted_power: what X^N is on the first shift of H.
    """

    def __init__(self, prime: int, degree: int) -> None:
        self.ring = transform(prime, degree)
        self.prime, self.degree = prime, degree
        identity = np.zeros((1, degree))
        identity[0, 1] = 1
        on_h = np.mod(self.ring.forward(identity)[0], prime).astype(np.int64)
        shifts = [pow(SHIFT, c, prime) for c in range(1, BLOW_UP + 1)]
        self._points = np.concatenate([on_h * shift % prime for shift in shifts])
        self._twists = [self._powers_of(np.array([shift]))[:, 0] for shift in shifts]
        self._back = self._powers_of(np.array([pow(SHIFT, -1, prime)]))[:, 0]
        self.shifted_power = -pow(SHIFT, degree, prime)

    def coefficients(self, values: Residues) -> Residues:
        """Return the coefficients of polynomials from their values on H, shape (rows, N)."""
        return self.ring.inverse(values)

    def on_shift(self, coefficients: Residues, number: int) -> Residues:
        """Return the values of polynomials on a shift of H: part of their codewords.

        Args:
            coefficients: shape (rows, N).
            number: of the shift, 1 to `BLOW_UP`; its places are those from N (number - 1) on.
        """
        return self.ring.forward(self.ring.reduce(coefficients * self._twists[number - 1]))

    def powers(self, places: NDArray[np.int64]) -> Residues:
        """Return the powers 0 to N - 1 of the points at some places, shape (N, places)."""
        return self._powers_of(self._points[places])

    def top_powers(self, places: NDArray[np.int64]) -> Residues:
        """Return the N-th powers of these points."""
        shifts = places // self.degree + 1
        powers = [-pow(SHIFT, int(c) * self.degree, self.prime) for c in shifts]
        return self.ring.reduce(np.array(powers, np.float64))

    def product(self, left: Residues, right: Residues) -> Residues:
        """Return the product of two matrices of residues."""
        total = np.zeros((len(left), right.shape[1]))
        for start in range(0, len(right), _INNER):
            some = right[start : start + _INNER]
            high = np.rint(some / (1 << _LIMB_BITS))
            columns = np.ascontiguousarray(left[:, start : start + _INNER])
            upper = self.ring.reduce(columns @ high) * float(1 << _LIMB_BITS)
            lower = self.ring.reduce(columns @ (some - high * (1 << _LIMB_BITS)))
            total += self.ring.reduce(upper + lower)
        return self.ring.reduce(total)

    def join(self, on_h: Residues, on_shift: Residues) -> tuple[Residues, Residues]:
        """Return polynomials of 2 N coefficients from their values on H and its first shift.

        Args:
            on_h: shape (rows, N).
            on_shift: shape (rows, N).

        Returns:
            The lower and the upper half of their coefficients, shape (rows, N) each.
        """
        reduce, power = self.ring.reduce, self.shifted_power
        first = self.ring.inverse(on_h)  # the lower half less the upper one: X^N = -1
        second = reduce(self.ring.inverse(on_shift) * self._back)
        scale = float(_centred(pow(1 + power, -1, self.prime), self.prime))
        upper = reduce(reduce(second - first) * scale)
        return reduce(first + upper), upper

    def sums(self, lower: Residues, upper: Residues, slots: int) -> Residues:
        """Return the sums of polynomials of 2 N coefficients over the first places of H."""
        values = self.ring.forward(self.ring.reduce(lower - upper))  # X^N = -1
        return self.ring.reduce(values[:, :slots].sum(axis=1))

    def _powers_of(self, points: NDArray[np.int64]) -> Residues:
        """Return powers 0 to N - 1, doubling what is there; products stay below 2^54."""
        powers, step = np.ones((1, len(points)), np.int64), points % self.prime
        while len(powers) < self.degree:
            powers = np.concatenate([powers, powers * step % self.prime])
            step = step * step % self.prime
        return self.ring.reduce(powers.astype(np.float64))


def _centred(residue: int, prime: int) -> int:
    return residue - prime if residue > prime // 2 else residue


@lru_cache(maxsize=16)
def row_code(prime: int, degree: int) -> RowCode:
    """Return a code, which is made once."""
    return RowCode(prime, degree)
