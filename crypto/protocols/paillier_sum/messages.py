"""The messages of a sum by Paillier encryption, in the order in which they are sent."""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Annotated, ClassVar, Final

from crypto.codec import ByClient, Message, PerClient, SameSession, Several
from crypto.codings import ClientIds, Digest, Flag, Sized, Uint32, Unsigned
from crypto.domain import domain_hash, encode_id
from crypto.parties import ClientId
from crypto.session.messages import (
    Binding,
    ClientMessage,
    Epoch,
    OptionalSignature,
    RoundInvitation,
    RowsMessage,
    SessionMessage,
    check_inside,
)
from crypto.session.thresholds import MIN_CLIENTS, check_reachable

MAX_MODULUS_BITS: Final = 62


class MessageType(IntEnum):
    """Type numbers on the wire: 52 to 61 are this protocol's."""

    KEY_ANNOUNCEMENT = 52
    INVITATION = 53
    READINESS = 54
    UPLOAD_REQUEST = 55
    ENCRYPTED_VECTOR = 56
    CONSENT_REQUEST = 57
    CONSENT = 58
    DECRYPTION_ORDER = 59
    DECRYPTED_SUM = 60


@dataclass(frozen=True)
class KeyAnnouncement(Message):
    """The authority's public key, and who may have sums decrypted; signed by the authority.

    Attributes:
        epoch: the number of the key, 1 to 2^64 - 1; later than that of every key before.
        clients: whose consents count, in increasing order.
        threshold: e, how many are needed, 3 to the number of clients.
        modulus: n, little endian.
    """

    TYPE: ClassVar[int] = MessageType.KEY_ANNOUNCEMENT
    epoch: Epoch
    clients: ClientIds
    threshold: Uint32
    modulus: Sized

    def _check(self) -> None:
        check_reachable(self.threshold, len(self.clients), MIN_CLIENTS)


@dataclass(frozen=True)
class Invitation(RoundInvitation):
    """Server to client: take part in this session.

    Attributes:
        length: m, coordinates of a vector.
        signed: whether clients sign their messages.
        key: the public key.
        key_signature: the authority's signature of it; empty in sessions without.
        binding: digest of what the server gave the clients before, such as the model that they
            train; empty if the session is bound to nothing.
    """

    TYPE: ClassVar[int] = MessageType.INVITATION
    SESSION: ClassVar[str] = "paillier_sum/session"
    length: Uint32
    signed: Flag
    binding: Binding = field(default=b"", kw_only=True)
    key: KeyAnnouncement
    key_signature: OptionalSignature


@dataclass(frozen=True)
class Readiness(ClientMessage):
    """Client to server: the client joins."""

    TYPE: ClassVar[int] = MessageType.READINESS


@dataclass(frozen=True)
class UploadRequest(SessionMessage):
    """Server to client: the clients that take part, in increasing order."""

    TYPE: ClassVar[int] = MessageType.UPLOAD_REQUEST
    participants: ClientIds


@dataclass(frozen=True)
class EncryptedVector(ClientMessage):
    """Client to server: every coordinate as a ciphertext, one after the other.

    Attributes:
        ciphertexts: of the coordinates.
        knowledge: a `PlaintextProof` for each of them; empty in sessions without signatures.
    """

    TYPE: ClassVar[int] = MessageType.ENCRYPTED_VECTOR
    ciphertexts: Sized
    knowledge: Sized = b""


@dataclass(frozen=True)
class ConsentRequest(RowsMessage):
    """Server to client: consent to the decryption of the sum of these uploads.

    Attributes:
        uploads: of all clients in the sum, in increasing order.
        signatures: theirs; each empty in sessions without.
    """

    TYPE: ClassVar[int] = MessageType.CONSENT_REQUEST
    uploads: PerClient[SameSession[EncryptedVector]]
    signatures: PerClient[OptionalSignature]

    def _check(self) -> None:
        super()._check()
        check_inside(self.session_id, self.uploads)


@dataclass(frozen=True)
class Consent(ClientMessage):
    """Client to authority, through the server: decrypt the product with this digest, once.

    Attributes:
        digest: `digest_of` the product.
    """

    TYPE: ClassVar[int] = MessageType.CONSENT
    digest: Digest


@dataclass(frozen=True)
class DecryptionOrder(SessionMessage):
    """Server to authority: the product, and who consents to its decryption.

    Attributes:
        product: the ciphertexts of the sum, one after the other.
        consents: client -> its signature of a `Consent`; empty in sessions without.
    """

    TYPE: ClassVar[int] = MessageType.DECRYPTION_ORDER
    product: Sized
    consents: ByClient[Sized]


@dataclass(frozen=True)
class DecryptedSum(SessionMessage):
    """Authority to server: the sums, 16 bytes each: enough for 2^64 clients at 2^62."""

    TYPE: ClassVar[int] = MessageType.DECRYPTED_SUM
    values: Several[Annotated[int, Unsigned(16)]]


def digest_of(session_id: bytes, client: ClientId, product: bytes) -> bytes:
    """Return what a client consents to."""
    return domain_hash("paillier_sum/consent", session_id, encode_id(client), product)
