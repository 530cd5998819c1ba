"""The messages of double masking after the upload: consistency check and unmasking.

The types say what can be said: an answer holds, for each peer, a share of its self mask or a
share of its key; there is no way to write down both.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, TypeAlias

from crypto.codec import ByClient
from crypto.codings import ClientIds, Coding, Digest
from crypto.domain import domain_hash
from crypto.primitives.shamir import SHARE_BYTES, Share
from crypto.protocols.masking.messages import MessageType
from crypto.session.messages import ClientMessage, SessionMessage, Signature
from crypto.wire import Reader, Writer


@dataclass(frozen=True)
class SurvivorSet(SessionMessage):
    """Server to client: the clients whose upload arrived, in increasing order."""

    TYPE: ClassVar[int] = MessageType.SURVIVOR_SET
    survivors: ClientIds

    def digest(self) -> bytes:
        """Return the hash that clients agree on."""
        return domain_hash("masking/survivors", self.to_bytes())


@dataclass(frozen=True)
class Agreement(ClientMessage):
    """Client to server, for its neighbours: this is the set of survivors that I was told.

    Attributes:
        digest: `SurvivorSet.digest`.
    """

    TYPE: ClassVar[int] = MessageType.AGREEMENT
    digest: Digest


@dataclass(frozen=True)
class AgreementList(SessionMessage):
    """Server to client: signatures of neighbours under an `Agreement` with the client's own digest.

    Attributes:
        signatures: neighbour -> its signature, in increasing order.
    """

    TYPE: ClassVar[int] = MessageType.AGREEMENT_LIST
    signatures: ByClient[Signature]


@dataclass(frozen=True)
class SelfMaskShare:
    """A share of the self mask's seed of a client that survived."""

    share: Share


@dataclass(frozen=True)
class KeyShare:
    """A share of the mask key of a client that dropped out."""

    share: Share


RevealedShare: TypeAlias = SelfMaskShare | KeyShare


class _Revealed(Coding[RevealedShare]):
    """Whether it is of the key, and the share."""

    least_bytes = 1 + SHARE_BYTES

    def write(self, writer: Writer, value: RevealedShare) -> None:
        writer.uint(isinstance(value, KeyShare), 1)
        writer.fixed(value.share.to_bytes(), SHARE_BYTES)

    def read(self, reader: Reader) -> RevealedShare:
        kind = KeyShare if reader.flag() else SelfMaskShare
        return kind(Share.from_bytes(reader.fixed(SHARE_BYTES)))


@dataclass(frozen=True)
class UnmaskingAnswer(ClientMessage):
    """Client to server: one share per peer, of its self mask or of its key.

    Attributes:
        shares: peer -> the share, in increasing order of the peers.
    """

    TYPE: ClassVar[int] = MessageType.UNMASKING_ANSWER
    shares: ByClient[Annotated[RevealedShare, _Revealed()]]
