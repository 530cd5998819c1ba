"""The messages of distributed key generation up to the dealing; `accusations.py` has the others."""

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, Final, Self, TypeAlias

from crypto.domain import domain_hash
from crypto.errors import ParameterError
from crypto.parties import ClientId
from crypto.primitives.key_agreement import KEY_BYTES
from crypto.primitives.signatures import SIGNATURE_BYTES
from crypto.session.messages import (
    NONCE_BYTES,
    SESSION_ID_BYTES,
    ClientMessage,
    SessionMessage,
)
from crypto.session.thresholds import MIN_CLIENTS
from crypto.wire import Message, Reader, Writer, check_epoch, check_increasing, check_size

DIGEST_BYTES: Final = 32


class MessageType(IntEnum):
    """Type numbers on the wire: 40 to 51 are this protocol's."""

    INVITATION = 40
    ADVERTISED_KEYS = 41
    BOARD = 42
    DEALING = 44
    COMPLAINTS = 46
    FELDMAN_COMMITMENTS = 48
    EXPOSURES = 49
    REVEALS = 50
    CONFIRMATION = 51


@dataclass(frozen=True)
class Invitation(Message):
    """Server to client: make a key together.

    Attributes:
        nonce: 16 bytes that no other session of this server has.
        epoch: the number of the key, 1 to 2^64 - 1; later than that of every key before.
        cohort: the clients asked, three at least, in increasing order; x_i is the place, from 1.
        threshold: e, 1 to the number of clients.
        group: the group's name.
        signed: whether postings are signed.
    """

    TYPE: ClassVar[int] = MessageType.INVITATION
    nonce: bytes
    epoch: int
    cohort: tuple[ClientId, ...]
    threshold: int
    group: str
    signed: bool

    def __post_init__(self) -> None:
        check_size("nonce", self.nonce, NONCE_BYTES)
        check_epoch(self.epoch)
        check_increasing(self.cohort)
        if len(self.cohort) < MIN_CLIENTS:
            raise ParameterError(f"{len(self.cohort)} clients, and {MIN_CLIENTS} must make a key")
        if not 1 <= self.threshold <= len(self.cohort):
            raise ParameterError(f"threshold={self.threshold} must lie in 1..{len(self.cohort)}")
        if not self.group.isascii():
            raise ParameterError("a group's name is ASCII")

    def session_id(self) -> bytes:
        """Return the hash of all that was announced, to which every key and message is bound."""
        return domain_hash("dkg/session", self.to_bytes())

    def _write(self, writer: Writer) -> None:
        writer.fixed(self.nonce, NONCE_BYTES)
        writer.uint(self.epoch, 8)
        writer.ids(self.cohort)
        writer.uint(self.threshold, 4)
        writer.sized(self.group.encode("ascii"))
        writer.uint(self.signed, 1)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        nonce, epoch, cohort = reader.fixed(NONCE_BYTES), reader.uint(8), reader.ids()
        threshold, name = reader.uint(4), reader.sized()
        if not name.isascii():
            raise ParameterError("a group's name is ASCII")
        return cls(nonce, epoch, cohort, threshold, name.decode("ascii"), reader.flag())


@dataclass(frozen=True)
class AdvertisedKeys(ClientMessage):
    """Client to all: for each other client an X25519 key under which that one's shares travel.

    One key for each dealer, so that a client can open what one dealer sent it to everybody's eyes
    without opening anything else.

    Attributes:
        keys: dealer -> the key, in increasing order of the dealers.
    """

    TYPE: ClassVar[int] = MessageType.ADVERTISED_KEYS
    keys: tuple[tuple[ClientId, bytes], ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        check_increasing(tuple(peer for peer, _ in self.keys))
        for _, key in self.keys:
            check_size("key", key, KEY_BYTES)

    def _write(self, writer: Writer) -> None:
        self.write_head(writer)
        writer.pairs(self.keys, KEY_BYTES)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        return cls(reader.fixed(SESSION_ID_BYTES), reader.uint(4), reader.pairs(KEY_BYTES))


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


@dataclass(frozen=True)
class Board(SessionMessage):
    """Server to all: what clients posted in the stage before, in increasing order of senders."""

    TYPE: ClassVar[int] = MessageType.BOARD
    postings: tuple[Posting, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        check_increasing(tuple(posting.sender for posting in self.postings))
        if any(len(posting.signature) not in (0, SIGNATURE_BYTES) for posting in self.postings):
            raise ParameterError("a signature has 0 or 64 bytes")

    def _write(self, writer: Writer) -> None:
        writer.fixed(self.session_id, SESSION_ID_BYTES)
        writer.uint(len(self.postings), 4)
        for posting in self.postings:
            posting.write(writer)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        session_id = reader.fixed(SESSION_ID_BYTES)
        return cls(session_id, reader.per_client(12, lambda: Posting.read(reader)))


Ciphertexts: TypeAlias = tuple[tuple[ClientId, bytes], ...]
"""Peer -> encrypted pair of shares, in increasing order of the peers."""


@dataclass(frozen=True)
class Dealing(ClientMessage):
    """Client to all: commitments to its part of the key, and each receiver's encrypted shares.

    Everybody gets all ciphertexts, so that a server cannot withhold single ones, and so that a
    complaint can be checked by anyone.

    Attributes:
        transcript: hash of the board of keys that it encrypted under.
        commitments: C_k = g^(a_k) H^(b_k), k from 0 to e - 1, encoded one after the other.
        ciphertexts: receiver -> (s, s') under a key that only dealer and receiver have.
    """

    TYPE: ClassVar[int] = MessageType.DEALING
    transcript: bytes
    commitments: bytes
    ciphertexts: Ciphertexts

    def __post_init__(self) -> None:
        super().__post_init__()
        check_size("transcript", self.transcript, DIGEST_BYTES)
        check_increasing(tuple(peer for peer, _ in self.ciphertexts))

    def digest(self) -> bytes:
        """Return the hash by which complaints name this very dealing."""
        return domain_hash("dkg/dealing", self.to_bytes())

    def _write(self, writer: Writer) -> None:
        self.write_head(writer)
        writer.fixed(self.transcript, DIGEST_BYTES)
        writer.sized(self.commitments)
        write_pairs(writer, self.ciphertexts)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        head = reader.fixed(SESSION_ID_BYTES), reader.uint(4)
        return cls(*head, reader.fixed(DIGEST_BYTES), reader.sized(), read_pairs(reader))


@dataclass(frozen=True)
class FeldmanCommitments(ClientMessage):
    """Client to all, once the set of dealers is fixed: A_k = g^(a_k), k from 0 to e - 1.

    Attributes:
        elements: encoded one after the other.
    """

    TYPE: ClassVar[int] = MessageType.FELDMAN_COMMITMENTS
    elements: bytes

    def _write(self, writer: Writer) -> None:
        self.write_head(writer)
        writer.sized(self.elements)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        return cls(reader.fixed(SESSION_ID_BYTES), reader.uint(4), reader.sized())


def write_pairs(writer: Writer, ciphertexts: Ciphertexts) -> None:
    """Write a list of clients, each with a byte string."""
    writer.uint(len(ciphertexts), 4)
    for peer, data in ciphertexts:
        writer.uint(peer, 4)
        writer.sized(data)


def read_pairs(reader: Reader) -> Ciphertexts:
    """Read what `write_pairs` wrote."""
    return reader.per_client(8, lambda: (reader.uint(4), reader.sized()))
