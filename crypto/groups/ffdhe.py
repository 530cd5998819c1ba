"""The squares modulo a safe prime of RFC 7919.

p = 2 q + 1 with q prime, and p = 7 mod 8, so that 2 is a square: 2 generates the group of order q
and the paper's 2^m is literally generator^m.
"""

import hashlib
from collections.abc import Iterable
from functools import cached_property
from typing import Final

import gmpy2

from crypto.errors import DecodingError, ParameterError
from crypto.groups.base import Group
from crypto.groups.fixed_base import PowerTable
from crypto.groups.multi_power import multi_power

_KEPT_TABLES: Final = 4  # of 6 to 13 MB each


class SafePrimeGroup(Group[int]):
    """The group of prime order q = (p - 1) / 2 modulo a safe prime p; elements are integers.

    Args:
        name: as in the RFC.
        prime: p. That it is a safe prime is tested for the two groups offered here, not per object.
    """

    def __init__(self, name: str, prime: int) -> None:
        if prime % 8 != 7:
            raise ParameterError("2 is a generator only if the prime is 7 mod 8")
        self.name = name
        self.prime = prime
        self._modulus = gmpy2.mpz(prime)
        self._tables: dict[int, PowerTable] = {}
        self._short_tables: dict[int, tuple[PowerTable, tuple[int, int]]] = {}
        self.order = (prime - 1) // 2
        self.generator = 2
        self.identity = 1
        self.element_bytes = (prime.bit_length() + 7) // 8

    def multiply(self, a: int, b: int) -> int:
        """Return a b mod p."""
        return int(gmpy2.mpz(a) * b % self._modulus)

    def multiply_by_generator(self, a: int) -> int:
        """Return 2 a mod p."""
        double = a << 1
        return double - self.prime if double >= self.prime else double

    def power(self, base: int, exponent: int) -> int:
        """Return base^exponent by GMP's side-channel-silent exponentiation."""
        reduced = exponent % self.order
        if reduced == 0:  # `powmod_sec` takes positive exponents only
            return 1
        return int(gmpy2.powmod_sec(base, reduced, self.prime))

    def generator_power(self, exponent: int) -> int:
        """Return 2^exponent from a table, which the first call makes."""
        return self._generator_table.power(exponent)

    def short_generator_power(self, exponent: int, bits: int, *, invert: bool = False) -> int:
        """Return 2^exponent, or its inverse, from a table with rows for so many bits only.

        -e is (2^bits - e) - 2^bits: two multiplications, whether inverted or not.
        """
        if bits not in self._short_tables:
            table = PowerTable(self.generator, 1 << (bits + 1), self.prime)
            back = 1, self.generator_power(-(1 << bits))
            self._short_tables[bits] = table, back
        table, back = self._short_tables[bits]
        return self.multiply(
            table.power((1 << bits) - exponent if invert else exponent), back[invert]
        )

    def public_power(self, base: int, exponent: int) -> int:
        """Return base^exponent by GMP's fastest exponentiation."""
        return int(gmpy2.powmod(base, exponent % self.order, self._modulus))

    def multi_power(self, factors: Iterable[tuple[int, int]]) -> int:
        """Return the product of powers, with the squarings in common."""
        pairs = [(base, exponent % self.order) for base, exponent in factors]
        return multi_power(pairs, self.prime)

    def fixed_base(self, base: int) -> PowerTable:
        """Return a table of powers; it costs about ten powers and makes each five times faster.

        The tables of the last few bases are kept: they are public, and clients of one process
        share them.
        """
        table = self._tables.pop(base, None) or PowerTable(base, self.order, self.prime)
        self._tables[base] = table
        if len(self._tables) > _KEPT_TABLES:
            del self._tables[next(iter(self._tables))]
        return table

    def hash_to_element(self, tag: bytes) -> int:
        """Return the square of the tag's SHAKE-256, 16 bytes longer than p, modulo p."""
        data = hashlib.shake_256(tag).digest(self.element_bytes + 16)
        element = int(gmpy2.powmod(int.from_bytes(data, "big"), 2, self._modulus))
        if element <= 1:  # never for primes of cryptographic size
            return self.hash_to_element(tag + b"\0")
        return element

    def invert(self, a: int) -> int:
        """Return the inverse of a mod p."""
        return int(gmpy2.invert(a, self.prime))

    def contains(self, candidate: int) -> bool:
        """Tell whether an integer is a square in 1..p-1, by its Legendre symbol."""
        return 0 < candidate < self.prime and gmpy2.legendre(candidate, self.prime) == 1

    @cached_property
    def _generator_table(self) -> PowerTable:
        return PowerTable(self.generator, self.order, self.prime)

    def encode(self, a: int) -> bytes:
        """Return a as `element_bytes` bytes, big endian as in TLS."""
        return a.to_bytes(self.element_bytes, "big")

    def decode(self, data: bytes) -> int:
        """Read what `encode` wrote; refuse non-squares, 0 and numbers of p or more."""
        candidate = int.from_bytes(data, "big")
        if len(data) != self.element_bytes or not self.contains(candidate):
            raise DecodingError(f"not an element of {self.name}")
        return candidate


