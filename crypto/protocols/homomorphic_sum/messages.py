"""The messages of a sum by homomorphic encryption, in the order in which they are sent."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Annotated, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from crypto.codec import Message, PerClient
from crypto.codings import Flag, Name, Prefixed, Sized, Uint32, Unsigned
from crypto.errors import ParameterError
from crypto.primitives.prg import MAX_MODULUS_BITS
from crypto.primitives.signatures import SIGNATURE_BYTES
from crypto.session.messages import (
    Binding,
    ClientMessage,
    Epoch,
    OptionalSignature,
    RoundInvitation,
    SessionMessage,
)
from crypto.vector_schemes.scheme import EncryptedVector, VectorPlan
from crypto.wire import check_size

_DTYPE = np.dtype("<i8")


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
    epoch: Epoch
    scheme: Name
    key: Sized = field(repr=False)


@dataclass(frozen=True)
class KeyedInvitation(RoundInvitation):
    """Server to client: take part in a session under the key holder's key, and stay to its end.

    Attributes:
        length: m, coordinates of a vector.
        value_bits: values are 0 to 2^value_bits - 1.
        signed: whether clients sign their messages.
        announcement: the public key.
        key_signature: the key holder's signature of it; empty in sessions without.
        binding: digest of what the server gave the clients before, such as the model that they
            train; empty if the session is bound to nothing.
    """

    SESSION: ClassVar[str] = "homomorphic_sum/session"
    length: Uint32
    value_bits: Annotated[int, Unsigned(1, 1, MAX_MODULUS_BITS)]
    signed: Flag
    binding: Binding = field(default=b"", kw_only=True)
    announcement: KeyAnnouncement
    key_signature: OptionalSignature

    def _check(self) -> None:
        check_size("key_signature", self.key_signature, SIGNATURE_BYTES if self.signed else 0)


@dataclass(frozen=True)
class Invitation(KeyedInvitation):
    """Server to client: take part in a session in which whole vectors are encrypted."""

    TYPE: ClassVar[int] = MessageType.INVITATION

    def _check(self) -> None:
        super()._check()
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


@dataclass(frozen=True)
class UploadRequest(SessionMessage):
    """Server to client: all clients are there; send your vector."""

    TYPE: ClassVar[int] = MessageType.UPLOAD_REQUEST


@dataclass(frozen=True)
class EncryptedUpload(ClientMessage):
    """Client to server: its vector, encrypted."""

    TYPE: ClassVar[int] = MessageType.ENCRYPTED_UPLOAD
    vector: EncryptedVector


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
    consents: PerClient[OptionalSignature]

    def _check(self) -> None:
        check_consents(self.consents, self.invitation)


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
class DecryptedIntegers(SessionMessage):
    """Key holder to server: what it decrypted.

    Attributes:
        data: 8 bytes an integer, little endian.
    """

    data: Annotated[bytes, Prefixed(item=8)] = field(repr=False)

    @classmethod
    def of(cls, session_id: bytes, values: NDArray[np.int64]) -> Self:
        """Return the message with these values."""
        return cls(session_id, values.astype(_DTYPE).tobytes())

    @property
    def values(self) -> NDArray[np.int64]:
        """All of them, one after the other."""
        return np.frombuffer(self.data, _DTYPE).astype(np.int64)


@dataclass(frozen=True)
class DecryptedSum(DecryptedIntegers):
    """Key holder to server: the sum over the integers, coordinate by coordinate."""

    TYPE: ClassVar[int] = MessageType.DECRYPTED_SUM
