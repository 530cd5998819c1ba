"""The messages of distributed key generation after the dealing: what clients find and answer."""

from dataclasses import dataclass, field
from typing import ClassVar, Self

from crypto.errors import ParameterError
from crypto.parties import ClientId
from crypto.primitives.key_agreement import KEY_BYTES
from crypto.protocols.dkg.messages import (
    DIGEST_BYTES,
    Ciphertexts,
    MessageType,
    read_pairs,
    write_pairs,
)
from crypto.session.messages import SESSION_ID_BYTES, ClientMessage
from crypto.wire import Reader, Writer, check_increasing, check_size


@dataclass(frozen=True)
class Evidence:
    """What lets anyone open one pair of shares, as its receiver did.

    Attributes:
        dealer: who sent them.
        key: the receiver's X25519 private key for this dealer, 32 bytes. It opens both pairs that
            these two sent each other: the dealer's for the receiver and the receiver's for the
            dealer, and no others.
        dealing: `Dealing.digest` of what the receiver was shown.
    """

    dealer: ClientId
    key: bytes = field(repr=False)
    dealing: bytes

    def __post_init__(self) -> None:
        check_size("key", self.key, KEY_BYTES)
        check_size("dealing", self.dealing, DIGEST_BYTES)

    def write(self, writer: Writer) -> None:
        """Write it as part of a message."""
        writer.uint(self.dealer, 4)
        writer.fixed(self.key, KEY_BYTES)
        writer.fixed(self.dealing, DIGEST_BYTES)

    @classmethod
    def read(cls, reader: Reader) -> "Evidence":
        """Read what `write` wrote."""
        return cls(reader.uint(4), reader.fixed(KEY_BYTES), reader.fixed(DIGEST_BYTES))


@dataclass(frozen=True)
class Complaints(ClientMessage):
    """Client to all: these dealers gave me no shares that fit their commitments.

    Attributes:
        accused: the dealers, in increasing order.
        evidence: what shows it, in increasing order of the dealers; a complaint without is false.
    """

    TYPE: ClassVar[int] = MessageType.COMPLAINTS
    accused: tuple[ClientId, ...]
    evidence: tuple[Evidence, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        check_increasing(self.accused)
        dealers = tuple(evidence.dealer for evidence in self.evidence)
        check_increasing(dealers)
        if not set(dealers) <= set(self.accused):
            raise ParameterError("evidence against a dealer that is not accused")

    def _write(self, writer: Writer) -> None:
        self.write_head(writer)
        writer.ids(self.accused)
        writer.uint(len(self.evidence), 4)
        for evidence in self.evidence:
            evidence.write(writer)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        head = reader.fixed(SESSION_ID_BYTES), reader.uint(4), reader.ids()
        size = 4 + KEY_BYTES + DIGEST_BYTES
        return cls(*head, reader.per_client(size, lambda: Evidence.read(reader)))


@dataclass(frozen=True)
class OpenedShares(ClientMessage):
    """Client to all: pairs of shares in the clear, each with another client's number.

    Attributes:
        pairs: client -> an encoded pair (s, s'), in increasing order.
    """

    pairs: Ciphertexts

    def __post_init__(self) -> None:
        super().__post_init__()
        check_increasing(tuple(peer for peer, _ in self.pairs))

    def _write(self, writer: Writer) -> None:
        self.write_head(writer)
        write_pairs(writer, self.pairs)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        return cls(reader.fixed(SESSION_ID_BYTES), reader.uint(4), read_pairs(reader))


@dataclass(frozen=True)
class Exposures(OpenedShares):
    """Dealer -> shares that fit its Pedersen commitments and not its Feldman commitments.

    Attributes:
        transcript: hash of all boards that the client has seen, so that nobody reveals anything
            about a dealer before clients know that they were shown the same.
    """

    TYPE: ClassVar[int] = MessageType.EXPOSURES
    transcript: bytes

    def __post_init__(self) -> None:
        super().__post_init__()
        check_size("transcript", self.transcript, DIGEST_BYTES)

    def _write(self, writer: Writer) -> None:
        super()._write(writer)
        writer.fixed(self.transcript, DIGEST_BYTES)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        head = reader.fixed(SESSION_ID_BYTES), reader.uint(4), read_pairs(reader)
        return cls(*head, reader.fixed(DIGEST_BYTES))


@dataclass(frozen=True)
class Reveals(OpenedShares):
    """Exposed or vanished dealer -> shares from which its part is reconstructed."""

    TYPE: ClassVar[int] = MessageType.REVEALS


@dataclass(frozen=True)
class Confirmation(ClientMessage):
    """Client to all: I hold a share of the key with this digest."""

    TYPE: ClassVar[int] = MessageType.CONFIRMATION
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
