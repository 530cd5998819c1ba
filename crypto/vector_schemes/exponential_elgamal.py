"""Exponential ElGamal, one value a ciphertext; all sums of a key use one table of logarithms."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from crypto.elgamal.discrete_log import DiscreteLog
from crypto.elgamal.encryption import (
    Ciphertext,
    PublicKey,
    add_all,
    ciphertext_bytes,
    decrypt_to_power,
)
from crypto.encoding.residues import IntegerVector
from crypto.errors import CapacityError, DecodingError, ParameterError
from crypto.groups.secp256k1 import SECP256K1
from crypto.randomness import SYSTEM, Randomness
from crypto.vector_schemes.scheme import (
    EncryptedVector,
    PrivateVectorKey,
    PublicVectorKey,
    VectorPlan,
)
from crypto.vector_schemes.scheme import VectorScheme as Scheme

MAX_SUM: Final = 2**32
"""The largest sum: a logarithm up to there is found in a tenth of a second."""


class ElGamalScheme(Scheme):
    """Exponential ElGamal on secp256k1.

    Args:
        cache_dir: where the table of logarithms is kept between runs; None keeps it in memory.
    """

    name = "ElGamal secp256k1"
    security_bits = 128
    max_sum = MAX_SUM

    def __init__(self, cache_dir: Path | None = None) -> None:
        self._cache_dir = cache_dir

    def generate(self, randomness: Randomness = SYSTEM) -> "ElGamalPrivateKey":
        """Make a key pair h = g^s."""
        return ElGamalPrivateKey(SECP256K1.random_exponent(randomness), self._cache_dir)

    def read_key(self, data: bytes) -> "ElGamalKey":
        """Read a point."""
        try:
            return ElGamalKey(PublicKey(SECP256K1, SECP256K1.decode(data)))
        except ParameterError as error:
            raise DecodingError(str(error)) from error


@dataclass(frozen=True)
class ElGamalKey(PublicVectorKey):
    """A public key."""

    key: PublicKey[bytes]

    def to_bytes(self) -> bytes:
        """Return the compressed point h."""
        return SECP256K1.encode(self.key.h)

    def check_plan(self, plan: VectorPlan) -> None:
        """Refuse sums whose logarithms would take long to find."""
        if plan.max_sum > MAX_SUM:
            raise CapacityError(f"sums up to {plan.max_sum}; logarithms are found up to {MAX_SUM}")

    def plan_bytes(self, plan: VectorPlan) -> int:
        """Return the length of all ciphertexts."""
        return plan.length * ciphertext_bytes(SECP256K1)

    def _encrypt(self, vector: IntegerVector, plan: VectorPlan, randomness: Randomness) -> bytes:  # noqa: ARG002
        encrypted = (self.key.encrypt(int(value), randomness) for value in vector)
        return b"".join(ciphertext.to_bytes(SECP256K1) for ciphertext in encrypted)

    def _add(self, ciphertexts: Sequence[bytes], plan: VectorPlan) -> bytes:
        columns = zip(*(read_all(data, plan.length) for data in ciphertexts), strict=True)
        return b"".join(add_all(column, SECP256K1).to_bytes(SECP256K1) for column in columns)

    def _check(self, ciphertexts: bytes, plan: VectorPlan) -> None:
        read_all(ciphertexts, plan.length)


@dataclass(frozen=True)
class ElGamalPrivateKey(PrivateVectorKey):
    """A key pair.

    Attributes:
        secret: s, kept out of the repr.
        cache_dir: as in `ElGamalScheme`.
    """

    secret: int = field(repr=False)
    cache_dir: Path | None = None
    _solvers: dict[int, DiscreteLog[bytes]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @property
    def public_key(self) -> ElGamalKey:
        """The public half."""
        return ElGamalKey(PublicKey(SECP256K1, SECP256K1.generator_power(self.secret)))

    def _decrypt(self, vector: EncryptedVector) -> NDArray[np.int64]:
        solver = self._solver(vector.plan.max_sum)
        powers = (
            decrypt_to_power(ciphertext, self.secret, SECP256K1)
            for ciphertext in read_all(vector.ciphertexts, vector.plan.length)
        )
        try:
            return np.array([solver.solve(power) for power in powers], np.int64)
        except CapacityError as error:
            raise DecodingError("a ciphertext holds no sum in range") from error

    def _solver(self, bound: int) -> DiscreteLog[bytes]:
        """Return the solver of sums up to a bound; its table is made once."""
        if bound not in self._solvers:
            self._solvers[bound] = DiscreteLog(SECP256K1, bound, self.cache_dir)
        return self._solvers[bound]


def read_all(data: bytes, count: int) -> list[Ciphertext[bytes]]:
    """Read ciphertexts that stand one after the other.

    Raises:
        DecodingError: unless they are `count` pairs of points.
    """
    size = ciphertext_bytes(SECP256K1)
    if len(data) != count * size:
        raise DecodingError(f"{count} ciphertexts have {count * size} bytes, not {len(data)}")
    starts = range(0, len(data), size)
    return [Ciphertext.from_bytes(data[start : start + size], SECP256K1) for start in starts]
