"""The messages of distributed key generation after the dealing: what clients find and answer."""

from dataclasses import dataclass
from typing import ClassVar, Final, Self

from crypto.dkg.messages import Ciphertexts, MessageType, read_pairs, write_pairs
from crypto.parties import ClientId
from crypto.session_messages import SESSION_ID_BYTES, ClientMessage
from crypto.wire import Reader, Writer, check_increasing, check_size

DIGEST_BYTES: Final = 32


@dataclass(frozen=True)
class Complaints(ClientMessage):
    """Client to all: these dealers gave me no shares that fit their commitments."""

    TYPE: ClassVar[int] = MessageType.COMPLAINTS
    accused: tuple[ClientId, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        check_increasing(self.accused)

    def _write(self, writer: Writer) -> None:
        self.write_head(writer)
        writer.ids(self.accused)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        return cls(reader.fixed(SESSION_ID_BYTES), reader.uint(4), reader.ids())


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
class Defences(OpenedShares):
    """A dealer's answer to complaints: accuser -> the shares that it was to get."""

    TYPE: ClassVar[int] = MessageType.DEFENCES


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
