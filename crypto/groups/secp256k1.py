"""The group of the curve secp256k1, computed by libsecp256k1; the fastest group here.

The curve has prime order and cofactor 1: every point is in the group, and checking that a point
lies on the curve is all that membership takes.

Sources: SEC 2 (the curve), SEC 1, section 2.3.3 (the encoding).
"""

from collections.abc import Iterable
from typing import ClassVar, Final

from coincurve import PublicKey

from crypto.domain import domain_hash
from crypto.errors import DecodingError
from crypto.groups.base import Group
from crypto.randomness import SYSTEM, Randomness, uniform_below

_POINT_BYTES: Final = 65
_COORDINATE_BYTES: Final = 32
_UNCOMPRESSED: Final = 0x04
_EVEN, _ODD = b"\x02", b"\x03"
_IDENTITY: Final = bytes(_POINT_BYTES)


class Secp256k1Group(Group[bytes]):
    """All points of y^2 = x^3 + 7 over the integers modulo 2^256 - 2^32 - 977.

    Elements are uncompressed points, 65 bytes, which the library reads without a square root; the
    point at infinity, which has no encoding in SEC 1, is 65 zero bytes. On the wire a point is 33
    bytes, compressed, and the point at infinity 33 zero bytes. 128 bits of strength.

    Args:
        randomness: where the summands come from by which `power` hides its exponent: the library
            multiplies any point but the base point in time that depends on the exponent.
    """

    pairs_inverses: ClassVar[bool] = True

    def __init__(self, randomness: Randomness = SYSTEM) -> None:
        self.name = "secp256k1"
        self.order = 2**256 - 432420386565659656852420866394968145599
        self.identity = _IDENTITY
        self.element_bytes = 1 + _COORDINATE_BYTES
        self._randomness = randomness
        self.generator = self.generator_power(1)

    def multiply(self, a: bytes, b: bytes) -> bytes:
        """Return the sum of two points."""
        if a == _IDENTITY:
            return b
        if b == _IDENTITY:
            return a
        if a[1 : 1 + _COORDINATE_BYTES] == b[1 : 1 + _COORDINATE_BYTES] and a != b:
            return _IDENTITY
        return _point(PublicKey(a).combine([PublicKey(b)]))

    def power(self, base: bytes, exponent: int) -> bytes:
        """Return a multiple of a point as the sum of two random multiples, to hide the exponent."""
        mask = uniform_below(self.order, self._randomness)
        return self.multiply(
            self.public_power(base, mask), self.public_power(base, exponent - mask)
        )

    def public_power(self, base: bytes, exponent: int) -> bytes:
        """Return a multiple of a point, in time that depends on the exponent."""
        reduced = exponent % self.order
        if reduced == 0 or base == _IDENTITY:
            return _IDENTITY
        return _point(PublicKey(base).multiply(reduced.to_bytes(_COORDINATE_BYTES, "big")))

    def product(self, elements: Iterable[bytes]) -> bytes:
        """Return the sum of points, which costs a few additions at most."""
        return _sum_of([PublicKey(point) for point in elements if point != _IDENTITY])

    def multi_power(self, factors: Iterable[tuple[bytes, int]]) -> bytes:
        """Return the sum of multiples of points; for public exponents."""
        reduced = [(base, exponent % self.order) for base, exponent in factors]
        return _sum_of(
            [
                PublicKey(base).multiply(exponent.to_bytes(_COORDINATE_BYTES, "big"))
                for base, exponent in reduced
                if exponent and base != _IDENTITY
            ]
        )

    def generator_power(self, exponent: int) -> bytes:
        """Return a multiple of the base point, by the library's tables and in constant time."""
        reduced = exponent % self.order
        if reduced == 0:
            return _IDENTITY
        secret = reduced.to_bytes(_COORDINATE_BYTES, "big")
        return _point(PublicKey.from_valid_secret(secret))

    def hash_to_element(self, tag: bytes) -> bytes:
        """Return the first point with even y among x = SHA-256(tag, counter), counter from 0."""
        counter = 0
        while True:
            candidate = domain_hash("secp256k1/hash to element", tag, counter.to_bytes(4, "little"))
            try:
                return self.decode(_EVEN + candidate)
            except DecodingError:
                counter += 1

    def lookup_key(self, a: bytes) -> bytes:
        """Return the x-coordinate, which a point has in common with its opposite."""
        return a[1 : 1 + _COORDINATE_BYTES]

    def invert(self, a: bytes) -> bytes:
        """Return the opposite point."""
        if a == _IDENTITY:
            return _IDENTITY
        data = self.encode(a)
        return self.decode((_ODD if data[:1] == _EVEN else _EVEN) + data[1:])

    def contains(self, candidate: bytes) -> bool:
        """Tell whether bytes are an uncompressed point of the curve, or the point at infinity."""
        if candidate == _IDENTITY:
            return True
        if len(candidate) != _POINT_BYTES or candidate[0] != _UNCOMPRESSED:
            return False
        try:
            PublicKey(candidate)
        except ValueError:
            return False
        return True

    def encode(self, a: bytes) -> bytes:
        """Return the compressed point, 33 bytes."""
        if a == _IDENTITY:
            return bytes(self.element_bytes)
        return (_ODD if a[-1] & 1 else _EVEN) + a[1 : 1 + _COORDINATE_BYTES]

    def decode(self, data: bytes) -> bytes:
        """Read what `encode` wrote; refuse other forms of points and what lies off the curve."""
        if data == bytes(self.element_bytes):
            return _IDENTITY
        if len(data) != self.element_bytes or data[:1] not in (_EVEN, _ODD):
            raise DecodingError(f"not an element of {self.name}")
        try:
            return _point(PublicKey(bytes(data)))
        except ValueError:
            raise DecodingError(f"not an element of {self.name}") from None


def _sum_of(points: list[PublicKey]) -> bytes:
    if not points:
        return _IDENTITY
    try:
        return _point(PublicKey.combine_keys(points))
    except ValueError:  # the library has no point at infinity
        return _IDENTITY


def _point(key: PublicKey) -> bytes:
    return key.format(compressed=False)


SECP256K1: Final = Secp256k1Group()
