"""Exponential ElGamal: ciphertexts of small integers that multiply to a ciphertext of their sum.

The integer stands in the exponent, and decryption ends with a discrete logarithm, which
`discrete_log.py` finds when a bound is known. Exponents live modulo the order q of the group.

Source: equations (10), (11), (17) and (19) of the paper. In the safe-prime groups the generator is
2, and generator^m is literally the paper's 2^m.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Generic

from crypto.errors import DecodingError, ParameterError
from crypto.groups.base import Element, FixedBase, Group
from crypto.operations import Operation, note
from crypto.randomness import SYSTEM, Randomness


@dataclass(frozen=True)
class Ciphertext(Generic[Element]):
    """An encrypted integer (c1, c2) = (g^r, g^m h^r).

    Attributes:
        c1: g^r.
        c2: g^m h^r.
    """

    c1: Element
    c2: Element

    def add(self, other: "Ciphertext[Element]", group: Group[Element]) -> "Ciphertext[Element]":
        """Return a ciphertext of the sum of both integers: equation (10)."""
        note(Operation.ELGAMAL_ADDITION)
        return Ciphertext(
            group.multiply(self.c1, other.c1),
            group.multiply(self.c2, other.c2),
        )

    def to_bytes(self, group: Group[Element]) -> bytes:
        """Return both elements, `ciphertext_bytes(group)` long."""
        return group.encode(self.c1) + group.encode(self.c2)

    @staticmethod
    def from_bytes(data: bytes, group: Group[Element]) -> "Ciphertext[Element]":
        """Read what `to_bytes` wrote.

        Raises:
            DecodingError: for a wrong length, or if one of the two is no element of the group.
        """
        if len(data) != ciphertext_bytes(group):
            raise DecodingError(
                f"a ciphertext has {ciphertext_bytes(group)} bytes, not {len(data)}"
            )
        size = group.element_bytes
        return Ciphertext(group.decode(data[:size]), group.decode(data[size:]))


def ciphertext_bytes(group: Group[Element]) -> int:
    """Return the length of an encoded ciphertext."""
    return 2 * group.element_bytes


def add_all(
    ciphertexts: Iterable[Ciphertext[Element]], group: Group[Element]
) -> Ciphertext[Element]:
    """Return a ciphertext of the sum of any number of integers: equation (19); run by the server.

    The sum of none is the pair of identities, an encryption of 0 with r = 0.
    """
    total = Ciphertext(group.identity, group.identity)
    for ciphertext in ciphertexts:
        total = total.add(ciphertext, group)
    return total


@dataclass(frozen=True)
class PublicKey(Generic[Element]):
    """The system's public key h = g^s.

    Attributes:
        group: where it lives.
        h: g^s; not the identity, under which nothing is hidden.

    Raises:
        ParameterError: if `h` is the identity or no element of the group.
    """

    group: Group[Element] = field(repr=False)
    h: Element

    def __post_init__(self) -> None:
        if self.h == self.group.identity or not self.group.contains(self.h):
            raise ParameterError("a public key must be an element of the group other than 1")

    def encrypt(self, value: int, randomness: Randomness = SYSTEM) -> Ciphertext[Element]:
        """Encrypt an integer: equation (17); run by a client.

        Args:
            value: any integer; what can be decrypted again is for the caller to bound.
            randomness: where r, fresh for every ciphertext, comes from.

        Guarantees: reveals nothing about `value`, by the decisional Diffie-Hellman assumption.
        """
        return self.encrypt_with(value, self.group.random_exponent(randomness))

    def encrypt_with(self, value: int, r: int) -> Ciphertext[Element]:
        """Encrypt with an exponent r that the caller drew, and keeps for a proof only."""
        note(Operation.ELGAMAL_ENCRYPTION)
        c1 = self.group.generator_power(r)
        g_to_value = self.group.generator_power(value)
        return Ciphertext(c1, self.group.multiply(g_to_value, self.base.power(r)))

    def rerandomise(
        self, ciphertext: Ciphertext[Element], randomness: Randomness = SYSTEM
    ) -> Ciphertext[Element]:
        """Return a fresh ciphertext of the same integer, unlinkable to the given one."""
        return ciphertext.add(self.encrypt(0, randomness), self.group)

    @cached_property
    def base(self) -> FixedBase[Element]:
        """The key as a base of many powers; its table, if the group has one, is made once."""
        return self.group.fixed_base(self.h)


def decrypt_to_power(
    ciphertext: Ciphertext[Element], secret: int, group: Group[Element]
) -> Element:
    """Return g^m = c2 / c1^s: equation (11) for one who knows the secret key.

    The oracle that threshold decryption is held against; nobody in the protocol can run it.
    """
    shared = group.power(ciphertext.c1, secret)
    return group.multiply(ciphertext.c2, group.invert(shared))
