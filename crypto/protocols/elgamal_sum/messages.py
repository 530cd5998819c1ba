"""The messages of a sum by threshold ElGamal, in the order in which they are sent.

Group elements travel as the group encodes them, one after the other; that they are members is
checked by the role that computes with them, which knows the group.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import ClassVar, Self

from crypto.domain import domain_hash
from crypto.errors import ParameterError
from crypto.parties import ClientId
from crypto.primitives.key_agreement import KEY_BYTES
from crypto.primitives.signatures import SIGNATURE_BYTES
from crypto.protocols.elgamal_sum.parameters import ElGamalParameters
from crypto.session.messages import (
    NONCE_BYTES,
    SESSION_ID_BYTES,
    ClientMessage,
    SessionMessage,
    check_binding,
)
from crypto.wire import Message, Reader, Writer, check_epoch, check_increasing, check_size


class MessageType(IntEnum):
    """Type numbers on the wire: 32 to 39 are this protocol's."""

    KEY_ANNOUNCEMENT = 32
    INVITATION = 33
    READINESS = 34
    UPLOAD_REQUEST = 35
    ENCRYPTED_VECTOR = 36
    UPLOAD_RECEIPT = 37
    DECRYPTION_REQUEST = 38
    PARTIAL_DECRYPTIONS = 39


@dataclass(frozen=True)
class KeyAnnouncement(Message):
    """The public part of a system key: part of every invitation, and signed by the authority.

    Attributes:
        nonce: 16 bytes that no other key has.
        epoch: the number of the key, 1 to 2^64 - 1, later than that of every key before.
        group: the group's name.
        clients: who holds shares, in increasing order; x_i is the place, from 1.
        threshold: e.
        commitments: e encoded elements, the first of them the public key.
        dealer_key: the authority's X25519 key for this dealing, zero bytes if there was none.
    """

    TYPE: ClassVar[int] = MessageType.KEY_ANNOUNCEMENT
    nonce: bytes
    epoch: int
    group: str
    clients: tuple[ClientId, ...]
    threshold: int
    commitments: bytes
    dealer_key: bytes

    def __post_init__(self) -> None:
        check_size("nonce", self.nonce, NONCE_BYTES)
        check_epoch(self.epoch)
        check_size("dealer_key", self.dealer_key, KEY_BYTES)
        check_increasing(self.clients)
        if not 1 <= self.threshold <= len(self.clients):
            raise ParameterError(f"threshold={self.threshold} must lie in 1..{len(self.clients)}")
        if not self.group.isascii() or len(self.commitments) % self.threshold:
            raise ParameterError("no group's name, or no whole number of bytes a commitment")

    def key_id(self) -> bytes:
        """Return the hash by which the key is known."""
        return domain_hash("elgamal_sum/key", self.to_bytes())

    def _write(self, writer: Writer) -> None:
        writer.fixed(self.nonce, NONCE_BYTES)
        writer.uint(self.epoch, 8)
        writer.sized(self.group.encode("ascii"))
        writer.ids(self.clients)
        writer.uint(self.threshold, 4)
        writer.sized(self.commitments)
        writer.fixed(self.dealer_key, KEY_BYTES)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        nonce, epoch, name = reader.fixed(NONCE_BYTES), reader.uint(8), reader.sized()
        if not name.isascii():
            raise ParameterError("a group's name is ASCII")
        clients, threshold, commitments = reader.ids(), reader.uint(4), reader.sized()
        dealer_key = reader.fixed(KEY_BYTES)
        group = name.decode("ascii")
        return cls(nonce, epoch, group, clients, threshold, commitments, dealer_key)


