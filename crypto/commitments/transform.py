"""The number-theoretic transform over Z_p[X]/(X^N + 1), as two products of small matrices.

A polynomial is multiplied with others value by value once it stands as its values at the N odd
powers of a root of unity of order 2N. With N = 64 N_2 the transform falls into 64-point and
N_2-point transforms (Cooley and Tukey 1965), each a product with one fixed matrix, which the linear
algebra behind NumPy computes in double precision. All of it is exact: residues stand centred, at
most p/2 in magnitude, matrices are cut into limbs where products could leave 2^52, and whatever is
reduced is an integer of at most 2^52.
"""

from functools import lru_cache
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from crypto.errors import ParameterError

Residues: TypeAlias = NDArray[np.float64]
"""Integers modulo p as doubles, centred: at most p/2 in magnitude, or by a hair more."""

MAX_PRIME_BITS: Final = 27
_ROWS: Final = 64
MAX_REDUCED: Final = 1 << 52
"""The largest magnitude that `Transform.reduce` takes."""
_LIMB_BITS: Final = 14


class Transform:
    """The transform for one prime and one degree.

    Args:
        prime: p, a prime below 2^27 with p = 1 mod 2N.
        degree: N, a power of two of at least 64.

    Raises:
        ParameterError: for a degree or prime that has no such transform.

    Attributes:
        prime: as given.
        degree: as given.
        largest_input: the largest magnitude of a coefficient that `forward` takes.
        largest_product: that of the product of two residues.
    """

    def __init__(self, prime: int, degree: int) -> None:
        if degree < _ROWS or degree & (degree - 1):
            raise ParameterError(f"degree={degree} must be a power of two of at least {_ROWS}")
        if prime >> MAX_PRIME_BITS or prime % (2 * degree) != 1:
            raise ParameterError(
                f"prime={prime} must be below 2^{MAX_PRIME_BITS} and 1 modulo {2 * degree}"
            )
        self.prime, self.degree = prime, degree
        half = prime // 2 + 1
        self.largest_product = half**2
        self.largest_input = max(half, MAX_REDUCED // (half * _ROWS) if self._is_short else 0)
        rows, columns = _ROWS, degree // _ROWS
        self._shape = rows, columns
        psi = _root(prime, 2 * degree)
        powers = _powers(psi, 2 * degree, prime)
        t1, j1 = np.ogrid[:rows, :rows]
        t2, j2 = np.ogrid[:columns, :columns]
        row, column = np.arange(rows)[:, None], np.arange(columns)
        # With j = j1 N_2 + j2 and t = t1 + 64 t2, psi^(j (2t + 1)) is the product of these three.
        left = (j1 * columns * (2 * t1 + 1)) % (2 * degree)
        middle = (column * (2 * row + 1)) % (2 * degree)
        right = (2 * rows * j2 * t2) % (2 * degree)
        inverse_degree = pow(degree, -1, prime)
        self._left = self._limbs(powers[left])
        self._middle = self._centre(powers[middle])
        self._right = self._limbs(powers[right].T)
        self._left_back = self._limbs(powers[-left % (2 * degree)].T)
        self._middle_back = self._centre(
            powers[-middle % (2 * degree)] * np.int64(inverse_degree) % prime
        )
        self._right_back = self._limbs(powers[-right % (2 * degree)])

    def reduce(self, integers: NDArray[np.float64]) -> Residues:
        """Return integers of at most 2^52 in magnitude as residues, in a new array."""
        quotients = integers * (1.0 / self.prime)
        np.rint(quotients, out=quotients)
        quotients *= -float(self.prime)
        quotients += integers
        return quotients

    def forward(self, coefficients: Residues) -> Residues:
        """Return the values of polynomials.

        Args:
            coefficients: shape (number, N), coefficient of X^j at j; residues, or integers of
                at most `largest_input`.

        Returns:
            Shape (number, N): the value at psi^(2t + 1), t = t1 + 64 t2, at t1 N/64 + t2, where psi
            is the least root of order 2N.
        """
        rows, columns = self._shape
        blocks = coefficients.reshape(-1, rows, columns)
        blocks = self._from_left(self._left, blocks)
        blocks = self.reduce(blocks * self._middle)
        return self._from_right(blocks, self._right).reshape(coefficients.shape)

    def inverse(self, values: Residues) -> Residues:
        """Return the coefficients of polynomials from their values, as `forward` orders both."""
        rows, columns = self._shape
        blocks = self._from_right(values.reshape(-1, rows, columns), self._right_back)
        blocks = self.reduce(blocks * self._middle_back)
        return self._from_left(self._left_back, blocks).reshape(values.shape)

    def transposed(self, values: Residues) -> Residues:
        """Return what `forward`, transposed, makes of values: weights of coefficients.

        For all c and v, the inner product of `forward(c)` and v is that of c and `transposed(v)`.
        """
        # psi^(j (2t + 1)) stands in the inverse at -j, which is N - j with the other sign.
        weights = self.inverse(values) * float(self.degree)
        weights[..., 1:] = -weights[..., :0:-1]
        return self.reduce(weights)

    def _from_left(self, limbs: list[Residues], blocks: Residues) -> Residues:
        total = self.reduce(np.matmul(limbs[0], blocks))
        for limb in limbs[1:]:
            total *= float(1 << _LIMB_BITS)
            total += np.matmul(limb, blocks)
            total = self.reduce(total)
        return total

    def _from_right(self, blocks: Residues, limbs: list[Residues]) -> Residues:
        flat = blocks.reshape(-1, blocks.shape[-1])
        total = self.reduce(flat @ limbs[0])
        for limb in limbs[1:]:
            total *= float(1 << _LIMB_BITS)
            total += flat @ limb
            total = self.reduce(total)
        return total.reshape(blocks.shape)

    @property
    def _is_short(self) -> bool:
        """Whether sums of products of residues with a whole matrix stay exact."""
        return (self.prime // 2 + 1) ** 2 * _ROWS < MAX_REDUCED

    def _centre(self, residues: NDArray[np.int64]) -> Residues:
        return self.reduce(residues.astype(np.float64))

    def _limbs(self, matrix: NDArray[np.int64]) -> list[Residues]:
        """Cut a matrix so that its products with residues add up below 2^52; highest limb first."""
        centred = self._centre(matrix)
        if self._is_short:
            return [np.ascontiguousarray(centred)]
        high = np.rint(centred / (1 << _LIMB_BITS))
        return [
            np.ascontiguousarray(high),
            np.ascontiguousarray(centred - high * (1 << _LIMB_BITS)),
        ]


@lru_cache(maxsize=8)
def transform(prime: int, degree: int) -> Transform:
    """Return a transform, which is made once."""
    return Transform(prime, degree)


def _root(prime: int, order: int) -> int:
    """Return the least element of an order that is a power of two.

    Raises:
        ParameterError: if there is none, so that the modulus is no prime.
    """
    exponent = (prime - 1) // order
    for base in range(2, 200):
        root = pow(base, exponent, prime)
        if pow(root, order // 2, prime) == prime - 1:
            # All roots of this order are the odd powers of one.
            return int(_powers(root, order, prime)[1::2].min())
    raise ParameterError(f"prime={prime} has no root of order {order}: it is no prime")


def _powers(base: int, count: int, prime: int) -> NDArray[np.int64]:
    """Return base^0 to base^(count - 1), doubling what is there; products stay below 2^54."""
    powers = np.ones(1, np.int64)
    while len(powers) < count:
        step = pow(base, len(powers), prime)
        powers = np.concatenate([powers, powers * step % prime])
    return powers[:count]
