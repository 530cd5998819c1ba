"""Whole vectors under Paillier's encryption: packed into slots, encrypted from a table.

`slot_packing.py` puts dozens of values into a plaintext, and `randomiser_table.py` makes a
ciphertext in a third of a millisecond; both say what they rest on. Ciphertexts are Paillier's own,
with g = n + 1: `phe` decrypts them, and what `phe` encrypts under these keys decrypts here.

Source: Paillier 1999; decryption by the Chinese remainder theorem, section 7 there.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar, Final

import gmpy2
import numpy as np
from numpy.typing import NDArray

from crypto.codec import Message
from crypto.codings import Digest, Sized, Uint32
from crypto.domain import domain_hash
from crypto.encoding.residues import IntegerVector
from crypto.encoding.slot_packing import SlotPacking
from crypto.errors import CapacityError, DecodingError, ParameterError
from crypto.paillier.phe_keys import KEY_BITS
from crypto.paillier.randomiser_pool import RandomiserPool
from crypto.paillier.randomiser_table import RandomiserTable, digit_bits_within
from crypto.paillier.safe_primes import safe_prime
from crypto.randomness import SYSTEM, Randomness, uniform_below

PACKED_VECTOR_TYPE: Final = 96
"""Type number on the wire: 96 to 127 are those of homomorphic encryption of vectors."""

_BLINDING_BITS: Final = 64
_CHUNK: Final = 32  # ciphertexts that a thread decrypts at a time: a tenth of a second


@dataclass(frozen=True)
class PackedVector(Message):
    """An encrypted vector, or a sum of several.

    Attributes:
        fingerprint: of the key, from `PackedPublicKey.fingerprint`.
        packing: how values stand in plaintexts.
        length: m, coordinates of the vector.
        addends: how many vectors are in the sum, as their senders said; 1 for a fresh one.
        ciphertexts: one after the other; whether they are ciphertexts takes the key to tell.
    """

    TYPE: ClassVar[int] = PACKED_VECTOR_TYPE
    fingerprint: Digest
    packing: SlotPacking
    length: Uint32
    addends: Uint32
    ciphertexts: Sized = field(repr=False)

    def _check(self) -> None:
        if not 0 <= self.addends <= self.packing.max_addends:
            raise CapacityError(f"{self.addends} addends of {self.packing.max_addends}")


@dataclass(frozen=True)
class PackedPublicKey:
    """The public key n.

    Attributes:
        n: a product of two safe primes; that it is one is for the key holder to answer.

    Raises:
        ParameterError: if `n` cannot be one: it must be 1 mod 4, and above 2^16.
    """

    n: int

    def __post_init__(self) -> None:
        if self.n < 2**16 or self.n % 4 != 1:
            raise ParameterError("a product of two safe primes is 1 modulo 4")

    @cached_property
    def fingerprint(self) -> bytes:
        """32 bytes that name the key in encrypted vectors."""
        return domain_hash("packed_paillier/key", self.n.to_bytes(self._n_bytes, "little"))

    @property
    def ciphertext_bytes(self) -> int:
        """Length of an encoded ciphertext."""
        return (2 * self.n.bit_length() + 7) // 8

    def plan(self, value_bits: int, max_addends: int, *, signed: bool = False) -> SlotPacking:
        """Return the packing of a session.

        Raises:
            CapacityError: if sums could overflow their slots, however they are cut.
        """
        return SlotPacking(value_bits, max_addends, self.n.bit_length() - 1, signed)

    def add(self, vectors: Sequence[PackedVector]) -> PackedVector:
        """Return an encryption of the sum of at least one vector; run by the server.

        Raises:
            ParameterError: for none, or vectors of different lengths or packings.
            CapacityError: for more addends than were planned.
            DecodingError: for vectors under another key, or ciphertexts that are none.
        """
        if not vectors:
            raise ParameterError("a sum of no vectors has no packing")
        first = vectors[0]
        if any((v.packing, v.length) != (first.packing, first.length) for v in vectors):
            raise ParameterError("vectors of different lengths or packings")
        addends = sum(vector.addends for vector in vectors)
        if addends > first.packing.max_addends:
            raise CapacityError(f"{addends} addends; planned were {first.packing.max_addends}")
        square, total = gmpy2.mpz(self.n) ** 2, self.ciphertexts_of(first)
        for vector in vectors[1:]:
            added = self.ciphertexts_of(vector)
            total = [a * b % square for a, b in zip(total, added, strict=True)]
        return self.wrap(total, first.packing, first.length, addends)

    def ciphertexts_of(self, vector: PackedVector) -> list[gmpy2.mpz]:
        """Return a vector's ciphertexts, all checked.

        Raises:
            DecodingError: for another key or packing of this key's plaintexts, a wrong number of
                ciphertexts, or one that is no unit modulo n^2.
        """
        if vector.fingerprint != self.fingerprint:
            raise DecodingError("a vector that was encrypted under another key")
        if vector.packing.plaintext_bits != self.n.bit_length() - 1:
            raise DecodingError("a packing for plaintexts of another key")
        size, data = self.ciphertext_bytes, vector.ciphertexts
        count = vector.packing.plaintexts(vector.length)
        if len(data) != count * size:
            raise DecodingError(f"{count} ciphertexts have {count * size} bytes, not {len(data)}")
        n = gmpy2.mpz(self.n)
        square, product, numbers = n * n, gmpy2.mpz(1), []
        for start in range(0, len(data), size):
            number = gmpy2.mpz(int.from_bytes(data[start : start + size], "little"))
            if not 0 < number < square:
                raise DecodingError("not a Paillier ciphertext: out of range")
            product = product * number % n  # a unit if and only if all are
            numbers.append(number)
        if gmpy2.gcd(product, n) != 1:
            raise DecodingError("not Paillier ciphertexts: one of them is no unit")
        return numbers

    def wrap(
        self, numbers: Sequence[int], packing: SlotPacking, length: int, addends: int
    ) -> PackedVector:
        """Return ciphertexts as an encrypted vector."""
        size = self.ciphertext_bytes
        data = b"".join(int(number).to_bytes(size, "little") for number in numbers)
        return PackedVector(self.fingerprint, packing, length, addends, data)

    @property
    def _n_bytes(self) -> int:
        return (self.n.bit_length() + 7) // 8


class PackedEncryptor:
    """A client's means of encrypting under one key: a table, made once, of a base of its own.

    Args:
        public_key: under which it encrypts.
        randomness: where the table's base comes from.
        table_bytes: what the table may take, 20 MB at least for 2048 bits; more makes it faster.

    Attributes:
        pool: randomisers that were made ahead.
    """

    def __init__(
        self,
        public_key: PackedPublicKey,
        randomness: Randomness = SYSTEM,
        table_bytes: int = 0,
    ) -> None:
        self.public_key = public_key
        x = uniform_below(public_key.n - 1, randomness) + 1
        digit_bits = digit_bits_within(public_key.n.bit_length(), table_bytes)
        self.table = RandomiserTable(public_key.n, x, digit_bits)
        self.pool = RandomiserPool(self.table)

    def encrypt(
        self, vector: IntegerVector, packing: SlotPacking, randomness: Randomness = SYSTEM
    ) -> PackedVector:
        """Encrypt a vector; run by a client.

        Args:
            vector: shape (m,), integers of 32 or 64 bits, values in the range of the packing.
            packing: from `PackedPublicKey.plan`.
            randomness: where the exponents of randomisers come from.

        Raises:
            ParameterError: for a vector that does not fit, or another key's packing.

        Guarantees: each ciphertext has a fresh randomiser. It reveals nothing about the vector but
        its length, by the assumptions of `randomiser_table.py`.
        """
        key = self.public_key
        if packing.plaintext_bits != key.n.bit_length() - 1:
            raise ParameterError("a packing for plaintexts of another key")
        numbers = [self.pool.encrypt(number, randomness) for number in packing.pack(vector)]
        return key.wrap(numbers, packing, int(np.size(vector)), 1)


@dataclass(frozen=True)
class PackedPrivateKey:
    """The factors of n, made by `generate`.

    Attributes:
        p: a safe prime, kept out of the repr like all that follows from it.
        q: another one.

    Raises:
        ParameterError: for factors that are equal, not 3 mod 4 or of p - 1 and q - 1 with more in
            common than 2.
    """

    p: int = field(repr=False)
    q: int = field(repr=False)

    def __post_init__(self) -> None:
        both = self.p % 4 == self.q % 4 == 3
        if self.p == self.q or not both or gmpy2.gcd(self.p - 1, self.q - 1) != 2:
            raise ParameterError("p and q must be 3 mod 4, p - 1 and q - 1 have only 2 in common")

    @classmethod
    def generate(cls, bits: int = KEY_BITS, randomness: Randomness = SYSTEM) -> "PackedPrivateKey":
        """Make a key pair; run by the key holder, seconds for 2048 bits.

        Args:
            bits: of n, a multiple of 16, 128 at least; below 2048 it protects nothing.
            randomness: where the primes come from.

        Raises:
            ParameterError: for an impossible number of bits.
        """
        if bits % 2:
            raise ParameterError(f"bits={bits} must be even")
        p = q = safe_prime(bits // 2, randomness)
        while p == q:
            q = safe_prime(bits // 2, randomness)
        return cls(p, q)

    @cached_property
    def public_key(self) -> PackedPublicKey:
        """The public half."""
        return PackedPublicKey(self.p * self.q)

    def decrypt(
        self, vector: PackedVector, *, threads: int = 2, randomness: Randomness = SYSTEM
    ) -> NDArray[np.int64]:
        """Decrypt a vector or a sum of several; run by the key holder.

        Args:
            vector: what to decrypt.
            threads: how many cores compute; GMP lets go of the interpreter while it does. All
                threads have ended when this returns or raises.
            randomness: where the blinding of exponents comes from.

        Returns:
            Shape (m,), int64: the sum over the integers.

        Raises:
            ParameterError: for less than one thread.
            DecodingError: for a vector under another key, ciphertexts that are none, or plaintexts
                that are no sum of as many vectors in range as it says.

        Guarantees: secret exponents are multiplied with 64 random bits, new for every 32
        ciphertexts, so that what a machine lets observe of one exponentiation does not add up.
        """
        if threads < 1:
            raise ParameterError(f"threads={threads} must be at least 1")
        numbers = self.public_key.ciphertexts_of(vector)
        chunks = [numbers[i : i + _CHUNK] for i in range(0, len(numbers), _CHUNK)]
        with ThreadPoolExecutor(threads) as pool:
            decrypted = pool.map(lambda chunk: list(self._decrypt(chunk, randomness)), chunks)
            plaintexts = [plaintext for chunk in decrypted for plaintext in chunk]
        return vector.packing.unpack(plaintexts, vector.length, vector.addends)

    def _decrypt(self, numbers: Sequence[gmpy2.mpz], randomness: Randomness) -> Iterator[int]:
        """Yield the plaintexts, 0 to n - 1, of checked ciphertexts."""
        p, q = gmpy2.mpz(self.p), gmpy2.mpz(self.q)
        p_inverse = gmpy2.invert(p, q)
        by_p = _modulo(numbers, p, q, randomness)
        by_q = _modulo(numbers, q, p, randomness)
        for modulo_p, modulo_q in zip(by_p, by_q, strict=True):
            yield int(modulo_p + p * ((modulo_q - modulo_p) * p_inverse % q))


def _modulo(
    numbers: Sequence[gmpy2.mpz], p: gmpy2.mpz, q: gmpy2.mpz, randomness: Randomness
) -> list[gmpy2.mpz]:
    """Return plaintexts modulo one factor p of n = p q.

    For t not divisible by p, c^(t (p - 1)) = 1 + m t (p - 1) n = 1 - m t n modulo p^2.
    """
    blinding = 1 + uniform_below(1 << _BLINDING_BITS, randomness) % (p - 1)
    square = p * p
    scale = gmpy2.invert(-blinding * q, p)
    bases = [number % square for number in numbers]
    powers = gmpy2.powmod_base_list(bases, (p - 1) * blinding, square)
    return [(power - 1) // p * scale % p for power in powers]
