"""The messages of a sum by homomorphic encryption, in the order in which they are sent."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from crypto.domain import domain_hash
from crypto.errors import ParameterError
from crypto.parties import ClientId
from crypto.primitives.signatures import SIGNATURE_BYTES
from crypto.session.messages import (
    NONCE_BYTES,
    SESSION_ID_BYTES,
    ClientMessage,
    SessionMessage,
    check_binding,
)
from crypto.vector_schemes.scheme import EncryptedVector, VectorPlan
from crypto.wire import Message, Reader, Writer, check_epoch, check_increasing, check_size

_SUM_DTYPE = np.dtype("<i8")


class MessageType(IntEnum):
    """Type numbers on the wire: 100 to 106 are this protocol's."""

    KEY_ANNOUNCEMENT = 100
    INVITATION = 101
    READINESS = 102
    UPLOAD_REQUEST = 103
    ENCRYPTED_UPLOAD = 104
    DECRYPTION_ORDER = 105
    DECRYPTED_SUM = 106


@dataclass(frozen=True)
class KeyAnnouncement(Message):
    """The key holder's public key; signed by the key holder.

    Attributes:
        epoch: the number of the key, 1 to 2^64 - 1; later than that of every key before.
        scheme: its scheme's name.
        key: as the scheme's `read_key` reads it.
    """

    TYPE: ClassVar[int] = MessageType.KEY_ANNOUNCEMENT
    epoch: int
    scheme: str
    key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        check_epoch(self.epoch)

    def _write(self, writer: Writer) -> None:
        writer.uint(self.epoch, 8)
        writer.sized(self.scheme.encode())
        writer.sized(self.key)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        try:
            return cls(reader.uint(8), reader.sized().decode(), reader.sized())
        except UnicodeDecodeError as error:
            raise ParameterError("a scheme's name must be text") from error


@dataclass(frozen=True)
class KeyedInvitation(Message):
    """Server to client: take part in a session under the key holder's key.

    Attributes:
        nonce: 16 bytes that no other session of this server has.
        round_id: the training round.
        cohort: the clients asked, in increasing order; all must stay to the end.
        length: m, coordinates of a vector.
        value_bits: values are 0 to 2^value_bits - 1.
        signed: whether clients sign their messages.
        announcement: the public key.
        key_signature: the key holder's signature of it; empty in sessions without.
        binding: digest of what the server gave the clients before, such as the model that they
            train; empty if the session is bound to nothing.
    """

    nonce: bytes
    round_id: int
    cohort: tuple[ClientId, ...]
    length: int
    value_bits: int
    signed: bool
    announcement: KeyAnnouncement
    key_signature: bytes
    binding: bytes = field(default=b"", kw_only=True)

    def __post_init__(self) -> None:
        check_size("nonce", self.nonce, NONCE_BYTES)
        check_increasing(self.cohort)
        check_binding(self.binding)
        if not 0 <= self.round_id < 2**64:
            raise ParameterError(f"round_id={self.round_id} must lie in 0..2^64-1")
        check_size("key_signature", self.key_signature, SIGNATURE_BYTES if self.signed else 0)

    def session_id(self) -> bytes:
        """Return the hash of all that was announced."""
        return domain_hash("homomorphic_sum/session", self.to_bytes())

    def _write(self, writer: Writer) -> None:
        writer.fixed(self.nonce, NONCE_BYTES)
        writer.uint(self.round_id, 8)
        writer.ids(self.cohort)
        writer.uint(self.length, 4)
        writer.uint(self.value_bits, 1)
        writer.uint(self.signed, 1)
        writer.sized(self.binding)
        writer.sized(self.announcement.to_bytes())
        writer.sized(self.key_signature)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        head = reader.fixed(NONCE_BYTES), reader.uint(8), reader.ids()
        plan = reader.uint(4), reader.uint(1)
        signed, binding = reader.flag(), reader.sized()
        key = KeyAnnouncement.from_bytes(reader.sized())
        return cls(*head, *plan, signed, key, reader.sized(), binding=binding)


