"""The messages of a sparse sum that those of `homomorphic_sum` do not already have."""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from crypto.encoding.bit_packing import pack, packed_bytes, unpack
from crypto.encoding.position_coding import decode, encode
from crypto.errors import DecodingError, ParameterError
from crypto.primitives.prg import MAX_MODULUS_BITS
from crypto.protocols.homomorphic_sum.messages import KeyedInvitation, check_consents
from crypto.session.messages import SESSION_ID_BYTES, ClientMessage, SessionMessage
from crypto.vector_schemes.scheme import EncryptedVector
from crypto.wire import Message, Reader, Writer

_LIMB_DTYPE = np.dtype("<i8")


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

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.value_bits <= MAX_MODULUS_BITS or not 0 <= self.length < 2**32:
            raise ParameterError(
                f"value_bits={self.value_bits} must lie in 1..{MAX_MODULUS_BITS}, "
                f"length={self.length} below 2^32"
            )


@dataclass(frozen=True)
class SparseUpload(ClientMessage):
    """Client to server: a vector as the places and values of what is not 0.

    Attributes:
        places: which value stands where, from `write_places`.
        values: each distinct value, encrypted, in the order of first appearance.
    """

    TYPE: ClassVar[int] = MessageType.SPARSE_UPLOAD
    places: bytes
    values: tuple[EncryptedVector, ...] = field(repr=False)

    def _write(self, writer: Writer) -> None:
        self.write_head(writer)
        writer.sized(self.places)
        _write_vectors(writer, self.values)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        head = reader.fixed(SESSION_ID_BYTES), reader.uint(4)
        return cls(*head, reader.sized(), _read_vectors(reader))


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
    sums: tuple[EncryptedVector, ...]
    consents: tuple[bytes, ...]

    def __post_init__(self) -> None:
        check_consents(self.consents, self.invitation)

    def _write(self, writer: Writer) -> None:
        writer.sized(self.invitation.to_bytes())
        _write_vectors(writer, self.sums)
        writer.uint(len(self.consents), 4)
        for consent in self.consents:
            writer.sized(consent)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        invitation = SparseInvitation.from_bytes(reader.sized())
        return cls(invitation, _read_vectors(reader), reader.per_client(4, reader.sized))


@dataclass(frozen=True)
class DecryptedSums(SessionMessage):
    """Key holder to server: the sums of limbs, over the integers.

    Attributes:
        data: 8 bytes a limb, little endian, in the order of the sums that were asked for.
    """

    TYPE: ClassVar[int] = MessageType.DECRYPTED_SUMS
    data: bytes = field(repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.data) % _LIMB_DTYPE.itemsize:
            raise ParameterError("sums have 8 bytes a limb")

    @classmethod
    def of(cls, session_id: bytes, limbs: NDArray[np.int64]) -> "DecryptedSums":
        """Return the message with these limbs."""
        return cls(session_id, limbs.astype(_LIMB_DTYPE).tobytes())

    @property
    def limbs(self) -> NDArray[np.int64]:
        """All limbs of all sums, one after the other."""
        return np.frombuffer(self.data, _LIMB_DTYPE).astype(np.int64)

    def _write(self, writer: Writer) -> None:
        writer.fixed(self.session_id, SESSION_ID_BYTES)
        writer.sized(self.data)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        return cls(reader.fixed(SESSION_ID_BYTES), reader.sized())


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


def _write_vectors(writer: Writer, vectors: tuple[EncryptedVector, ...]) -> None:
    writer.uint(len(vectors), 4)
    for vector in vectors:
        writer.sized(vector.to_bytes())


def _read_vectors(reader: Reader) -> tuple[EncryptedVector, ...]:
    return reader.several(4, lambda: EncryptedVector.from_bytes(reader.sized()))