@dataclass(frozen=True)
class Invitation(Message):
    """Server to client: take part in this session, under this system key.

    Attributes:
        nonce: 16 bytes that no other session of this server has.
        round_id: the training round.
        cohort: the clients asked, in increasing order.
        parameters: the session's public parameters.
        key: the system key.
        key_signature: the authority's signature of `key`; empty if nobody signed.
        sealed_share: the client's key share, encrypted by the authority; empty if the client has
            it. The only field that differs from client to client.
        binding: digest of what the server gave the clients before, such as the model that they
            train; empty if the session is bound to nothing.
    """

    TYPE: ClassVar[int] = MessageType.INVITATION
    nonce: bytes
    round_id: int
    cohort: tuple[ClientId, ...]
    parameters: ElGamalParameters
    key: KeyAnnouncement
    key_signature: bytes
    sealed_share: bytes
    binding: bytes = field(default=b"", kw_only=True)

    def __post_init__(self) -> None:
        check_size("nonce", self.nonce, NONCE_BYTES)
        check_increasing(self.cohort)
        check_binding(self.binding)
        if not 0 <= self.round_id < 2**64:
            raise ParameterError(f"round_id={self.round_id} must lie in 0..2^64-1")
        if len(self.key_signature) not in (0, SIGNATURE_BYTES):
            raise ParameterError(f"a signature has 0 or 64 bytes, not {len(self.key_signature)}")

    def session_id(self) -> bytes:
        """Return the hash of all that was announced to everybody."""
        writer = Writer()
        self._write_common(writer)
        return domain_hash("elgamal_sum/session", writer.to_bytes())

    def _write(self, writer: Writer) -> None:
        self._write_common(writer)
        writer.sized(self.sealed_share)

    def _write_common(self, writer: Writer) -> None:
        parameters = self.parameters
        writer.fixed(self.nonce, NONCE_BYTES)
        writer.uint(self.round_id, 8)
        writer.ids(self.cohort)
        writer.uint(parameters.length, 4)
        writer.uint(parameters.max_value, 4)
        writer.uint(parameters.threshold, 4)
        writer.uint(parameters.proofs, 1)
        writer.uint(parameters.signed, 1)
        writer.sized(self.binding)
        writer.sized(self.key.to_bytes())
        writer.sized(self.key_signature)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        head = reader.fixed(NONCE_BYTES), reader.uint(8), reader.ids()
        numbers = reader.uint(4), reader.uint(4), reader.uint(4)
        parameters = ElGamalParameters(*numbers, reader.flag(), reader.flag())
        binding = reader.sized()
        key = KeyAnnouncement.from_bytes(reader.sized(), reader.most_clients)
        return cls(*head, parameters, key, reader.sized(), reader.sized(), binding=binding)


@dataclass(frozen=True)
class Readiness(ClientMessage):
    """Client to server: the client joins, and has its share of the system key."""

    TYPE: ClassVar[int] = MessageType.READINESS

    def _write(self, writer: Writer) -> None:
        self.write_head(writer)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        return cls(reader.fixed(SESSION_ID_BYTES), reader.uint(4))


@dataclass(frozen=True)
class UploadRequest(SessionMessage):
    """Server to client: the clients that take part, in increasing order (the paper's P2)."""

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
class UploadReceipt(ClientMessage):
    """What a client signs of its upload for those who help to decrypt: never sent by itself.

    Attributes:
        c1s: the first halves of its ciphertexts.
        knowledge: a `KnowledgeProof` for each of them; empty in sessions without signatures.
    """

    TYPE: ClassVar[int] = MessageType.UPLOAD_RECEIPT
    c1s: bytes
    knowledge: bytes

    def _write(self, writer: Writer) -> None:
        self.write_head(writer)
        writer.sized(self.c1s)
        writer.sized(self.knowledge)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        head = reader.fixed(SESSION_ID_BYTES), reader.uint(4)
        return cls(*head, reader.sized(), reader.sized())


