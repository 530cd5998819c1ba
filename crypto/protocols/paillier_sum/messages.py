"""The messages of a sum by Paillier encryption, in the order in which they are sent."""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import ClassVar, Final, Self

from crypto.domain import domain_hash, encode_id
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
from crypto.session.thresholds import MIN_CLIENTS
from crypto.wire import Message, Reader, Writer, check_epoch, check_increasing, check_size

DIGEST_BYTES: Final = 32
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
    epoch: int
    clients: tuple[ClientId, ...]
    threshold: int
    modulus: bytes

    def __post_init__(self) -> None:
        check_epoch(self.epoch)
        check_increasing(self.clients)
        if not MIN_CLIENTS <= self.threshold <= len(self.clients):
            raise ParameterError(
                f"threshold={self.threshold} must lie in {MIN_CLIENTS}..{len(self.clients)}"
            )

    def _write(self, writer: Writer) -> None:
        writer.uint(self.epoch, 8)
        writer.ids(self.clients)
        writer.uint(self.threshold, 4)
        writer.sized(self.modulus)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        return cls(reader.uint(8), reader.ids(), reader.uint(4), reader.sized())


@dataclass(frozen=True)
class Invitation(Message):
    """Server to client: take part in this session.

    Attributes:
        nonce: 16 bytes that no other session of this server has.
        round_id: the training round.
        cohort: the clients asked, in increasing order.
        length: m, coordinates of a vector.
        signed: whether clients sign their messages.
        key: the public key.
        key_signature: the authority's signature of it; empty in sessions without.
        binding: digest of what the server gave the clients before, such as the model that they
            train; empty if the session is bound to nothing.
    """

    TYPE: ClassVar[int] = MessageType.INVITATION
    nonce: bytes
    round_id: int
    cohort: tuple[ClientId, ...]
    length: int
    signed: bool
    key: KeyAnnouncement
    key_signature: bytes
    binding: bytes = field(default=b"", kw_only=True)

    def __post_init__(self) -> None:
        check_size("nonce", self.nonce, NONCE_BYTES)
        check_increasing(self.cohort)
        check_binding(self.binding)
        if not 0 <= self.round_id < 2**64 or not 0 <= self.length < 2**32:
            raise ParameterError(f"round_id={self.round_id} or length={self.length} out of range")
        if len(self.key_signature) not in (0, SIGNATURE_BYTES):
            raise ParameterError("a signature has 0 or 64 bytes")

    def session_id(self) -> bytes:
        """Return the hash of all that was announced."""
        return domain_hash("paillier_sum/session", self.to_bytes())

    def _write(self, writer: Writer) -> None:
        writer.fixed(self.nonce, NONCE_BYTES)
        writer.uint(self.round_id, 8)
        writer.ids(self.cohort)
        writer.uint(self.length, 4)
        writer.uint(self.signed, 1)
        writer.sized(self.binding)
        writer.sized(self.key.to_bytes())
        writer.sized(self.key_signature)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        head = reader.fixed(NONCE_BYTES), reader.uint(8), reader.ids(), reader.uint(4)
        signed, binding = reader.flag(), reader.sized()
        key = KeyAnnouncement.from_bytes(reader.sized(), reader.most_clients)
        return cls(*head, signed, key, reader.sized(), binding=binding)


@dataclass(frozen=True)
class Readiness(ClientMessage):
    """Client to server: the client joins."""

    TYPE: ClassVar[int] = MessageType.READINESS

    def _write(self, writer: Writer) -> None:
        self.write_head(writer)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        return cls(reader.fixed(SESSION_ID_BYTES), reader.uint(4))


