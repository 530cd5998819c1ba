"""The messages of pairwise masking, in the order in which they are sent.

The upload is double masking's `MaskedVector`; what else differs in content has types of its own.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import ClassVar, Final, Self

from crypto.errors import ParameterError
from crypto.parties import MAX_CLIENT_ID, ClientId
from crypto.primitives.aead import TAG_BYTES
from crypto.primitives.key_agreement import KEY_BYTES
from crypto.primitives.shamir import SHARE_BYTES, Share
from crypto.protocols.masking.messages import DeliveredShares, EncryptedShares, Invitation
from crypto.session.messages import SESSION_ID_BYTES, ClientMessage, SessionMessage
from crypto.wire import Reader, Writer, check_increasing, check_size

CIPHERTEXT_BYTES: Final = SHARE_BYTES + TAG_BYTES


class MessageType(IntEnum):
    """Type numbers on the wire: 64 to 79 are this protocol's; the upload is double masking's."""

    MASKED_VECTOR = 6
    PAIRWISE_INVITATION = 64
    DEALT_KEYS = 65
    PUBLIC_KEYS = 66
    KEY_LIST = 67
    ENCRYPTED_KEY_SHARES = 68
    DELIVERED_KEY_SHARES = 69
    DROPPED_CLIENTS = 70
    KEY_SHARES = 71


@dataclass(frozen=True)
class PairwiseInvitation(Invitation):
    """Server to client: take part in this session.

    Attributes:
        dealt: whether an authority deals the key pairs of this session.
    """

    TYPE: ClassVar[int] = MessageType.PAIRWISE_INVITATION
    dealt: bool

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.parameters.signed:
            raise ParameterError("pairwise masking has no signatures")

    def _write(self, writer: Writer) -> None:
        super()._write(writer)
        writer.uint(self.dealt, 1)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        fields = Invitation._read(reader)
        return cls(
            fields.nonce,
            fields.round_id,
            fields.cohort,
            fields.parameters,
            reader.flag(),
            binding=fields.binding,
        )


@dataclass(frozen=True)
class DealtKeys(SessionMessage):
    """Authority to client, over a private channel: the client's key pairs for this session.

    Attributes:
        receiver: the client.
        mask_key: private half of the paper's s_i^(sk-t), kept out of the repr.
        share_key: private half of the paper's c_i, kept out of the repr.
    """

    TYPE: ClassVar[int] = MessageType.DEALT_KEYS
    receiver: ClientId
    mask_key: bytes = field(repr=False)
    share_key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.receiver <= MAX_CLIENT_ID:
            raise ParameterError(f"receiver={self.receiver} must lie in 0..2^32-1")
        check_size("mask_key", self.mask_key, KEY_BYTES)
        check_size("share_key", self.share_key, KEY_BYTES)

    def _write(self, writer: Writer) -> None:
        writer.fixed(self.session_id, SESSION_ID_BYTES)
        writer.uint(self.receiver, 4)
        writer.fixed(self.mask_key + self.share_key, 2 * KEY_BYTES)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        session_id, receiver = reader.fixed(SESSION_ID_BYTES), reader.uint(4)
        return cls(session_id, receiver, reader.fixed(KEY_BYTES), reader.fixed(KEY_BYTES))


@dataclass(frozen=True)
class PublicKeys(ClientMessage):
    """Client to server: the client's public keys for this session.

    Attributes:
        mask_key: X25519 key from which pairwise masks come, the paper's s_i^(pk-t).
        share_key: X25519 key under which shares travel.
    """

    TYPE: ClassVar[int] = MessageType.PUBLIC_KEYS
    mask_key: bytes
    share_key: bytes

    def __post_init__(self) -> None:
        super().__post_init__()
        check_size("mask_key", self.mask_key, KEY_BYTES)
        check_size("share_key", self.share_key, KEY_BYTES)

    def _write(self, writer: Writer) -> None:
        self.write_head(writer)
        writer.fixed(self.mask_key + self.share_key, 2 * KEY_BYTES)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        session_id, sender = reader.fixed(SESSION_ID_BYTES), reader.uint(4)
        return cls(session_id, sender, reader.fixed(KEY_BYTES), reader.fixed(KEY_BYTES))


@dataclass(frozen=True)
class KeyList(SessionMessage):
    """Server to client: the keys of all other clients, in increasing order of their ids."""

    TYPE: ClassVar[int] = MessageType.KEY_LIST
    entries: tuple[PublicKeys, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        check_increasing(tuple(keys.sender for keys in self.entries))
        if any(keys.session_id != self.session_id for keys in self.entries):
            raise ParameterError("keys of another session")

    def _write(self, writer: Writer) -> None:
        writer.fixed(self.session_id, SESSION_ID_BYTES)
        pairs = [(keys.sender, keys.mask_key + keys.share_key) for keys in self.entries]
        writer.pairs(pairs, 2 * KEY_BYTES)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        session_id = reader.fixed(SESSION_ID_BYTES)
        pairs = reader.pairs(2 * KEY_BYTES)
        entries = (
            PublicKeys(session_id, sender, both[:KEY_BYTES], both[KEY_BYTES:])
            for sender, both in pairs
        )
        return cls(session_id, tuple(entries))


@dataclass(frozen=True)
class EncryptedKeyShares(EncryptedShares):
    """Client to server: shares of the client's mask key, each encrypted for one receiver."""

    TYPE: ClassVar[int] = MessageType.ENCRYPTED_KEY_SHARES
    SIZE: ClassVar[int] = CIPHERTEXT_BYTES


@dataclass(frozen=True)
class DeliveredKeyShares(DeliveredShares):
    """Server to client: the shares dealt to this client; with it, their senders are the set P2."""

    TYPE: ClassVar[int] = MessageType.DELIVERED_KEY_SHARES
    SIZE: ClassVar[int] = CIPHERTEXT_BYTES


@dataclass(frozen=True)
class DroppedClients(SessionMessage):
    """Server to client: the set P2 without P3, whose masks are in the sum and do not cancel."""

    TYPE: ClassVar[int] = MessageType.DROPPED_CLIENTS
    dropped: tuple[ClientId, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        check_increasing(self.dropped)

    def _write(self, writer: Writer) -> None:
        writer.fixed(self.session_id, SESSION_ID_BYTES)
        writer.ids(self.dropped)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        return cls(reader.fixed(SESSION_ID_BYTES), reader.ids())


@dataclass(frozen=True)
class KeyShares(ClientMessage):
    """Client to server: its shares of the dropped clients' mask keys; none if nobody dropped out.

    Attributes:
        shares: dropped client -> the share, in increasing order of the clients.
    """

    TYPE: ClassVar[int] = MessageType.KEY_SHARES
    shares: tuple[tuple[ClientId, Share], ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        check_increasing(tuple(owner for owner, _ in self.shares))

    def _write(self, writer: Writer) -> None:
        self.write_head(writer)
        writer.pairs([(owner, share.to_bytes()) for owner, share in self.shares], SHARE_BYTES)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        head = reader.fixed(SESSION_ID_BYTES), reader.uint(4)
        pairs = reader.pairs(SHARE_BYTES)
        return cls(*head, tuple((owner, Share.from_bytes(data)) for owner, data in pairs))
