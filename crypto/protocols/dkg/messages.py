"""The messages of distributed key generation up to the dealing; `accusations.py` has the others."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, ClassVar, TypeAlias

from crypto.codec import ByClient, PerClient, Record
from crypto.codings import Client, Digest, Flag, Increasing, Name, Sized, Uint32
from crypto.domain import domain_hash
from crypto.parties import ClientId
from crypto.session.messages import (
    ClientMessage,
    Epoch,
    Key,
    Nonce,
    OpeningMessage,
    OptionalSignature,
    SessionMessage,
)
from crypto.session.thresholds import MIN_CLIENTS, check_reachable
from crypto.wire import check_increasing

Ciphertexts: TypeAlias = ByClient[Sized]
"""Peer -> encrypted pair of shares, in increasing order of the peers."""


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
class Invitation(OpeningMessage):
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
    SESSION: ClassVar[str] = "dkg/session"
    nonce: Nonce
    epoch: Epoch
    cohort: Annotated[tuple[ClientId, ...], Increasing(least=MIN_CLIENTS)]
    threshold: Uint32
    group: Name
    signed: Flag

    def _check(self) -> None:
        check_reachable(self.threshold, len(self.cohort))


@dataclass(frozen=True)
class AdvertisedKeys(ClientMessage):
    """Client to all: for each other client an X25519 key under which that one's shares travel.

    One key for each dealer, so that a client can open what one dealer sent it to everybody's eyes
    without opening anything else.

    Attributes:
        keys: dealer -> the key, in increasing order of the dealers.
    """

    TYPE: ClassVar[int] = MessageType.ADVERTISED_KEYS
    keys: ByClient[Key]


@dataclass(frozen=True)
class Posting(Record):
    """What one client posted, as the server passes it on.

    Attributes:
        sender: who.
        body: its encoded message.
        signature: the client's signature of it; empty in sessions without signatures.
    """

    sender: Client
    body: Sized
    signature: OptionalSignature


@dataclass(frozen=True)
class Board(SessionMessage):
    """Server to all: what clients posted in the stage before, in increasing order of senders."""

    TYPE: ClassVar[int] = MessageType.BOARD
    postings: PerClient[Posting]

    def _check(self) -> None:
        check_increasing("senders", [posting.sender for posting in self.postings])


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
    transcript: Digest
    commitments: Sized
    ciphertexts: Ciphertexts

    def digest(self) -> bytes:
        """Return the hash by which complaints name this very dealing."""
        return domain_hash("dkg/dealing", self.to_bytes())


@dataclass(frozen=True)
class FeldmanCommitments(ClientMessage):
    """Client to all, once the set of dealers is fixed: A_k = g^(a_k), k from 0 to e - 1.

    Attributes:
        elements: encoded one after the other.
    """

    TYPE: ClassVar[int] = MessageType.FELDMAN_COMMITMENTS
    elements: Sized
