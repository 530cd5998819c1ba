"""The messages by which an authority deals a system key."""

from dataclasses import dataclass, field
from typing import ClassVar

from crypto.codec import PerClient
from crypto.codings import Client, ClientIds, Digest, Name, Sized, Uint32
from crypto.protocols.quality_sum.messages import MessageType
from crypto.session.messages import ClientMessage, Epoch, Nonce, OpeningMessage, SessionMessage
from crypto.session.thresholds import check_reachable


@dataclass(frozen=True)
class SystemKeyOffer(OpeningMessage):
    """Server to client: the authority deals a system key to these clients.

    Attributes:
        nonce: 16 bytes that no other set-up of this server has.
        epoch: the number of the key, 1 to 2^64 - 1, later than that of every key before.
        holders: the clients that get a share, in increasing order.
        threshold: the paper's e.
        group: name of the group.
    """

    TYPE: ClassVar[int] = MessageType.SYSTEM_KEY_OFFER
    SESSION: ClassVar[str] = "quality sum/key set-up"
    nonce: Nonce
    epoch: Epoch
    holders: ClientIds
    threshold: Uint32
    group: Name

    def _check(self) -> None:
        check_reachable(self.threshold, len(self.holders))


@dataclass(frozen=True)
class DealtSystemKey(SessionMessage):
    """Authority to client, over a private channel: the system key and the client's share of it.

    Attributes:
        receiver: the client.
        commitments: to the dealing's polynomial; the first is the public key.
        share: the paper's s_(sys-i)^sk, encoded; kept out of the repr.
    """

    TYPE: ClassVar[int] = MessageType.DEALT_SYSTEM_KEY
    receiver: Client
    commitments: PerClient[Sized]
    share: Sized = field(repr=False)


@dataclass(frozen=True)
class SystemKeyReceipt(ClientMessage):
    """Client to server: I hold a share, and it fits the system key.

    Attributes:
        key_id: names the key, `SystemKey.key_id`.
    """

    TYPE: ClassVar[int] = MessageType.SYSTEM_KEY_RECEIPT
    key_id: Digest
