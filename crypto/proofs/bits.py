"""What a range proof is made of: weights of bits, proofs about bits, and their encoding."""

from dataclasses import dataclass
from typing import Final, Generic

from crypto.errors import DecodingError, ParameterError
from crypto.groups.base import Element, Group
from crypto.proofs.fiat_shamir import CHALLENGE_BYTES

MAX_BITS: Final = 62


def bit_weights(maximum: int) -> tuple[int, ...]:
    """Return weights whose subsets sum up to exactly the numbers 0 to `maximum`.

    Raises:
        ParameterError: if `maximum` is not 1 to 2^62 - 1.
    """
    bits = maximum.bit_length()
    if maximum < 1 or bits > MAX_BITS:
        raise ParameterError(f"maximum={maximum} must lie in 1..2^{MAX_BITS}-1")
    return (*(1 << j for j in range(bits - 1)), maximum - (1 << (bits - 1)) + 1)


def bits_of(value: int, maximum: int) -> tuple[int, ...]:
    """Return bits with sum of bit_weights(maximum)_j bits_j = value.

    Raises:
        ParameterError: if `value` is not 0 to `maximum`.
    """
    if not 0 <= value <= maximum:
        raise ParameterError(f"the value must lie in 0..{maximum}")
    *_, last = weights = bit_weights(maximum)
    top = int(value >= 1 << (len(weights) - 1))
    rest = value - top * last
    return (*(rest >> j & 1 for j in range(len(weights) - 1)), top)


@dataclass(frozen=True)
class BitProof(Generic[Element]):
    """Proof that a commitment C = g^b H^r is to 0 or to 1.

    Attributes:
        commitment: C.
        nonce_zero: first message of the proof that C = H^r.
        nonce_one: first message of the proof that C = g H^r.
        challenge_zero: the part of the common challenge that the first of them answers.
        response_zero: 0 to q - 1.
        response_one: 0 to q - 1.
    """

    commitment: Element
    nonce_zero: Element
    nonce_one: Element
    challenge_zero: int
    response_zero: int
    response_one: int


@dataclass(frozen=True)
class RangeProof(Generic[Element]):
    """A proof about one ciphertext; made by `RangeProver`, checked by `RangeVerifier`.

    Attributes:
        bits: one proof a bit, in the order of `bit_weights`.
        nonces: first messages of the proof that bits and ciphertext hold the same m.
        responses: its answers for r, m and the exponent of H; 0 to q - 1 each.
    """

    bits: tuple[BitProof[Element], ...]
    nonces: tuple[Element, Element, Element]
    responses: tuple[int, int, int]

    def to_bytes(self, group: Group[Element]) -> bytes:
        """Return `range_proof_bytes(group, maximum)` bytes."""
        encode, scalar = group.encode, group.exponents.encode
        parts = []
        for bit in self.bits:
            parts += [encode(bit.commitment), encode(bit.nonce_zero), encode(bit.nonce_one)]
            parts.append(bit.challenge_zero.to_bytes(CHALLENGE_BYTES, "little"))
            parts += [scalar(bit.response_zero), scalar(bit.response_one)]
        return b"".join([*parts, *map(encode, self.nonces), *map(scalar, self.responses)])

    @staticmethod
    def from_bytes(data: bytes, group: Group[Element], maximum: int) -> "RangeProof[Element]":
        """Read what `to_bytes` wrote.

        Raises:
            DecodingError: for a wrong length, an element outside the group or a response of q or
                more.
        """
        if len(data) != range_proof_bytes(group, maximum):
            raise DecodingError(
                f"a range proof has {range_proof_bytes(group, maximum)} bytes, not {len(data)}"
            )
        cursor = _Cursor(data, group)
        bits = tuple(cursor.bit() for _ in bit_weights(maximum))
        nonces = cursor.element(), cursor.element(), cursor.element()
        return RangeProof(bits, nonces, (cursor.scalar(), cursor.scalar(), cursor.scalar()))


def range_proof_bytes(group: Group[Element], maximum: int) -> int:
    """Return the length of an encoded proof."""
    scalar = group.exponents.element_bytes
    bit = 3 * group.element_bytes + CHALLENGE_BYTES + 2 * scalar
    return len(bit_weights(maximum)) * bit + 3 * (group.element_bytes + scalar)


class _Cursor(Generic[Element]):
    """Reads elements and numbers off bytes whose length was checked before."""

    def __init__(self, data: bytes, group: Group[Element]) -> None:
        self._data = data
        self._group = group
        self._position = 0

    def bit(self) -> BitProof[Element]:
        return BitProof(
            self.element(),
            self.element(),
            self.element(),
            int.from_bytes(self._take(CHALLENGE_BYTES), "little"),
            self.scalar(),
            self.scalar(),
        )

    def element(self) -> Element:
        return self._group.decode(self._take(self._group.element_bytes))

    def scalar(self) -> int:
        field = self._group.exponents
        return field.decode(self._take(field.element_bytes))

    def _take(self, size: int) -> bytes:
        part = self._data[self._position : self._position + size]
        self._position += size
        return part
