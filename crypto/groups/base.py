"""Groups of prime order, written multiplicatively: the interface that protocols are written for.

The groups themselves are in `safe_prime_group.py`, `curve_group.py` and `secp256k1_group.py`. An
element is immutable and hashable; equal elements compare equal.
"""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import ClassVar, Generic, Protocol, TypeVar

from crypto.errors import DecodingError
from crypto.primitives.field import PrimeField
from crypto.randomness import SYSTEM, Randomness, uniform_below

Element = TypeVar("Element", bound=Hashable)
_Power_co = TypeVar("_Power_co", bound=Hashable, covariant=True)


class FixedBase(Protocol[_Power_co]):
    """One element that is raised to many exponents; `Group.fixed_base` makes it."""

    def power(self, exponent: int) -> _Power_co:
        """Return base^exponent, as `Group.power` does."""
        ...


class Group(ABC, Generic[Element]):
    """A group in which discrete logarithms are hard.

    Attributes:
        name: what messages and records call it.
        order: q, a prime of at least 250 bits.
        generator: generates the group.
        identity: the neutral element.
        element_bytes: length of an encoded element.
        pairs_inverses: whether `lookup_key` is the same for an element and its inverse.

    Elements that come from others enter by `decode` only, which checks membership; the
    operations rely on it.
    """

    name: str
    order: int
    generator: Element
    identity: Element
    element_bytes: int
    pairs_inverses: ClassVar[bool] = False

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

    def short_generator_power(
        self,
        exponent: int,
        bits: int,  # noqa: ARG002
        *,
        invert: bool = False,
    ) -> Element:
        """Return generator^exponent, or its inverse: never slower than `generator_power`.

        Args:
            exponent: 0 to 2^bits - 1; secret like that of `power`.
            bits: how long it can be, which everybody knows.
            invert: whether the exponent is to be taken negative; as secret.
        """
        return self.generator_power(-exponent if invert else exponent)

    def public_power(self, base: Element, exponent: int) -> Element:
        """Return base^exponent as fast as can be: for exponents that everybody may know."""
        return self.power(base, exponent)

    def multi_power(self, factors: Iterable[tuple[Element, int]]) -> Element:
        """Return the product of base^exponent over all pairs; for public exponents."""
        return self.product([self.public_power(base, exponent) for base, exponent in factors])

    def multiply_by_generator(self, a: Element) -> Element:
        """Return a generator: as `multiply`, and never slower."""
        return self.multiply(a, self.generator)

    def fixed_base(self, base: Element) -> FixedBase[Element]:
        """Return an object that raises one long-lived element to secret exponents."""
        return _PlainBase(self, base)

    @abstractmethod
    def hash_to_element(self, tag: bytes) -> Element:
        """Return an element whose logarithm to any other nobody knows.

        Args:
            tag: a `domain_tag`; the same tag gives the same element.
        """

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

    def encode_all(self, elements: Iterable[Element]) -> bytes:
        """Return the encodings of several elements, one after the other."""
        return b"".join(map(self.encode, elements))

    def decode_all(self, data: bytes, count: int) -> tuple[Element, ...]:
        """Read what `encode_all` wrote.

        Raises:
            DecodingError: unless `data` is `count` encoded elements.
        """
        size = self.element_bytes
        if len(data) != count * size:
            raise DecodingError(f"{count} elements of {self.name} have {count * size} bytes")
        return tuple(self.decode(data[start : start + size]) for start in range(0, len(data), size))

    def lookup_key(self, a: Element) -> bytes:
        """Return bytes that name an element in a table, for curves up to its inverse."""
        return self.encode(a)

    def product(self, elements: Iterable[Element]) -> Element:
        """Return the product of any number of elements; the identity for none."""
        result = self.identity
        for element in elements:
            result = self.multiply(result, element)
        return result

    def __repr__(self) -> str:
        return f"<group {self.name}>"


@dataclass(frozen=True)
class _PlainBase(Generic[Element]):
    """A base without a table, where the library's own multiplication is faster than ours."""

    group: Group[Element]
    base: Element

    def power(self, exponent: int) -> Element:
        return self.group.power(self.base, exponent)
