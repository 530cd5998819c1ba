"""The prime-order group of the curve edwards25519, computed by libsodium.

libsodium as PyNaCl ships it has no ristretto255, so membership in the group of order q is checked
point by point: a point of small or mixed order is refused.
"""

import hashlib
from typing import ClassVar, Final

from nacl import bindings

from crypto.errors import DecodingError
from crypto.groups.base import Group

_IDENTITY: Final = (1).to_bytes(32, "little")


class Edwards25519Group(Group[bytes]):
    """The subgroup of order q = 2^252 + 27742317777372353535851937790883648493.

    Elements are their 32-byte encodings (RFC 8032). 128 bits of strength.
    """

    pairs_inverses: ClassVar[bool] = True

    def __init__(self) -> None:
        self.name = "edwards25519"
        self.order = 2**252 + 27742317777372353535851937790883648493
        self.generator = bindings.crypto_scalarmult_ed25519_base_noclamp(_IDENTITY)
        self.identity = _IDENTITY
        self.element_bytes = 32

    def multiply(self, a: bytes, b: bytes) -> bytes:
        """Return the sum of two points."""
        return bindings.crypto_core_ed25519_add(a, b)

    def power(self, base: bytes, exponent: int) -> bytes:
        """Return a multiple of a point, in constant time."""
        reduced = exponent % self.order
        if reduced == 0 or base == _IDENTITY:  # libsodium refuses to return the identity
            return _IDENTITY
        scalar = reduced.to_bytes(32, "little")
        return bindings.crypto_scalarmult_ed25519_noclamp(scalar, base)

    def generator_power(self, exponent: int) -> bytes:
        """Return a multiple of the base point, by libsodium's tables."""
        reduced = exponent % self.order
        if reduced == 0:
            return _IDENTITY
        return bindings.crypto_scalarmult_ed25519_base_noclamp(reduced.to_bytes(32, "little"))

    def hash_to_element(self, tag: bytes) -> bytes:
        """Return libsodium's Elligator map, cofactor cleared, of the tag's SHA-256."""
        element = bindings.crypto_core_ed25519_from_uniform(hashlib.sha256(tag).digest())
        if element == _IDENTITY or not self.contains(element):
            return self.hash_to_element(tag + b"\0")
        return element

    def lookup_key(self, a: bytes) -> bytes:
        """Return the y-coordinate, which a point has in common with its opposite."""
        return a[:-1] + bytes([a[-1] & 0x7F])

    def invert(self, a: bytes) -> bytes:
        """Return the opposite point."""
        return bindings.crypto_core_ed25519_sub(_IDENTITY, a)

    def contains(self, candidate: bytes) -> bool:
        """Tell whether bytes are the canonical encoding of a point of order 1 or q."""
        if len(candidate) != self.element_bytes:
            return False
        return candidate == _IDENTITY or bindings.crypto_core_ed25519_is_valid_point(candidate)

    def encode(self, a: bytes) -> bytes:
        """Return the element itself."""
        return a

    def decode(self, data: bytes) -> bytes:
        """Check and return 32 bytes; refuse all that `contains` does not accept."""
        candidate = bytes(data)
        if not self.contains(candidate):
            raise DecodingError(f"not an element of {self.name}")
        return candidate


EDWARDS25519: Final = Edwards25519Group()
