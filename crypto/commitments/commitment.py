"""Commitments to integer vectors that add up, as their openings do."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from crypto.commitments.matrix import public_values
from crypto.commitments.parameters import CommitmentParameters, Level
from crypto.commitments.transform import MAX_REDUCED, Residues, transform
from crypto.encoding.bit_packing import pack, packed_bytes, unpack
from crypto.errors import DecodingError, OpeningError, ParameterError
from crypto.randomness import SYSTEM, Randomness

Integers: TypeAlias = NDArray[np.int64]

PIECE: Final = 16
"""Polynomials that are in the works at a time, so that they stay in the cache."""


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
        read = _read_values([data], parameters.level)
        return cls(parameters, tuple(values[0] for values in read))

    @classmethod
    def sum_of_encoded(
        cls, encoded: Sequence[bytes], parameters: CommitmentParameters
    ) -> "Commitment":
        """Add commitments that were made with the same parameters, as `to_bytes` wrote them.

        Raises:
            ParameterError: for none, or more than the parameters allow.
            DecodingError: as `from_bytes`.
        """
        if not 1 <= len(encoded) <= parameters.num_clients:
            raise ParameterError(
                f"a sum of {len(encoded)} commitments, of 1 to {parameters.num_clients}"
            )
        read = zip(_read_values(encoded, parameters.level), parameters.level.primes, strict=True)
        sums = ((values.sum(axis=0, dtype=np.uint64), np.uint64(prime)) for values, prime in read)
        return cls(parameters, tuple((total % prime).astype(np.uint32) for total, prime in sums))

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
        return cls.sum_of_encoded([commitment.to_bytes() for commitment in added], parameters)


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
    extra = len(parameters.extra_largest)
    _check_integers(integers, parameters.length)
    first = len(integers) - extra
    bounds = ((integers[:first], parameters.largest), (opening.secret, parameters.largest_hiding))
    ends = zip(integers[first:, None], parameters.extra_largest, strict=True)
    for numbers, largest in (*bounds, *ends):
        if numbers.size and max(-int(numbers.min()), int(numbers.max())) > largest:
            raise OpeningError(f"an opening with numbers beyond {largest}")
    error = error_of(commitment, integers, opening)
    if int(np.abs(error).max()) > parameters.largest_hiding:
        raise OpeningError("these integers do not open the commitment")


def error_of(commitment: Commitment, integers: Integers, opening: Opening) -> Integers:
    """Return the error e that a commitment holds beside integers and a secret.

    Args:
        commitment: what was committed to.
        integers: shape (m,), int64.
        opening: with the secret.

    Returns:
        Shape (N,), int64.

    Raises:
        OpeningError: if there is none that is small against every prime.
        ParameterError: for another shape or dtype.
    """
    level, errors = commitment.parameters.level, []
    known = _known_part(integers, opening.secret, commitment.parameters)
    for prime, part, values in zip(level.primes, known, commitment.values, strict=True):
        ring = transform(prime, level.degree)
        left = ring.reduce(values.astype(np.float64) - part)
        errors.append(ring.reduce(ring.inverse(left[None])[0]))
    # An integer below p/2 in magnitude for every p is the same centred residue modulo each of them.
    if not all(np.array_equal(error, errors[0]) for error in errors):
        raise OpeningError("these integers do not open the commitment")
    return errors[0].astype(np.int64)


def weights_of(
    values: Residues, prime: int, parameters: CommitmentParameters
) -> tuple[Residues, Residues, Residues]:
    """Return the linear function of integers, secret and error that a commitment's values follow.

    Args:
        values: shape (N,): v, residues.
        prime: p, one of the level's.
        parameters: of the commitment.

    Returns:
        The weights of the integers (m,), the secret (N,) and the error (N,): their sum so weighted
        is, modulo p, the inner product of v with the commitment's values.
    """
    degree = parameters.level.degree
    ring, rows = transform(prime, degree), -(-parameters.length // degree)
    public = ring.reduce(public_values(degree, prime, 0, 1 + rows) * values)
    weights = ring.transposed(np.concatenate([public, values[None]]))
    integers = weights[1:-1].reshape(-1)[: parameters.length]
    return integers, weights[0], weights[-1]


def _read_values(encoded: Sequence[bytes], level: Level) -> list[NDArray[np.uint32]]:
    """Return the values of commitments, all at once: for each prime shape (number, N)."""
    for data in encoded:
        if len(data) != level.commitment_bytes:
            raise DecodingError(f"a commitment has {level.commitment_bytes} bytes, not {len(data)}")
    values, start = [], 0
    for prime in level.primes:
        bits = prime.bit_length()
        end = start + packed_bytes(level.degree, bits)  # without bits to fill up, as 64 divides N
        joined = b"".join([data[start:end] for data in encoded])
        residues = unpack(joined, len(encoded) * level.degree, bits).astype(np.uint32)
        if int(residues.max()) >= prime:
            raise DecodingError(f"a commitment with values beyond {prime - 1}")
        values.append(residues.reshape(len(encoded), level.degree))
        start = end
    return values


def _known_part(
    integers: Integers, secret: Integers, parameters: CommitmentParameters
) -> list[Residues]:
    """Return a_1 x_1 + ... + a_L x_L + b s for each prime, by its values, not reduced."""
    level = parameters.level
    _check_integers(integers, parameters.length)
    _check_integers(secret, level.degree)
    totals = [np.zeros(level.degree) for _ in level.primes]
    _add_products(totals, secret, 0, level)
    step = PIECE * level.degree
    for number, start in enumerate(range(0, len(integers), step)):
        _add_products(totals, integers[start : start + step], 1 + number * PIECE, level)
    return totals


def _add_products(totals: list[Residues], integers: Integers, first: int, level: Level) -> None:
    """Add the products of integers, as polynomials, with public ones from a place on."""
    rows = -(-len(integers) // level.degree)
    largest = max(-int(integers.min()), int(integers.max()))
    whole = np.zeros((rows, level.degree), np.int64)
    whole.reshape(-1)[: len(integers)] = integers
    doubles = whole.astype(np.float64)
    for place, prime in enumerate(level.primes):
        ring, block = transform(prime, level.degree), doubles
        if largest > MAX_REDUCED:
            block = np.mod(whole, np.int64(prime)).astype(np.float64)
        if largest > ring.largest_input:
            block = ring.reduce(block)
        products = ring.forward(block)
        products *= public_values(level.degree, prime, first, rows)
        if ring.largest_product * rows > MAX_REDUCED:
            products = ring.reduce(products)
        totals[place] += ring.reduce(products.sum(axis=0))


def _residues(centred: Residues, prime: int) -> NDArray[np.uint32]:
    return np.mod(centred, prime).astype(np.uint32)


def _check_integers(integers: Integers, length: int) -> None:
    if not isinstance(integers, np.ndarray) or integers.dtype != np.int64:
        raise ParameterError("what is committed to must be an int64 array")
    if integers.shape != (length,):
        raise ParameterError(f"integers must have shape ({length},), not {integers.shape}")