@dataclass(frozen=True)
class EncryptedVector(ClientMessage):
    """Client to server: every coordinate as a ciphertext (c1, c2), with proofs or without.

    Attributes:
        c1s: the first halves, encoded one after the other.
        c2s: the second halves.
        knowledge: proofs that the client knows their exponents; empty in sessions without
            signatures.
        proofs: range proofs, one a coordinate; empty in sessions without.
        receipt_signature: the client's signature of `receipt()`; empty in sessions without.
    """

    TYPE: ClassVar[int] = MessageType.ENCRYPTED_VECTOR
    c1s: bytes
    c2s: bytes
    knowledge: bytes
    proofs: bytes
    receipt_signature: bytes

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.receipt_signature) not in (0, SIGNATURE_BYTES):
            raise ParameterError("a signature has 0 or 64 bytes")

    def receipt(self) -> UploadReceipt:
        """Return what `receipt_signature` signs."""
        return UploadReceipt(self.session_id, self.sender, self.c1s, self.knowledge)

    def _write(self, writer: Writer) -> None:
        self.write_head(writer)
        for part in (self.c1s, self.c2s, self.knowledge, self.proofs, self.receipt_signature):
            writer.sized(part)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        head = reader.fixed(SESSION_ID_BYTES), reader.uint(4)
        halves = reader.sized(), reader.sized()
        return cls(*head, *halves, reader.sized(), reader.sized(), reader.sized())


@dataclass(frozen=True)
class DecryptionRequest(SessionMessage):
    """Server to client: help to decrypt the sum of these uploads.

    The client forms the sum's c1 itself, so that it knows what it decrypts.

    Attributes:
        receipts: of all clients in the sum, in increasing order.
        signatures: of the receipts; each empty in sessions without.
    """

    TYPE: ClassVar[int] = MessageType.DECRYPTION_REQUEST
    receipts: tuple[UploadReceipt, ...]
    signatures: tuple[bytes, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        check_increasing(tuple(receipt.sender for receipt in self.receipts))
        if len(self.receipts) != len(self.signatures):
            raise ParameterError(f"{len(self.receipts)} and {len(self.signatures)} signatures")
        if any(receipt.session_id != self.session_id for receipt in self.receipts):
            raise ParameterError("a receipt of another session")
        if any(len(signature) not in (0, SIGNATURE_BYTES) for signature in self.signatures):
            raise ParameterError("a signature has 0 or 64 bytes")

    def _write(self, writer: Writer) -> None:
        writer.fixed(self.session_id, SESSION_ID_BYTES)
        writer.uint(len(self.receipts), 4)
        for receipt, signature in zip(self.receipts, self.signatures, strict=True):
            writer.uint(receipt.sender, 4)
            writer.sized(receipt.c1s)
            writer.sized(receipt.knowledge)
            writer.uint(bool(signature), 1)
            writer.fixed(signature, len(signature))

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        session_id = reader.fixed(SESSION_ID_BYTES)

        def entry() -> tuple[UploadReceipt, bytes]:
            sender, c1s, knowledge = reader.uint(4), reader.sized(), reader.sized()
            receipt = UploadReceipt(session_id, sender, c1s, knowledge)
            return receipt, reader.fixed(SIGNATURE_BYTES if reader.flag() else 0)

        entries = reader.per_client(4 + 4 + 4 + 1, entry)
        return cls(
            session_id,
            tuple(receipt for receipt, _ in entries),
            tuple(signature for _, signature in entries),
        )


@dataclass(frozen=True)
class PartialDecryptions(ClientMessage):
    """Client to server: c1^(s_i) for every coordinate of the sum.

    Attributes:
        powers: encoded one after the other.
        proof: an encoded `PowerProof`; empty in sessions without, and for vectors of length 0.
    """

    TYPE: ClassVar[int] = MessageType.PARTIAL_DECRYPTIONS
    powers: bytes
    proof: bytes

    def _write(self, writer: Writer) -> None:
        self.write_head(writer)
        writer.sized(self.powers)
        writer.sized(self.proof)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        return cls(reader.fixed(SESSION_ID_BYTES), reader.uint(4), reader.sized(), reader.sized())
