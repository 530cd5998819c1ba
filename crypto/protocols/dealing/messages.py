"""The messages of a dealing, in the order of sending."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, ClassVar, Final, TypeAlias

from crypto.codec import PerClient, Record, SameSession
from crypto.codings import Digest, Fixed, Unsigned
from crypto.domain import domain_hash, encode_id
from crypto.errors import ParameterError
from crypto.parties import ClientId
from crypto.session.messages import (
    Binding,
    ClientMessage,
    RoundInvitation,
    SessionMessage,
    Signature,
    check_inside,
)
from crypto.session.thresholds import MIN_CLIENTS

CONTRIBUTION_BYTES: Final = 32
MOST_DEALINGS: Final = 3
"""Of one round: the first, and those without whom the one before lost."""

Contribution: TypeAlias = Annotated[bytes, Fixed(CONTRIBUTION_BYTES)]


class MessageType(IntEnum):
    """Type numbers on the wire: 140 to 144 are this protocol's."""

    DEALING_INVITATION = 140
    COMMITMENT = 141
    COMMITMENT_LIST = 142
    REVEAL = 143
    REVEAL_LIST = 144


@dataclass(frozen=True)
class DealingInvitation(RoundInvitation):
    """Server to client: be dealt into a group for this round.

    Attributes:
        attempt: 1 to `MOST_DEALINGS`, of the round.
        group_size: fewest clients of a group.
        commitment: to the server's contribution, see `server_commitment`.
        binding: digest of what the server gave the clients before; empty if it was nothing.
    """

    TYPE: ClassVar[int] = MessageType.DEALING_INVITATION
    SESSION: ClassVar[str] = "dealing/session"
    attempt: Annotated[int, Unsigned(1, least=1, most=MOST_DEALINGS)]
    group_size: Annotated[int, Unsigned(4, least=MIN_CLIENTS)]
    commitment: Digest
    binding: Binding


@dataclass(frozen=True)
class Commitment(ClientMessage):
    """Client to server, and on to all: what it will reveal; always signed.

    Attributes:
        digest: see `client_commitment`.
    """

    TYPE: ClassVar[int] = MessageType.COMMITMENT
    digest: Digest


@dataclass(frozen=True)
class SignedCommitment(Record):
    """A commitment as the server passes it on.

    Attributes:
        commitment: the message.
        signature: its sender's.
    """

    commitment: SameSession[Commitment]
    signature: Signature


@dataclass(frozen=True)
class CommitmentList(SessionMessage):
    """Server to client: who has committed to what; reveal yours.

    Attributes:
        entries: in increasing order of senders.
    """

    TYPE: ClassVar[int] = MessageType.COMMITMENT_LIST
    entries: PerClient[SignedCommitment]

    def _check(self) -> None:
        check_inside(self.session_id, [entry.commitment for entry in self.entries])

    def digest(self) -> bytes:
        """Return the hash by which clients name this list."""
        return domain_hash("dealing/list", self.to_bytes())


@dataclass(frozen=True)
class Reveal(ClientMessage):
    """Client to server, and on to all: its contribution; always signed.

    Attributes:
        commitments: digest of the list of commitments that it saw.
        contribution: 32 bytes that it drew at random.
    """

    TYPE: ClassVar[int] = MessageType.REVEAL
    commitments: Digest
    contribution: Contribution


@dataclass(frozen=True)
class SignedReveal(Record):
    """A revealed contribution as the server passes it on.

    Attributes:
        reveal: the message.
        signature: its sender's.
    """

    reveal: SameSession[Reveal]
    signature: Signature


@dataclass(frozen=True)
class RevealList(SessionMessage):
    """Server to client: all contributions, of which the groups follow.

    Attributes:
        contribution: the server's, which opens the invitation's commitment.
        entries: of all on the list of commitments, in increasing order of senders.
    """

    TYPE: ClassVar[int] = MessageType.REVEAL_LIST
    contribution: Contribution
    entries: PerClient[SignedReveal]

    def _check(self) -> None:
        check_inside(self.session_id, [entry.reveal for entry in self.entries])
        if not self.entries:
            raise ParameterError("a dealing without clients")


def server_commitment(nonce: bytes, contribution: bytes) -> bytes:
    """Return what the server commits with: 32 bytes that hide a random contribution."""
    return domain_hash("dealing/server's commitment", nonce, contribution)


def client_commitment(session_id: bytes, client: ClientId, contribution: bytes) -> bytes:
    """Return what a client commits with: 32 bytes that hide a random contribution."""
    return domain_hash("dealing/commitment", session_id, encode_id(client), contribution)
