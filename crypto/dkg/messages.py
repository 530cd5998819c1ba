"""The messages of distributed key generation up to the dealing; `findings.py` has those after."""

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, Self, TypeAlias

from crypto.domain import domain_hash
from crypto.errors import ParameterError
from crypto.key_agreement import KEY_BYTES
from crypto.parties import ClientId
from crypto.session_messages import (
    NONCE_BYTES,
    SESSION_ID_BYTES,
    ClientMessage,
    SessionMessage,
)
from crypto.signatures import SIGNATURE_BYTES
from crypto.wire import Message, Reader, Writer, check_increasing, check_size


class MessageType(IntEnum):
    """Type numbers on the wire: 40 to 51 are this protocol's."""

    INVITATION = 40
    ADVERTISED_KEY = 41
    BOARD = 42
    PEDERSEN_COMMITMENTS = 43
    DEALING = 44
    DELIVERED_DEALINGS = 45
    COMPLAINTS = 46
    DEFENCES = 47
    FELDMAN_COMMITMENTS = 48
    EXPOSURES = 49
    REVEALS = 50
    CONFIRMATION = 51


@dataclass(frozen=True)
class Invitation(Message):
    """Server to client: make a key together.

    Attributes:
        nonce: 16 bytes that no other session of this server has.
        cohort: the clients asked, in increasing order; x_i is the place, from 1.
        threshold: e, 1 to the number of clients.
        group: the group's name.
        signed: whether postings are signed.
    """

    TYPE: ClassVar[int] = MessageType.INVITATION
    nonce: bytes
    cohort: tuple[ClientId, ...]
    threshold: int
    group: str
    signed: bool

    def __post_init__(self) -> None:
        check_size("nonce", self.nonce, NONCE_BYTES)
        check_increasing(self.cohort)
        if not 1 <= self.threshold <= len(self.cohort):
            raise ParameterError(f"threshold={self.threshold} must lie in 1..{len(self.cohort)}")
        if not self.group.isascii():
            raise ParameterError("a group's name is ASCII")

    def session_id(self) -> bytes:
        """Return the hash of all that was announced, to which every key and message is bound."""
        return domain_hash("dkg/session", self.to_bytes())

    def _write(self, writer: Writer) -> None:
        writer.fixed(self.nonce, NONCE_BYTES)
        writer.ids(self.cohort)
        writer.uint(self.threshold, 4)
        writer.sized(self.group.encode("ascii"))
        writer.uint(self.signed, 1)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        nonce, cohort, threshold = reader.fixed(NONCE_BYTES), reader.ids(), reader.uint(4)
        name = reader.sized()
        if not name.isascii():
            raise ParameterError("a group's name is ASCII")
        return cls(nonce, cohort, threshold, name.decode("ascii"), reader.flag())


@dataclass(frozen=True)
class AdvertisedKey(ClientMessage):
    """Client to all: the X25519 key under which shares for it travel."""

    TYPE: ClassVar[int] = MessageType.ADVERTISED_KEY
    key: bytes

    def __post_init__(self) -> None:
        super().__post_init__()
        check_size("key", self.key, KEY_BYTES)

    def _write(self, writer: Writer) -> None:
        self.write_head(writer)
        writer.fixed(self.key, KEY_BYTES)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        return cls(reader.fixed(SESSION_ID_BYTES), reader.uint(4), reader.fixed(KEY_BYTES))


@dataclass(frozen=True)
class Posting:
    """What one client posted, as the server passes it on.

    Attributes:
        sender: who.
        body: its encoded message.
        signature: the client's signature of it; empty in sessions without signatures.
    """

    sender: ClientId
    body: bytes
    signature: bytes

    def write(self, writer: Writer) -> None:
        """Write it as part of a message."""
        writer.uint(self.sender, 4)
        writer.sized(self.body)
        writer.sized(self.signature)

    @classmethod
    def read(cls, reader: Reader) -> "Posting":
        """Read what `write` wrote."""
        return cls(reader.uint(4), reader.sized(), reader.sized())


def _check_postings(postings: tuple[Posting, ...]) -> None:
    check_increasing(tuple(posting.sender for posting in postings))
    if any(len(posting.signature) not in (0, SIGNATURE_BYTES) for posting in postings):
        raise ParameterError("a signature has 0 or 64 bytes")


