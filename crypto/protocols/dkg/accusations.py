"""The messages of distributed key generation after the dealing: what clients find and answer."""

from dataclasses import dataclass, field
from typing import ClassVar

from crypto.codec import PerClient, Record
from crypto.codings import Client, ClientIds, Digest
from crypto.errors import ParameterError
from crypto.protocols.dkg.messages import Ciphertexts, MessageType
from crypto.session.messages import ClientMessage, Key
from crypto.wire import check_increasing


@dataclass(frozen=True)
class Evidence(Record):
    """What lets anyone open one pair of shares, as its receiver did.

    Attributes:
        dealer: who sent them.
        key: the receiver's X25519 private key for this dealer, 32 bytes. It opens both pairs that
            these two sent each other: the dealer's for the receiver and the receiver's for the
            dealer, and no others.
        dealing: `Dealing.digest` of what the receiver was shown.
    """

    dealer: Client
    key: Key = field(repr=False)
    dealing: Digest


@dataclass(frozen=True)
class Complaints(ClientMessage):
    """Client to all: these dealers gave me no shares that fit their commitments.

    Attributes:
        accused: the dealers, in increasing order.
        evidence: what shows it, in increasing order of the dealers; a complaint without is false.
    """

    TYPE: ClassVar[int] = MessageType.COMPLAINTS
    accused: ClientIds
    evidence: PerClient[Evidence] = ()

    def _check(self) -> None:
        dealers = [evidence.dealer for evidence in self.evidence]
        check_increasing("dealers", dealers)
        if not set(dealers) <= set(self.accused):
            raise ParameterError("evidence against a dealer that is not accused")


@dataclass(frozen=True)
class OpenedShares(ClientMessage):
    """Client to all: pairs of shares in the clear, each with another client's number.

    Attributes:
        pairs: client -> an encoded pair (s, s'), in increasing order.
    """

    pairs: Ciphertexts


@dataclass(frozen=True)
class Exposures(OpenedShares):
    """Dealer -> shares that fit its Pedersen commitments and not its Feldman commitments.

    Attributes:
        transcript: hash of all boards that the client has seen, so that nobody reveals anything
            about a dealer before clients know that they were shown the same.
    """

    TYPE: ClassVar[int] = MessageType.EXPOSURES
    transcript: Digest


@dataclass(frozen=True)
class Reveals(OpenedShares):
    """Exposed or vanished dealer -> shares from which its part is reconstructed."""

    TYPE: ClassVar[int] = MessageType.REVEALS


@dataclass(frozen=True)
class Confirmation(ClientMessage):
    """Client to all: I hold a share of the key with this digest."""

    TYPE: ClassVar[int] = MessageType.CONFIRMATION
    digest: Digest
