"""The messages of a sum by threshold ElGamal, in the order in which they are sent.

Group elements travel as the group encodes them, one after the other; that they are members is
checked by the role that computes with them, which knows the group.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import ClassVar

from crypto.codec import Message, PerClient, SameSession
from crypto.codings import ClientIds, Name, Sized, Uint32
from crypto.domain import domain_hash
from crypto.errors import ParameterError
from crypto.protocols.elgamal_sum.parameters import ElGamalParameters
from crypto.session.messages import (
    Binding,
    ClientMessage,
    Epoch,
    FlaggedSignature,
    Key,
    Nonce,
    OptionalSignature,
    RoundInvitation,
    RowsMessage,
    SessionMessage,
    check_inside,
)
from crypto.session.thresholds import check_reachable
from crypto.wire import Writer


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
    nonce: Nonce
    epoch: Epoch
    group: Name
    clients: ClientIds
    threshold: Uint32
    commitments: Sized
    dealer_key: Key

    def _check(self) -> None:
        check_reachable(self.threshold, len(self.clients))
        if len(self.commitments) % self.threshold:
            raise ParameterError(
                f"{len(self.commitments)} bytes are no {self.threshold} commitments of one length"
            )

    def key_id(self) -> bytes:
        """Return the hash by which the key is known."""
        return domain_hash("elgamal_sum/key", self.to_bytes())


@dataclass(frozen=True)
class Invitation(RoundInvitation):
    """Server to client: take part in this session, under this system key.

    Attributes:
        parameters: the session's public parameters.
        key: the system key.
        key_signature: the authority's signature of `key`; empty if nobody signed.
        sealed_share: the client's key share, encrypted by the authority; empty if the client has
            it. The only field that differs from client to client.
        binding: digest of what the server gave the clients before, such as the model that they
            train; empty if the session is bound to nothing.
    """

    TYPE: ClassVar[int] = MessageType.INVITATION
    parameters: ElGamalParameters
    binding: Binding = field(default=b"", kw_only=True)
    key: KeyAnnouncement
    key_signature: OptionalSignature
    sealed_share: Sized

    def session_id(self) -> bytes:
        """Return the hash of all that was announced to everybody."""
        writer = Writer()
        self.write(writer, without=("sealed_share",))
        return domain_hash("elgamal_sum/session", writer.to_bytes())


@dataclass(frozen=True)
class Readiness(ClientMessage):
    """Client to server: the client joins, and has its share of the system key."""

    TYPE: ClassVar[int] = MessageType.READINESS


@dataclass(frozen=True)
class UploadRequest(SessionMessage):
    """Server to client: the clients that take part, in increasing order (the paper's P2)."""

    TYPE: ClassVar[int] = MessageType.UPLOAD_REQUEST
    participants: ClientIds


@dataclass(frozen=True)
class UploadReceipt(ClientMessage):
    """What a client signs of its upload for those who help to decrypt: never sent by itself.

    Attributes:
        c1s: the first halves of its ciphertexts.
        knowledge: a `KnowledgeProof` for each of them; empty in sessions without signatures.
    """

    TYPE: ClassVar[int] = MessageType.UPLOAD_RECEIPT
    c1s: Sized
    knowledge: Sized


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
    c1s: Sized
    c2s: Sized
    knowledge: Sized
    proofs: Sized
    receipt_signature: OptionalSignature

    def receipt(self) -> UploadReceipt:
        """Return what `receipt_signature` signs."""
        return UploadReceipt(self.session_id, self.sender, self.c1s, self.knowledge)


@dataclass(frozen=True)
class DecryptionRequest(RowsMessage):
    """Server to client: help to decrypt the sum of these uploads.

    The client forms the sum's c1 itself, so that it knows what it decrypts.

    Attributes:
        receipts: of all clients in the sum, in increasing order.
        signatures: of the receipts; each empty in sessions without.
    """

    TYPE: ClassVar[int] = MessageType.DECRYPTION_REQUEST
    receipts: PerClient[SameSession[UploadReceipt]]
    signatures: PerClient[FlaggedSignature]

    def _check(self) -> None:
        super()._check()
        check_inside(self.session_id, self.receipts)


@dataclass(frozen=True)
class PartialDecryptions(ClientMessage):
    """Client to server: c1^(s_i) for every coordinate of the sum.

    Attributes:
        powers: encoded one after the other.
        proof: an encoded `PowerProof`; empty in sessions without, and for vectors of length 0.
    """

    TYPE: ClassVar[int] = MessageType.PARTIAL_DECRYPTIONS
    powers: Sized
    proof: Sized