@dataclass(frozen=True)
class Board(SessionMessage):
    """Server to all: what clients posted in the stage before, in increasing order of senders."""

    TYPE: ClassVar[int] = MessageType.BOARD
    postings: tuple[Posting, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_postings(self.postings)

    def _write(self, writer: Writer) -> None:
        writer.fixed(self.session_id, SESSION_ID_BYTES)
        writer.uint(len(self.postings), 4)
        for posting in self.postings:
            posting.write(writer)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        session_id = reader.fixed(SESSION_ID_BYTES)
        return cls(session_id, reader.several(12, lambda: Posting.read(reader)))


@dataclass(frozen=True)
class _Elements(ClientMessage):
    """Client to all: group elements, encoded one after the other."""

    elements: bytes

    def _write(self, writer: Writer) -> None:
        self.write_head(writer)
        writer.sized(self.elements)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        return cls(reader.fixed(SESSION_ID_BYTES), reader.uint(4), reader.sized())


@dataclass(frozen=True)
class PedersenCommitments(_Elements):
    """The public part of a `Dealing`: C_k = g^(a_k) H^(b_k), k from 0 to e - 1."""

    TYPE: ClassVar[int] = MessageType.PEDERSEN_COMMITMENTS


@dataclass(frozen=True)
class FeldmanCommitments(_Elements):
    """Client to all, once the set of dealers is fixed: A_k = g^(a_k), k from 0 to e - 1."""

    TYPE: ClassVar[int] = MessageType.FELDMAN_COMMITMENTS


Ciphertexts: TypeAlias = tuple[tuple[ClientId, bytes], ...]
"""Peer -> encrypted pair of shares, in increasing order of the peers."""


@dataclass(frozen=True)
class Dealing(ClientMessage):
    """Client to server: commitments for all, and for each receiver its encrypted shares.

    Attributes:
        commitments: `PedersenCommitments` as posted.
        ciphertexts: receiver -> (s, s') under a key that only dealer and receiver have.
    """

    TYPE: ClassVar[int] = MessageType.DEALING
    commitments: Posting
    ciphertexts: Ciphertexts

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_postings((self.commitments,))
        check_increasing(tuple(peer for peer, _ in self.ciphertexts))
        if self.commitments.sender != self.sender:
            raise ParameterError("commitments of somebody else")

    def _write(self, writer: Writer) -> None:
        self.write_head(writer)
        self.commitments.write(writer)
        write_pairs(writer, self.ciphertexts)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        head = reader.fixed(SESSION_ID_BYTES), reader.uint(4)
        return cls(*head, Posting.read(reader), read_pairs(reader))


@dataclass(frozen=True)
class DeliveredDealings(SessionMessage):
    """Server to client: everybody's commitments, and the shares for this client.

    Attributes:
        postings: `PedersenCommitments` by dealer.
        ciphertexts: dealer -> what it encrypted for the receiver.
    """

    TYPE: ClassVar[int] = MessageType.DELIVERED_DEALINGS
    postings: tuple[Posting, ...]
    ciphertexts: Ciphertexts

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_postings(self.postings)
        check_increasing(tuple(peer for peer, _ in self.ciphertexts))

    def _write(self, writer: Writer) -> None:
        writer.fixed(self.session_id, SESSION_ID_BYTES)
        writer.uint(len(self.postings), 4)
        for posting in self.postings:
            posting.write(writer)
        write_pairs(writer, self.ciphertexts)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        session_id = reader.fixed(SESSION_ID_BYTES)
        postings = reader.several(12, lambda: Posting.read(reader))
        return cls(session_id, postings, read_pairs(reader))


def write_pairs(writer: Writer, ciphertexts: Ciphertexts) -> None:
    """Write a list of clients, each with a byte string."""
    writer.uint(len(ciphertexts), 4)
    for peer, data in ciphertexts:
        writer.uint(peer, 4)
        writer.sized(data)


def read_pairs(reader: Reader) -> Ciphertexts:
    """Read what `write_pairs` wrote."""
    return reader.several(8, lambda: (reader.uint(4), reader.sized()))
