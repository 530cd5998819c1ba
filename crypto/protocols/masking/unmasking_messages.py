"""The messages of double masking after the upload: consistency check and unmasking.

The types say what can be said: an answer holds, for each peer, a share of its self mask or a
share of its key; there is no way to write down both.
"""

from dataclasses import dataclass
from typing import ClassVar, Self, TypeAlias

from crypto.domain import domain_hash
from crypto.parties import ClientId
from crypto.primitives.shamir import SHARE_BYTES, Share
from crypto.primitives.signatures import SIGNATURE_BYTES
from crypto.protocols.masking.messages import COMMITMENT_BYTES, MessageType
from crypto.session.messages import SESSION_ID_BYTES, ClientMessage, SessionMessage
from crypto.wire import Reader, Writer, check_increasing, check_size


@dataclass(frozen=True)
class SurvivorSet(SessionMessage):
    """Server to client: the clients whose upload arrived, in increasing order."""

    TYPE: ClassVar[int] = MessageType.SURVIVOR_SET
    survivors: tuple[ClientId, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        check_increasing(self.survivors)

    def digest(self) -> bytes:
        """Return the hash that clients agree on."""
        return domain_hash("masking/survivors", self.to_bytes())

    def _write(self, writer: Writer) -> None:
        writer.fixed(self.session_id, SESSION_ID_BYTES)
        writer.ids(self.survivors)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        return cls(reader.fixed(SESSION_ID_BYTES), reader.ids())


@dataclass(frozen=True)
class Agreement(ClientMessage):
    """Client to server, for its neighbours: this is the set of survivors that I was told.

    Attributes:
        digest: `SurvivorSet.digest`.
    """

    TYPE: ClassVar[int] = MessageType.AGREEMENT
    digest: bytes

    def __post_init__(self) -> None:
        super().__post_init__()
        check_size("digest", self.digest, COMMITMENT_BYTES)

    def _write(self, writer: Writer) -> None:
        self.write_head(writer)
        writer.fixed(self.digest, COMMITMENT_BYTES)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        return cls(reader.fixed(SESSION_ID_BYTES), reader.uint(4), reader.fixed(COMMITMENT_BYTES))


@dataclass(frozen=True)
class AgreementList(SessionMessage):
    """Server to client: signatures of neighbours under an `Agreement` with the client's own digest.

    Attributes:
        signatures: neighbour -> its signature, in increasing order.
    """

    TYPE: ClassVar[int] = MessageType.AGREEMENT_LIST
    signatures: tuple[tuple[ClientId, bytes], ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        check_increasing(tuple(client for client, _ in self.signatures))
        for _, signature in self.signatures:
            check_size("signature", signature, SIGNATURE_BYTES)

    def _write(self, writer: Writer) -> None:
        writer.fixed(self.session_id, SESSION_ID_BYTES)
        writer.pairs(self.signatures, SIGNATURE_BYTES)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        return cls(reader.fixed(SESSION_ID_BYTES), reader.pairs(SIGNATURE_BYTES))


@dataclass(frozen=True)
class SelfMaskShare:
    """A share of the self mask's seed of a client that survived."""

    share: Share


@dataclass(frozen=True)
class KeyShare:
    """A share of the mask key of a client that dropped out."""

    share: Share


RevealedShare: TypeAlias = SelfMaskShare | KeyShare


@dataclass(frozen=True)
class UnmaskingAnswer(ClientMessage):
    """Client to server: one share per peer, of its self mask or of its key.

    Attributes:
        shares: peer -> the share, in increasing order of the peers.
    """

    TYPE: ClassVar[int] = MessageType.UNMASKING_ANSWER
    shares: tuple[tuple[ClientId, RevealedShare], ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        check_increasing(tuple(peer for peer, _ in self.shares))

    def _write(self, writer: Writer) -> None:
        self.write_head(writer)
        writer.uint(len(self.shares), 4)
        for peer, revealed in self.shares:
            writer.uint(peer, 4)
            writer.uint(isinstance(revealed, KeyShare), 1)
            writer.fixed(revealed.share.to_bytes(), SHARE_BYTES)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        head = reader.fixed(SESSION_ID_BYTES), reader.uint(4)

        def entry() -> tuple[ClientId, RevealedShare]:
            peer, of_key = reader.uint(4), reader.flag()
            share = Share.from_bytes(reader.fixed(SHARE_BYTES))
            return peer, KeyShare(share) if of_key else SelfMaskShare(share)

        return cls(*head, reader.per_client(4 + 1 + SHARE_BYTES, entry))
