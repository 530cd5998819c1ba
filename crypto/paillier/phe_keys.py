"""Paillier encryption of integers, by `phe`: ciphertexts multiply to a ciphertext of the sum.

Integers only, at the fixed precision of 1: `phe`'s floating-point exponent, which travels in the
clear and tells magnitudes, does not occur. The randomiser is fresh for every ciphertext.

Source: Paillier 1999, with g = n + 1; decryption by the Chinese remainder theorem.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import gmpy2
from phe import paillier

from crypto.errors import DecodingError, ParameterError
from crypto.randomness import SYSTEM, Randomness, uniform_below

KEY_BITS: Final = 2048
"""Bits of n: about 112 bits of strength (NIST SP 800-57)."""


@dataclass(frozen=True)
class PaillierPublicKey:
    """The public key n.

    Attributes:
        n: a product of two primes; that it is one is for the key holder to answer.

    Raises:
        ParameterError: if n is even or less than 2.
    """

    n: int

    def __post_init__(self) -> None:
        if self.n < 2 or self.n % 2 == 0:
            raise ParameterError("a modulus must be an odd number above 1")

    @property
    def bits(self) -> int:
        """Length of n."""
        return self.n.bit_length()

    @property
    def ciphertext_bytes(self) -> int:
        """Length of an encoded ciphertext."""
        return (2 * self.bits + 7) // 8

    def encrypt(self, value: int) -> int:
        """Encrypt an integer; run by a client.

        Args:
            value: 0 to n / 3.

        Returns:
            A ciphertext modulo n^2, randomised.

        Raises:
            ParameterError: for a value out of range.

        Guarantees: reveals nothing about `value`, by the decisional composite residuosity
        assumption.
        """
        return self.encrypt_with(value, self.random_unit())

    def encrypt_with(self, value: int, randomiser: int) -> int:
        """Encrypt an integer with a randomiser that the caller keeps for a proof.

        Args:
            value: as in `encrypt`.
            randomiser: from `random_unit`, used once.
        """
        key = paillier.PaillierPublicKey(self.n)
        if not 0 <= value <= key.max_int:
            raise ParameterError("a value must lie in 0..n/3")
        return int(key.raw_encrypt(value, r_value=randomiser))

    def random_unit(self, randomness: Randomness = SYSTEM) -> int:
        """Return a uniform number from 1 to n - 1 that has an inverse modulo n."""
        while True:
            number = uniform_below(self.n, randomness)
            if gmpy2.gcd(number, self.n) == 1:
                return number

    def add(self, ciphertexts: Iterable[int]) -> int:
        """Return a ciphertext of the sum; of 0, and not randomised, for none."""
        modulus, product = gmpy2.mpz(self.n) ** 2, gmpy2.mpz(1)
        for ciphertext in ciphertexts:
            product = product * ciphertext % modulus
        return int(product)

    def encode(self, ciphertext: int) -> bytes:
        """Return a ciphertext as `ciphertext_bytes` bytes, little endian."""
        return ciphertext.to_bytes(self.ciphertext_bytes, "little")

    def encode_all(self, ciphertexts: Iterable[int]) -> bytes:
        """Return the encodings of several ciphertexts, one after the other."""
        return b"".join(map(self.encode, ciphertexts))

    def decode(self, data: bytes) -> int:
        """Read what `encode` wrote.

        Raises:
            DecodingError: for a wrong length, or a number that is no unit modulo n^2.
        """
        ciphertext = int.from_bytes(data, "little")
        inside = 0 < ciphertext < self.n**2 and gmpy2.gcd(ciphertext, self.n) == 1
        if len(data) != self.ciphertext_bytes or not inside:
            raise DecodingError("not a Paillier ciphertext")
        return ciphertext

    def decode_all(self, data: bytes, count: int) -> tuple[int, ...]:
        """Read what `encode_all` wrote.

        Raises:
            DecodingError: unless `data` is `count` ciphertexts.
        """
        size = self.ciphertext_bytes
        if len(data) != count * size:
            raise DecodingError(f"{count} ciphertexts have {count * size} bytes, not {len(data)}")
        return tuple(self.decode(data[start : start + size]) for start in range(0, len(data), size))


@dataclass(frozen=True)
class PaillierPrivateKey:
    """A key pair, made by `generate`.

    Attributes:
        public_key: n.
        private: `phe`'s private key, kept out of the repr.
    """

    public_key: PaillierPublicKey
    private: paillier.PaillierPrivateKey = field(repr=False)

    @classmethod
    def generate(cls, bits: int = KEY_BITS) -> "PaillierPrivateKey":
        """Make a key pair of two primes from the operating system's randomness.

        Args:
            bits: of n, an even number of 64 at least; below 2048 it protects nothing.

        Raises:
            ParameterError: for an impossible number of bits.
        """
        if bits < 64 or bits % 2:
            raise ParameterError(f"bits={bits} must be an even number, 64 at least")
        public, private = paillier.generate_paillier_keypair(n_length=bits)
        return cls(PaillierPublicKey(int(public.n)), private)

    def decrypt(self, ciphertext: int) -> int:
        """Return the integer, 0 to n - 1, in a ciphertext that was checked by `decode`."""
        return int(self.private.raw_decrypt(ciphertext))
