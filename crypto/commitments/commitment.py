"""Commitments to integer vectors that add up, as their openings do."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from crypto.commitments.matrix import public_values
from crypto.commitments.parameters import CommitmentParameters
from crypto.commitments.transform import Residues, transform
from crypto.encoding.bit_packing import pack, packed_bytes, unpack
from crypto.errors import DecodingError, OpeningError, ParameterError
from crypto.randomness import SYSTEM, Randomness

Integers: TypeAlias = NDArray[np.int64]

_PIECE: Final = 16  # polynomials that are in the works at a time, so that they stay in the cache


@dataclass(frozen=True)
class Opening:
    """What opens a commitment beside the integers; secret until it is summed.

    Attributes:
        secret: s, shape (N,), int64.
    """

    secret: Integers = field(repr=False)


@dataclass(frozen=True)
class Commitment:
    """A commitment, or the sum of several.

    Attributes:
        parameters: what it was made with.
        values: for each prime, shape (N,), uint32: the values of c, 0 to p - 1.
    """

    parameters: CommitmentParameters
    values: tuple[NDArray[np.uint32], ...]

    def to_bytes(self) -> bytes:
        """Return the values, prime by prime, in as many bits each as the prime has."""
        primes = self.parameters.level.primes
        packed = (pack(v, p.bit_length()) for v, p in zip(self.values, primes, strict=True))
        return b"".join(packed)

    @classmethod
    def from_bytes(cls, data: bytes, parameters: CommitmentParameters) -> "Commitment":
        """Read what `to_bytes` wrote.

        Raises:
            DecodingError: for another length, or a value that is no residue.
        """
        level = parameters.level
        if len(data) != level.commitment_bytes:
            raise DecodingError(f"a commitment has {level.commitment_bytes} bytes, not {len(data)}")
        values, start = [], 0
        for prime in level.primes:
            bits = prime.bit_length()
            end = start + packed_bytes(level.degree, bits)
            residues = unpack(memoryview(data)[start:end], level.degree, bits).astype(np.uint32)
            if int(residues.max()) >= prime:
                raise DecodingError(f"a commitment with values beyond {prime - 1}")
            values.append(residues)
            start = end
        return cls(parameters, tuple(values))

    @classmethod
    def sum_of(cls, commitments: Iterable["Commitment"]) -> "Commitment":
        """Add commitments that were made with the same parameters.

        Raises:
            ParameterError: for none, more than they allow, or different parameters.
        """
        added = list(commitments)
        if not added:
            raise ParameterError("a sum of no commitments")
        parameters = added[0].parameters
        if any(commitment.parameters != parameters for commitment in added):
            raise ParameterError("commitments with different parameters do not add up")
        if len(added) > parameters.num_clients:
            raise ParameterError(
                f"a sum of {len(added)} commitments, of {parameters.num_clients} at most"
            )
        sums = (
            sum(parts, np.zeros(1, np.uint64))
            for parts in zip(*(c.values for c in added), strict=True)
        )
        primes = parameters.level.primes
        reduced = (np.uint64(p) for p in primes)
        return cls(
            parameters,
            tuple((s % p).astype(np.uint32) for s, p in zip(sums, reduced, strict=True)),
        )


def commit(
    integers: Integers, parameters: CommitmentParameters, randomness: Randomness = SYSTEM
) -> tuple[Commitment, Opening]:
    """Commit to integers; run by a client.

    Args:
        integers: shape (m,), int64. That their sums over all clients stay within what the
            parameters say is for the caller to see to.
        parameters: of the session.
        randomness: where the secret and the error come from.

    Returns:
        The commitment, to be shown to all, and its opening, to be summed in secret.

    Raises:
        ParameterError: for another shape or dtype.
    """
    level = parameters.level
    drawn = parameters.distribution.draw(2 * level.degree, randomness)
    secret, error = drawn[: level.degree], drawn[level.degree :]
    values = []
    for prime, known in zip(level.primes, _known_part(integers, secret, parameters), strict=True):
        ring = transform(prime, level.degree)
        total = known + ring.forward(error.astype(np.float64)[None])[0]
        values.append(_residues(ring.reduce(total), prime))
    return Commitment(parameters, tuple(values)), Opening(secret)


def check_opening(commitment: Commitment, integers: Integers, opening: Opening) -> None:
    """Check that integers and a secret open a commitment, or a sum of commitments.

    Args:
        commitment: what was committed to, added up.
        integers: shape (m,), int64: the sum.
        opening: with the sum of the secrets.

    Raises:
        OpeningError: if they do not, or lie out of the range in which openings bind.
        ParameterError: for another shape or dtype.
    """
    parameters = commitment.parameters
    level, extra = parameters.level, len(parameters.extra_largest)
    _check_integers(integers, parameters.length)
    first = len(integers) - extra
    bounds = ((integers[:first], parameters.largest), (opening.secret, parameters.largest_hiding))
    ends = zip(integers[first:, None], parameters.extra_largest, strict=True)
    for numbers, largest in (*bounds, *ends):
        if numbers.size and max(-int(numbers.min()), int(numbers.max())) > largest:
            raise OpeningError(f"an opening with numbers beyond {largest}")
    errors = []
    known = _known_part(integers, opening.secret, parameters)
    for prime, part, values in zip(level.primes, known, commitment.values, strict=True):
        ring = transform(prime, level.degree)
        left = ring.reduce(values.astype(np.float64) - part)
        errors.append(ring.reduce(ring.inverse(left[None])[0]))
    # An integer below p/2 in magnitude for every p is the same centred residue modulo each of them.
    same = all(np.array_equal(error, errors[0]) for error in errors)
    if not same or float(np.abs(errors[0]).max()) > parameters.largest_hiding:
        raise OpeningError("these integers do not open the commitment")


def _known_part(
    integers: Integers, secret: Integers, parameters: CommitmentParameters
) -> list[Residues]:
    """Return a_1 x_1 + ... + a_L x_L + b s for each prime, by its values, not reduced."""
    level = parameters.level
    _check_integers(integers, parameters.length)
    _check_integers(secret, level.degree)
    totals = []
    for prime in level.primes:
        key = public_values(level.degree, prime, 0, 1)
        totals.append(_products(_residue_block(secret, prime, level.degree), key, prime))
    step = _PIECE * level.degree
    for number, start in enumerate(range(0, len(integers), step)):
        piece = integers[start : start + step]
        for place, prime in enumerate(level.primes):
            block = _residue_block(piece, prime, level.degree)
            keys = public_values(level.degree, prime, 1 + number * _PIECE, len(block))
            totals[place] += _products(block, keys, prime)
    return totals


def _products(block: Residues, keys: Residues, prime: int) -> Residues:
    ring = transform(prime, block.shape[-1])
    total: Residues = ring.reduce(ring.forward(block) * keys).sum(axis=0)
    return total


def _residue_block(integers: Integers, prime: int, degree: int) -> Residues:
    """Return integers modulo p as polynomials, filled up with zeros: shape (number, N)."""
    rows = -(-len(integers) // degree)
    block = np.zeros(rows * degree)
    residues = integers % prime
    residues[residues > prime // 2] -= prime
    block[: len(integers)] = residues
    return block.reshape(rows, degree)


def _residues(centred: Residues, prime: int) -> NDArray[np.uint32]:
    return np.mod(centred, prime).astype(np.uint32)


def _check_integers(integers: Integers, length: int) -> None:
    if not isinstance(integers, np.ndarray) or integers.dtype != np.int64:
        raise ParameterError("what is committed to must be an int64 array")
    if integers.shape != (length,):
        raise ParameterError(f"integers must have shape ({length},), not {integers.shape}")
