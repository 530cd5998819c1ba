"""Packed Paillier encryption as a scheme for vectors; see `crypto/paillier/packed.py`."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from crypto.encoding.residues import IntegerVector
from crypto.encoding.slot_packing import SlotPacking
from crypto.errors import DecodingError, ParameterError
from crypto.paillier.packed import (
    PackedEncryptor,
    PackedPrivateKey,
    PackedPublicKey,
    PackedVector,
)
from crypto.paillier.phe_keys import KEY_BITS
from crypto.randomness import SYSTEM, Randomness
from crypto.vector_schemes.scheme import (
    EncryptedVector,
    PrivateVectorKey,
    PublicVectorKey,
    VectorPlan,
)
from crypto.vector_schemes.scheme import VectorScheme as Scheme

STRENGTHS: Final = {2048: 112, 3072: 128}
"""Bits of a modulus -> bits of strength (NIST SP 800-57)."""


def strength_of(key_bits: int) -> int:
    """Return the strength of a modulus; 0 for one that is too short to protect anything."""
    return max((s for bits, s in STRENGTHS.items() if bits <= key_bits), default=0)


class PackedPaillierScheme(Scheme):
    """Packed Paillier encryption.

    Args:
        key_bits: of the modulus; keys that are read have this length.
        table_bytes: what a client's table may take, as in `PackedEncryptor`.
    """

    def __init__(self, key_bits: int = KEY_BITS, table_bytes: int = 0) -> None:
        self.key_bits = key_bits
        self.table_bytes = table_bytes
        self.name = f"packed Paillier {key_bits}"
        self.security_bits = strength_of(key_bits)

    def generate(self, randomness: Randomness = SYSTEM) -> "PackedPaillierPrivateKey":
        """Make a key pair of two safe primes."""
        return PackedPaillierPrivateKey(PackedPrivateKey.generate(self.key_bits, randomness))

    def read_key(self, data: bytes) -> "PackedPaillierKey":
        """Read a modulus."""
        return PackedPaillierKey(read_modulus(data, self.key_bits), self.table_bytes)


def read_modulus(data: bytes, key_bits: int) -> PackedPublicKey:
    """Read a modulus of a given length, little endian.

    Raises:
        DecodingError: for another length, or what cannot be a product of two safe primes.
    """
    n = int.from_bytes(data, "little")
    if n.bit_length() != key_bits or len(data) != (key_bits + 7) // 8:
        raise DecodingError(f"a modulus of {n.bit_length()} bits, not {key_bits}")
    try:
        return PackedPublicKey(n)
    except ParameterError as error:
        raise DecodingError(str(error)) from error


@dataclass(frozen=True)
class PackedPaillierKey(PublicVectorKey):
    """A public key, and the table that goes with it."""

    key: PackedPublicKey
    table_bytes: int = 0

    def to_bytes(self) -> bytes:
        """Return n, little endian."""
        return self.key.n.to_bytes((self.key.n.bit_length() + 7) // 8, "little")

    def check_plan(self, plan: VectorPlan) -> None:
        """Refuse plans whose slots would not fit."""
        self._packing(plan)

    def plan_bytes(self, plan: VectorPlan) -> int:
        """Return the length of all ciphertexts."""
        return self._packing(plan).plaintexts(plan.length) * self.key.ciphertext_bytes

    @cached_property
    def _encryptor(self) -> PackedEncryptor:
        """What encrypts; its table has a base of this object's own, from the system."""
        return PackedEncryptor(self.key, table_bytes=self.table_bytes)

    def prepare(
        self,
        plan: VectorPlan,
        randomness: Randomness = SYSTEM,
        *,
        cores: int = 1,
        clock: Callable[[], float] = time.perf_counter,
    ) -> float:
        """Make the randomisers of one vector's ciphertexts, and the table if there is none."""
        start = clock()
        pool = self._encryptor.pool
        seconds = clock() - start
        count = self._packing(plan).plaintexts(plan.length)
        return seconds + pool.fill(count, randomness, cores=cores, clock=clock)

    def _packing(self, plan: VectorPlan) -> SlotPacking:
        return self.key.plan(plan.value_bits, plan.max_addends)

    def packed(self, ciphertexts: bytes, plan: VectorPlan, addends: int) -> PackedVector:
        """Return ciphertexts as what `crypto/paillier/packed.py` works on."""
        packing = self._packing(plan)
        return PackedVector(self.key.fingerprint, packing, plan.length, addends, ciphertexts)

    def _encrypt(self, vector: IntegerVector, plan: VectorPlan, randomness: Randomness) -> bytes:
        return self._encryptor.encrypt(vector, self._packing(plan), randomness).ciphertexts

    def _add(self, ciphertexts: Sequence[bytes], plan: VectorPlan) -> bytes:
        # Addends were counted by the caller; sums of sums count here as one each.
        return self.key.add([self.packed(data, plan, 1) for data in ciphertexts]).ciphertexts

    def _check(self, ciphertexts: bytes, plan: VectorPlan) -> None:
        self.key.ciphertexts_of(self.packed(ciphertexts, plan, 1))


@dataclass(frozen=True)
class PackedPaillierPrivateKey(PrivateVectorKey):
    """A key pair."""

    private: PackedPrivateKey

    @cached_property
    def public_key(self) -> PackedPaillierKey:
        """The public half."""
        return PackedPaillierKey(self.private.public_key)

    def _decrypt(self, vector: EncryptedVector) -> NDArray[np.int64]:
        packed = self.public_key.packed(vector.ciphertexts, vector.plan, vector.addends)
        return self.private.decrypt(packed)
