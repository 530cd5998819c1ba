"""The public polynomials of commitments: uniform, the same for all, and chosen by nobody.

Each is read off a keystream of AES-256 under a key that is a hash of its place, as Frodo makes its
matrix. With keys that are public the keystream serves as a random function, and hides nothing.
Words beyond the prime are left out, so that values are exactly uniform if the keystream is.
"""

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from crypto.commitments.transform import Residues
from crypto.domain import domain_hash
from crypto.primitives.prg import Keystream

_PURPOSE: Final = "commitments/public polynomial"
_KEPT_VALUES: Final = 1 << 19  # of 8 bytes, for each prime: longer vectors make them anew


def public_values(degree: int, prime: int, first: int, number: int) -> Residues:
    """Return public polynomials modulo one prime, by their values; the first thousands are kept.

    Args:
        degree: N.
        prime: p.
        first: the place of the first of them: 0 for b, j for a_j.
        number: how many.

    Returns:
        Shape (number, N), as `Transform.forward` returns values; read-only.
    """
    if (first + number) * degree <= _KEPT_VALUES:
        return _kept(degree, prime, first, number)
    return _made(degree, prime, first, number)


def _made(degree: int, prime: int, first: int, number: int) -> Residues:
    values = np.empty((number, degree))
    for row, place in enumerate(range(first, first + number)):
        values[row] = _uniform(degree, prime, place)
    values -= np.where(values > prime // 2, float(prime), 0.0)
    values.setflags(write=False)
    return values


_kept = lru_cache(maxsize=256)(_made)


def _uniform(degree: int, prime: int, place: int) -> NDArray[np.uint32]:
    labels = (degree, prime, place)
    seed = domain_hash(_PURPOSE, *(label.to_bytes(8, "little") for label in labels))
    return uniform_residues(Keystream(seed), degree, prime)


def uniform_residues(keystream: Keystream, count: int, prime: int) -> NDArray[np.uint32]:
    """Return the next words of a keystream, cut to the bits of a prime, that are below it.

    Args:
        keystream: where they come from; more of it is read than is returned.
        count: how many.
        prime: p, below 2^32.

    Returns:
        Shape (count,), 0 to p - 1, uniform if the keystream is.
    """
    words = np.empty(count + count // 8, "<u4")
    mask = np.uint32((1 << prime.bit_length()) - 1)
    found = np.empty(0, np.uint32)
    while len(found) < count:
        keystream.fill(words, memoryview(bytes(words.nbytes)))
        words &= mask
        found = np.concatenate([found, words[words < prime]])
    return found[:count]
