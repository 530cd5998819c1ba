"""Paillier encryption by `phe`, one value a ciphertext: what packing is compared with."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crypto.encoding.residues import IntegerVector
from crypto.errors import CapacityError, DecodingError
from crypto.paillier.phe_keys import KEY_BITS, PaillierPrivateKey, PaillierPublicKey
from crypto.randomness import SYSTEM, Randomness
from crypto.vector_schemes.packed_paillier import strength_of
from crypto.vector_schemes.scheme import (
    EncryptedVector,
    PrivateVectorKey,
    PublicVectorKey,
    VectorPlan,
)
from crypto.vector_schemes.scheme import VectorScheme as Scheme


class SinglePaillierScheme(Scheme):
    """Plain Paillier encryption. `phe` takes all randomness from the operating system.

    Args:
        key_bits: of the modulus; keys that are read have this length.
    """

    def __init__(self, key_bits: int = KEY_BITS) -> None:
        self.key_bits = key_bits
        self.name = f"Paillier {key_bits}"
        self.security_bits = strength_of(key_bits)

    def generate(self, randomness: Randomness = SYSTEM) -> "SinglePaillierPrivateKey":  # noqa: ARG002
        """Make a key pair of two primes."""
        return SinglePaillierPrivateKey(PaillierPrivateKey.generate(self.key_bits))

    def read_key(self, data: bytes) -> "SinglePaillierKey":
        """Read a modulus."""
        n = int.from_bytes(data, "little")
        if n.bit_length() != self.key_bits or len(data) != (self.key_bits + 7) // 8 or n % 2 == 0:
            raise DecodingError(f"no odd modulus of {self.key_bits} bits")
        return SinglePaillierKey(PaillierPublicKey(n))


@dataclass(frozen=True)
class SinglePaillierKey(PublicVectorKey):
    """A public key."""

    key: PaillierPublicKey

    def to_bytes(self) -> bytes:
        """Return n, little endian."""
        return self.key.n.to_bytes((self.key.bits + 7) // 8, "little")

    def check_plan(self, plan: VectorPlan) -> None:
        """Refuse sums beyond n / 3, the end of `phe`'s integers."""
        if plan.max_sum > self.key.n // 3 - 1:
            raise CapacityError(f"sums up to {plan.max_sum} under a key of {self.key.bits} bits")

    def plan_bytes(self, plan: VectorPlan) -> int:
        """Return the length of all ciphertexts."""
        return plan.length * self.key.ciphertext_bytes

    def _encrypt(self, vector: IntegerVector, plan: VectorPlan, randomness: Randomness) -> bytes:  # noqa: ARG002
        return self.key.encode_all(self.key.encrypt(int(value)) for value in vector)

    def _add(self, ciphertexts: Sequence[bytes], plan: VectorPlan) -> bytes:
        columns = zip(*(self.key.decode_all(c, plan.length) for c in ciphertexts), strict=True)
        return self.key.encode_all(map(self.key.add, columns))

    def _check(self, ciphertexts: bytes, plan: VectorPlan) -> None:
        self.key.decode_all(ciphertexts, plan.length)


@dataclass(frozen=True)
class SinglePaillierPrivateKey(PrivateVectorKey):
    """A key pair."""

    private: PaillierPrivateKey

    @property
    def public_key(self) -> SinglePaillierKey:
        """The public half."""
        return SinglePaillierKey(self.private.public_key)

    def _decrypt(self, vector: EncryptedVector) -> NDArray[np.int64]:
        key = self.private.public_key
        numbers = key.decode_all(vector.ciphertexts, vector.plan.length)
        values = [self.private.decrypt(number) for number in numbers]
        if any(value > vector.plan.max_sum for value in values):
            raise DecodingError("a ciphertext holds more than any sum in range")
        return np.array(values, np.int64)
