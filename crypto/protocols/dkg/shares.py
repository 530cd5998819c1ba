"""What a receiver gets from a dealer: its share of the dealer's part, and what blinds it."""

from dataclasses import dataclass, field

from crypto.errors import DecodingError
from crypto.groups.base import Element, Group


@dataclass(frozen=True)
class SharePair:
    """A dealer's two polynomials at a receiver's point; secret unless posted.

    Attributes:
        share: s, of the dealer's part of the key.
        blinding: s', which hides it in the commitments.
    """

    share: int = field(repr=False)
    blinding: int = field(repr=False)

    def to_bytes(self, group: Group[Element]) -> bytes:
        """Return both numbers."""
        return group.exponents.encode(self.share) + group.exponents.encode(self.blinding)

    @classmethod
    def from_bytes(cls, data: bytes, group: Group[Element]) -> "SharePair":
        """Read what `to_bytes` wrote.

        Raises:
            DecodingError: for anything else.
        """
        size = group.exponents.element_bytes
        if len(data) != 2 * size:
            raise DecodingError(f"two shares have {2 * size} bytes, not {len(data)}")
        return cls(group.exponents.decode(data[:size]), group.exponents.decode(data[size:]))