FFDHE2048: Final = SafePrimeGroup(
    "ffdhe2048",
    int(
        "FFFFFFFFFFFFFFFFADF85458A2BB4A9AAFDC5620273D3CF1D8B9C583CE2D3695"
        "A9E13641146433FBCC939DCE249B3EF97D2FE363630C75D8F681B202AEC4617A"
        "D3DF1ED5D5FD65612433F51F5F066ED0856365553DED1AF3B557135E7F57C935"
        "984F0C70E0E68B77E2A689DAF3EFE8721DF158A136ADE73530ACCA4F483A797A"
        "BC0AB182B324FB61D108A94BB2C8E3FBB96ADAB760D7F4681D4F42A3DE394DF4"
        "AE56EDE76372BB190B07A7C8EE0A6D709E02FCE1CDF7E2ECC03404CD28342F61"
        "9172FE9CE98583FF8E4F1232EEF28183C3FE3B1B4C6FAD733BB5FCBC2EC22005"
        "C58EF1837D1683B2C6F34A26C1B2EFFA886B423861285C97FFFFFFFFFFFFFFFF",
        16,
    ),
)
"""RFC 7919, appendix A.1: 103 bits of strength."""

FFDHE3072: Final = SafePrimeGroup(
    "ffdhe3072",
    int(
        "FFFFFFFFFFFFFFFFADF85458A2BB4A9AAFDC5620273D3CF1D8B9C583CE2D3695"
        "A9E13641146433FBCC939DCE249B3EF97D2FE363630C75D8F681B202AEC4617A"
        "D3DF1ED5D5FD65612433F51F5F066ED0856365553DED1AF3B557135E7F57C935"
        "984F0C70E0E68B77E2A689DAF3EFE8721DF158A136ADE73530ACCA4F483A797A"
        "BC0AB182B324FB61D108A94BB2C8E3FBB96ADAB760D7F4681D4F42A3DE394DF4"
        "AE56EDE76372BB190B07A7C8EE0A6D709E02FCE1CDF7E2ECC03404CD28342F61"
        "9172FE9CE98583FF8E4F1232EEF28183C3FE3B1B4C6FAD733BB5FCBC2EC22005"
        "C58EF1837D1683B2C6F34A26C1B2EFFA886B4238611FCFDCDE355B3B6519035B"
        "BC34F4DEF99C023861B46FC9D6E6C9077AD91D2691F7F7EE598CB0FAC186D91C"
        "AEFE130985139270B4130C93BC437944F4FD4452E2D74DD364F2E21E71F54BFF"
        "5CAE82AB9C9DF69EE86D2BC522363A0DABC521979B0DEADA1DBF9A42D5C4484E"
        "0ABCD06BFA53DDEF3C1B20EE3FD59D7C25E41D2B66C62E37FFFFFFFFFFFFFFFF",
        16,
    ),
)
"""RFC 7919, appendix A.2: 125 bits of strength."""
