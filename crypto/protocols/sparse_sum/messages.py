"""The messages of a sparse sum that those of `homomorphic_sum` do not already have."""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from crypto.codec import Message, PerClient, Several
from crypto.codings import Sized
from crypto.encoding.bit_packing import pack, packed_bytes, unpack
from crypto.encoding.position_coding import decode, encode
from crypto.errors import DecodingError
from crypto.protocols.homomorphic_sum.messages import (
    DecryptedIntegers,
    KeyedInvitation,
    check_consents,
)
from crypto.session.messages import ClientMessage, OptionalSignature
from crypto.vector_schemes.scheme import EncryptedVector
from crypto.wire import Reader, Writer


class MessageType(IntEnum):
    """Type numbers on the wire: 107 to 110 are this protocol's."""

    SPARSE_INVITATION = 107
    SPARSE_UPLOAD = 108
    SUMS_ORDER = 109
    DECRYPTED_SUMS = 110


@dataclass(frozen=True)
class SparseInvitation(KeyedInvitation):
    """Server to client: take part in a session of sums modulo 2^value_bits."""

    TYPE: ClassVar[int] = MessageType.SPARSE_INVITATION


@dataclass(frozen=True)
class SparseUpload(ClientMessage):
    """Client to server: a vector as the places and values of what is not 0.

    Attributes:
        places: which value stands where, from `write_places`.
        values: each distinct value, encrypted, in the order of first appearance.
    """

    TYPE: ClassVar[int] = MessageType.SPARSE_UPLOAD
    places: Sized
    values: Several[EncryptedVector] = field(repr=False)


@dataclass(frozen=True)
class SumsOrder(Message):
    """Server to key holder: decrypt the sums of a session.

    Attributes:
        invitation: of the session.
        sums: the distinct sums, encrypted.
        consents: the signature of each client's `Readiness`, in the cohort's order; empty byte
            strings in sessions without.
    """

    TYPE: ClassVar[int] = MessageType.SUMS_ORDER
    invitation: SparseInvitation
    sums: Several[EncryptedVector]
    consents: PerClient[OptionalSignature]

    def _check(self) -> None:
        check_consents(self.consents, self.invitation)


@dataclass(frozen=True)
class DecryptedSums(DecryptedIntegers):
    """Key holder to server: all limbs of all sums, in the order in which they were asked for."""

    TYPE: ClassVar[int] = MessageType.DECRYPTED_SUMS


def write_places(
    positions: NDArray[np.int64], indices: NDArray[np.int64], num_values: int, size: int
) -> bytes:
    """Encode which value stands where.

    Args:
        positions: int64 (k,), increasing: where a vector is not 0.
        indices: int64 (k,): which of its values stands there, 0 to num_values - 1.
        num_values: how many distinct ones there are; with one, nothing is written but positions.
        size: of the vector.
    """
    writer = Writer()
    writer.sized(encode(positions, size))
    if bits := _index_bits(num_values):
        writer.sized(pack(indices.astype(np.uint64), bits))
    return writer.to_bytes()


def read_places(
    data: bytes, num_values: int, size: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Read what `write_places` wrote: positions and indices.

    Raises:
        DecodingError: for what it could not have written; values appear in their order.
    """
    reader = Reader(data)
    positions = decode(reader.sized(), size)
    indices = np.zeros(len(positions), np.int64)
    if bits := _index_bits(num_values):
        packed = reader.sized()
        if len(packed) != packed_bytes(len(positions), bits):
            raise DecodingError("as many indices as positions are needed")
        indices = unpack(packed, len(positions), bits).astype(np.int64)
    reader.finish()
    found, first = np.unique(indices, return_index=True)
    if len(found) != num_values or np.any(found != np.arange(num_values)):
        raise DecodingError(f"the indices are not all of 0..{num_values - 1}")
    if np.any(np.diff(first) < 0):
        raise DecodingError("values must be in the order of their first appearance")
    return positions, indices


def _index_bits(num_values: int) -> int:
    return max(0, num_values - 1).bit_length()
