"""Arithmetic modulo a public prime.

`SECRET_FIELD` is the field in which 32-byte secrets are shared: p = 2^256 + 297 is the smallest
prime above 2^256, so that every string of 32 bytes is an element. The exponents of a prime-order
group form another `PrimeField`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from crypto.errors import DecodingError, ParameterError
from crypto.randomness import SYSTEM, Randomness, uniform_below


@dataclass(frozen=True)
class PrimeField:
    """The integers 0 to p - 1 modulo a prime p.

    Attributes:
        modulus: p; taken to be prime, which the caller answers for.
    """

    modulus: int

    @property
    def element_bytes(self) -> int:
        """Length of an encoded element."""
        return ((self.modulus - 1).bit_length() + 7) // 8

    def random(self, randomness: Randomness = SYSTEM) -> int:
        """Return a uniform element."""
        return uniform_below(self.modulus, randomness)

    def invert_all(self, elements: Sequence[int]) -> list[int]:
        """Return the inverses of all elements, for the price of one inversion.

        Raises:
            ParameterError: if one of them is 0 modulo p.

        Source: Montgomery's trick.
        """
        prefix = [1]
        for element in elements:
            prefix.append(prefix[-1] * element % self.modulus)
        if prefix[-1] == 0:
            raise ParameterError("zero has no inverse")
        running = pow(prefix[-1], -1, self.modulus)
        inverses = [0] * len(elements)
        for i in range(len(elements) - 1, -1, -1):
            inverses[i] = running * prefix[i] % self.modulus
            running = running * elements[i] % self.modulus
        return inverses

    def encode(self, element: int) -> bytes:
        """Return an element as `element_bytes` bytes, little endian.

        Raises:
            ParameterError: if it lies outside 0..p-1.
        """
        if not 0 <= element < self.modulus:
            raise ParameterError("a field element must lie in 0..p-1")
        return element.to_bytes(self.element_bytes, "little")

    def decode(self, data: bytes) -> int:
        """Read what `encode` wrote.

        Raises:
            DecodingError: for a wrong length or a number of p or more.
        """
        element = int.from_bytes(data, "little")
        if len(data) != self.element_bytes or element >= self.modulus:
            raise DecodingError("not an element of the field")
        return element


SECRET_BYTES: Final = 32
SECRET_FIELD: Final = PrimeField(2**256 + 297)