@dataclass(frozen=True)
class UploadRequest(SessionMessage):
    """Server to client: the clients that take part, in increasing order."""

    TYPE: ClassVar[int] = MessageType.UPLOAD_REQUEST
    participants: tuple[ClientId, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        check_increasing(self.participants)

    def _write(self, writer: Writer) -> None:
        writer.fixed(self.session_id, SESSION_ID_BYTES)
        writer.ids(self.participants)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        return cls(reader.fixed(SESSION_ID_BYTES), reader.ids())


@dataclass(frozen=True)
class EncryptedVector(ClientMessage):
    """Client to server: every coordinate as a ciphertext, one after the other.

    Attributes:
        ciphertexts: of the coordinates.
        knowledge: a `PlaintextProof` for each of them; empty in sessions without signatures.
    """

    TYPE: ClassVar[int] = MessageType.ENCRYPTED_VECTOR
    ciphertexts: bytes
    knowledge: bytes = b""

    def _write(self, writer: Writer) -> None:
        self.write_head(writer)
        writer.sized(self.ciphertexts)
        writer.sized(self.knowledge)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        head = reader.fixed(SESSION_ID_BYTES), reader.uint(4)
        return cls(*head, reader.sized(), reader.sized())


@dataclass(frozen=True)
class ConsentRequest(SessionMessage):
    """Server to client: consent to the decryption of the sum of these uploads.

    Attributes:
        uploads: of all clients in the sum, in increasing order.
        signatures: theirs; each empty in sessions without.
    """

    TYPE: ClassVar[int] = MessageType.CONSENT_REQUEST
    uploads: tuple[EncryptedVector, ...]
    signatures: tuple[bytes, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        check_increasing(tuple(upload.sender for upload in self.uploads))
        if len(self.uploads) != len(self.signatures):
            raise ParameterError("not one signature an upload")
        if any(upload.session_id != self.session_id for upload in self.uploads):
            raise ParameterError("an upload of another session")
        if any(len(signature) not in (0, SIGNATURE_BYTES) for signature in self.signatures):
            raise ParameterError("a signature has 0 or 64 bytes")

    def _write(self, writer: Writer) -> None:
        writer.fixed(self.session_id, SESSION_ID_BYTES)
        writer.uint(len(self.uploads), 4)
        for upload, signature in zip(self.uploads, self.signatures, strict=True):
            writer.uint(upload.sender, 4)
            writer.sized(upload.ciphertexts)
            writer.sized(upload.knowledge)
            writer.sized(signature)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        session_id = reader.fixed(SESSION_ID_BYTES)

        def entry() -> tuple[EncryptedVector, bytes]:
            sender, ciphertexts, knowledge = reader.uint(4), reader.sized(), reader.sized()
            return EncryptedVector(session_id, sender, ciphertexts, knowledge), reader.sized()

        entries = reader.per_client(16, entry)
        uploads = tuple(upload for upload, _ in entries)
        return cls(session_id, uploads, tuple(signature for _, signature in entries))


@dataclass(frozen=True)
class Consent(ClientMessage):
    """Client to authority, through the server: decrypt the product with this digest, once.

    Attributes:
        digest: `digest_of` the product.
    """

    TYPE: ClassVar[int] = MessageType.CONSENT
    digest: bytes

    def __post_init__(self) -> None:
        super().__post_init__()
        check_size("digest", self.digest, DIGEST_BYTES)

    def _write(self, writer: Writer) -> None:
        self.write_head(writer)
        writer.fixed(self.digest, DIGEST_BYTES)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        return cls(reader.fixed(SESSION_ID_BYTES), reader.uint(4), reader.fixed(DIGEST_BYTES))


@dataclass(frozen=True)
class DecryptionOrder(SessionMessage):
    """Server to authority: the product, and who consents to its decryption.

    Attributes:
        product: the ciphertexts of the sum, one after the other.
        consents: client -> its signature of a `Consent`; empty in sessions without.
    """

    TYPE: ClassVar[int] = MessageType.DECRYPTION_ORDER
    product: bytes
    consents: tuple[tuple[ClientId, bytes], ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        check_increasing(tuple(client for client, _ in self.consents))

    def _write(self, writer: Writer) -> None:
        writer.fixed(self.session_id, SESSION_ID_BYTES)
        writer.sized(self.product)
        writer.uint(len(self.consents), 4)
        for client, signature in self.consents:
            writer.uint(client, 4)
            writer.sized(signature)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        session_id, product = reader.fixed(SESSION_ID_BYTES), reader.sized()
        return cls(
            session_id, product, reader.per_client(8, lambda: (reader.uint(4), reader.sized()))
        )


@dataclass(frozen=True)
class DecryptedSum(SessionMessage):
    """Authority to server: the sums, 16 bytes each: enough for 2^64 clients at 2^62."""

    TYPE: ClassVar[int] = MessageType.DECRYPTED_SUM
    values: tuple[int, ...]

    def _write(self, writer: Writer) -> None:
        writer.fixed(self.session_id, SESSION_ID_BYTES)
        writer.uint(len(self.values), 4)
        for value in self.values:
            writer.uint(value, 16)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        session_id = reader.fixed(SESSION_ID_BYTES)
        return cls(session_id, reader.several(16, lambda: reader.uint(16)))


def digest_of(session_id: bytes, client: ClientId, product: bytes) -> bytes:
    """Return what a client consents to."""
    return domain_hash("paillier_sum/consent", session_id, encode_id(client), product)