@dataclass(frozen=True)
class Invitation(KeyedInvitation):
    """Server to client: take part in a session in which whole vectors are encrypted."""

    TYPE: ClassVar[int] = MessageType.INVITATION

    def __post_init__(self) -> None:
        super().__post_init__()
        VectorPlan(self.length, self.value_bits, len(self.cohort))

    @property
    def plan(self) -> VectorPlan:
        """What is summed."""
        return VectorPlan(self.length, self.value_bits, len(self.cohort))


@dataclass(frozen=True)
class Readiness(ClientMessage):
    """Client to server: it has the key and will encrypt.

    Its signature is what the key holder takes for the client's consent to the session.
    """

    TYPE: ClassVar[int] = MessageType.READINESS

    def _write(self, writer: Writer) -> None:
        self.write_head(writer)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        return cls(reader.fixed(SESSION_ID_BYTES), reader.uint(4))


@dataclass(frozen=True)
class UploadRequest(SessionMessage):
    """Server to client: all clients are there; send your vector."""

    TYPE: ClassVar[int] = MessageType.UPLOAD_REQUEST

    def _write(self, writer: Writer) -> None:
        writer.fixed(self.session_id, SESSION_ID_BYTES)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        return cls(reader.fixed(SESSION_ID_BYTES))


@dataclass(frozen=True)
class EncryptedUpload(ClientMessage):
    """Client to server: its vector, encrypted."""

    TYPE: ClassVar[int] = MessageType.ENCRYPTED_UPLOAD
    vector: EncryptedVector

    def _write(self, writer: Writer) -> None:
        self.write_head(writer)
        writer.sized(self.vector.to_bytes())

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        head = reader.fixed(SESSION_ID_BYTES), reader.uint(4)
        return cls(*head, EncryptedVector.from_bytes(reader.sized()))


@dataclass(frozen=True)
class DecryptionOrder(Message):
    """Server to key holder: decrypt the sum of a session.

    Attributes:
        invitation: of the session.
        total: the encrypted sum.
        consents: the signature of each client's `Readiness`, in the cohort's order; empty byte
            strings in sessions without.
    """

    TYPE: ClassVar[int] = MessageType.DECRYPTION_ORDER
    invitation: Invitation
    total: EncryptedVector
    consents: tuple[bytes, ...]

    def __post_init__(self) -> None:
        check_consents(self.consents, self.invitation)

    def _write(self, writer: Writer) -> None:
        writer.sized(self.invitation.to_bytes())
        writer.sized(self.total.to_bytes())
        writer.uint(len(self.consents), 4)
        for consent in self.consents:
            writer.sized(consent)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        invitation = Invitation.from_bytes(reader.sized())
        total = EncryptedVector.from_bytes(reader.sized())
        return cls(invitation, total, reader.per_client(4, reader.sized))


def check_consents(consents: Sequence[bytes], invitation: KeyedInvitation) -> None:
    """Refuse consents that are not one of the right length for each client.

    Raises:
        ParameterError: for these.
    """
    if len(consents) != len(invitation.cohort):
        raise ParameterError("one consent is needed for each client")
    for consent in consents:
        check_size("consent", consent, SIGNATURE_BYTES if invitation.signed else 0)


@dataclass(frozen=True)
class DecryptedSum(SessionMessage):
    """Key holder to server: the sum over the integers.

    Attributes:
        data: 8 bytes a coordinate, little endian.
    """

    TYPE: ClassVar[int] = MessageType.DECRYPTED_SUM
    data: bytes = field(repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.data) % _SUM_DTYPE.itemsize:
            raise ParameterError("a sum has 8 bytes a coordinate")

    @classmethod
    def of(cls, session_id: bytes, values: NDArray[np.int64]) -> "DecryptedSum":
        """Return the message with these values."""
        return cls(session_id, values.astype(_SUM_DTYPE).tobytes())

    @property
    def values(self) -> NDArray[np.int64]:
        """Shape (m,)."""
        return np.frombuffer(self.data, _SUM_DTYPE).astype(np.int64)

    def _write(self, writer: Writer) -> None:
        writer.fixed(self.session_id, SESSION_ID_BYTES)
        writer.sized(self.data)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        return cls(reader.fixed(SESSION_ID_BYTES), reader.sized())
