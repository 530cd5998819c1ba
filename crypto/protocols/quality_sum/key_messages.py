"""The messages by which an authority deals a system key."""

from dataclasses import dataclass, field
from typing import ClassVar, Self

from crypto.domain import domain_hash
from crypto.errors import ParameterError
from crypto.parties import MAX_CLIENT_ID, ClientId
from crypto.protocols.quality_sum.messages import KEY_ID_BYTES, MessageType
from crypto.session.messages import NONCE_BYTES, SESSION_ID_BYTES, ClientMessage, SessionMessage
from crypto.wire import Message, Reader, Writer, check_epoch, check_increasing, check_size


@dataclass(frozen=True)
class SystemKeyOffer(Message):
    """Server to client: the authority deals a system key to these clients.

    Attributes:
        nonce: 16 bytes that no other set-up of this server has.
        epoch: the number of the key, 1 to 2^64 - 1, later than that of every key before.
        holders: the clients that get a share, in increasing order.
        threshold: the paper's e.
        group: name of the group.
    """

    TYPE: ClassVar[int] = MessageType.SYSTEM_KEY_OFFER
    nonce: bytes
    epoch: int
    holders: tuple[ClientId, ...]
    threshold: int
    group: str

    def __post_init__(self) -> None:
        check_size("nonce", self.nonce, NONCE_BYTES)
        check_epoch(self.epoch)
        check_increasing(self.holders)
        if not 1 <= self.threshold <= len(self.holders):
            raise ParameterError(f"threshold={self.threshold} of {len(self.holders)} holders")
        if not (self.group.isascii() and self.group.isprintable()):
            raise ParameterError(f"{self.group!r} is no name of a group")

    def session_id(self) -> bytes:
        """Return the hash of all that was announced."""
        return domain_hash("quality sum/key set-up", self.to_bytes())

    def _write(self, writer: Writer) -> None:
        writer.fixed(self.nonce, NONCE_BYTES)
        writer.uint(self.epoch, 8)
        writer.ids(self.holders)
        writer.uint(self.threshold, 4)
        writer.sized(self.group.encode("ascii"))

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        nonce, epoch, holders = reader.fixed(NONCE_BYTES), reader.uint(8), reader.ids()
        return cls(nonce, epoch, holders, reader.uint(4), reader.sized().decode("latin-1"))


@dataclass(frozen=True)
class DealtSystemKey(SessionMessage):
    """Authority to client, over a private channel: the system key and the client's share of it.

    Attributes:
        receiver: the client.
        commitments: to the dealing's polynomial; the first is the public key.
        share: the paper's s_(sys-i)^sk, encoded; kept out of the repr.
    """

    TYPE: ClassVar[int] = MessageType.DEALT_SYSTEM_KEY
    receiver: ClientId
    commitments: tuple[bytes, ...]
    share: bytes = field(repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.receiver <= MAX_CLIENT_ID:
            raise ParameterError(f"receiver={self.receiver} must lie in 0..2^32-1")

    def _write(self, writer: Writer) -> None:
        writer.fixed(self.session_id, SESSION_ID_BYTES)
        writer.uint(self.receiver, 4)
        writer.uint(len(self.commitments), 4)
        for commitment in self.commitments:
            writer.sized(commitment)
        writer.sized(self.share)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        session_id, receiver = reader.fixed(SESSION_ID_BYTES), reader.uint(4)
        return cls(session_id, receiver, reader.per_client(4, reader.sized), reader.sized())


@dataclass(frozen=True)
class SystemKeyReceipt(ClientMessage):
    """Client to server: I hold a share, and it fits the system key.

    Attributes:
        key_id: names the key, `SystemKey.key_id`.
    """

    TYPE: ClassVar[int] = MessageType.SYSTEM_KEY_RECEIPT
    key_id: bytes

    def __post_init__(self) -> None:
        super().__post_init__()
        check_size("key_id", self.key_id, KEY_ID_BYTES)

    def _write(self, writer: Writer) -> None:
        self.write_head(writer)
        writer.fixed(self.key_id, KEY_ID_BYTES)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        return cls(reader.fixed(SESSION_ID_BYTES), reader.uint(4), reader.fixed(KEY_ID_BYTES))
