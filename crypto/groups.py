"""Groups of prime order, written multiplicatively: the interface that protocols are written for.

The groups themselves are in `safe_prime_group.py` and `curve_group.py`. An element is immutable
and hashable; equal elements compare equal.
"""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

from crypto.field import PrimeField
from crypto.randomness import SYSTEM, Randomness, uniform_below

Element = TypeVar("Element", bound=Hashable)


class Group(ABC, Generic[Element]):
    """A group in which discrete logarithms are hard.

    Attributes:
        name: what messages and records call it.
        order: q, a prime of at least 250 bits.
        generator: generates the group.
        identity: the neutral element.
        element_bytes: length of an encoded element.

    Elements that come from others enter by `decode` only, which checks membership; the
    operations rely on it.
    """

    name: str
    order: int
    generator: Element
    identity: Element
    element_bytes: int

    @property
    def exponents(self) -> PrimeField:
        """The field of integers modulo the order, where exponents and their shares live."""
        return PrimeField(self.order)

    def random_exponent(self, randomness: Randomness = SYSTEM) -> int:
        """Return a uniform exponent, 1 to q - 1."""
        return 1 + uniform_below(self.order - 1, randomness)

    @abstractmethod
    def multiply(self, a: Element, b: Element) -> Element:
        """Return a b."""

    @abstractmethod
    def power(self, base: Element, exponent: int) -> Element:
        """Return base^exponent for any integer exponent, in time independent of its digits."""

    @abstractmethod
    def generator_power(self, exponent: int) -> Element:
        """Return generator^exponent: as `power`, and never slower."""

    @abstractmethod
    def invert(self, a: Element) -> Element:
        """Return the inverse of a."""

    @abstractmethod
    def contains(self, candidate: Element) -> bool:
        """Tell whether a value is an element of the group of prime order."""

    @abstractmethod
    def encode(self, a: Element) -> bytes:
        """Return the one encoding of an element, `element_bytes` long."""

    @abstractmethod
    def decode(self, data: bytes) -> Element:
        """Read what `encode` wrote.

        Raises:
            DecodingError: for bytes that encode no element of the group of prime order.
        """

    def product(self, elements: Iterable[Element]) -> Element:
        """Return the product of any number of elements; the identity for none."""
        result = self.identity
        for element in elements:
            result = self.multiply(result, element)
        return result

    def __repr__(self) -> str:
        return f"<group {self.name}>"
