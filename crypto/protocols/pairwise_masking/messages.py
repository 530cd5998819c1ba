"""The messages of pairwise masking, in the order in which they are sent.

The upload is double masking's `MaskedVector`; what else differs in content has types of its own.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Annotated, ClassVar, Final, TypeAlias

from crypto.codec import ByClient, PerClient, SameSession
from crypto.codings import Client, ClientIds, Fixed, Flag
from crypto.errors import ParameterError
from crypto.primitives.aead import TAG_BYTES
from crypto.primitives.shamir import SHARE_BYTES
from crypto.protocols.masking.messages import (
    DeliveredShares,
    EncodedShare,
    EncryptedShares,
    Invitation,
)
from crypto.session.messages import ClientMessage, Key, SessionMessage, check_inside

CIPHERTEXT_BYTES: Final = SHARE_BYTES + TAG_BYTES

Ciphertext: TypeAlias = Annotated[bytes, Fixed(CIPHERTEXT_BYTES)]


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
    dealt: Flag = field(kw_only=True)

    def _check(self) -> None:
        if self.parameters.signed:
            raise ParameterError("pairwise masking has no signatures")


@dataclass(frozen=True)
class DealtKeys(SessionMessage):
    """Authority to client, over a private channel: the client's key pairs for this session.

    Attributes:
        receiver: the client.
        mask_key: private half of the paper's s_i^(sk-t), kept out of the repr.
        share_key: private half of the paper's c_i, kept out of the repr.
    """

    TYPE: ClassVar[int] = MessageType.DEALT_KEYS
    receiver: Client
    mask_key: Key = field(repr=False)
    share_key: Key = field(repr=False)


@dataclass(frozen=True)
class PublicKeys(ClientMessage):
    """Client to server: the client's public keys for this session.

    Attributes:
        mask_key: X25519 key from which pairwise masks come, the paper's s_i^(pk-t).
        share_key: X25519 key under which shares travel.
    """

    TYPE: ClassVar[int] = MessageType.PUBLIC_KEYS
    mask_key: Key
    share_key: Key


@dataclass(frozen=True)
class KeyList(SessionMessage):
    """Server to client: the keys of all other clients, in increasing order of their ids."""

    TYPE: ClassVar[int] = MessageType.KEY_LIST
    entries: PerClient[SameSession[PublicKeys]]

    def _check(self) -> None:
        check_inside(self.session_id, self.entries)


@dataclass(frozen=True)
class EncryptedKeyShares(EncryptedShares):
    """Client to server: shares of the client's mask key, each encrypted for one receiver."""

    TYPE: ClassVar[int] = MessageType.ENCRYPTED_KEY_SHARES
    ciphertexts: ByClient[Ciphertext]


@dataclass(frozen=True)
class DeliveredKeyShares(DeliveredShares):
    """Server to client: the shares dealt to this client; with it, their senders are the set P2."""

    TYPE: ClassVar[int] = MessageType.DELIVERED_KEY_SHARES
    ciphertexts: ByClient[Ciphertext]


@dataclass(frozen=True)
class DroppedClients(SessionMessage):
    """Server to client: the set P2 without P3, whose masks are in the sum and do not cancel."""

    TYPE: ClassVar[int] = MessageType.DROPPED_CLIENTS
    dropped: ClientIds


@dataclass(frozen=True)
class KeyShares(ClientMessage):
    """Client to server: its shares of the dropped clients' mask keys; none if nobody dropped out.

    Attributes:
        shares: dropped client -> the share, in increasing order of the clients.
    """

    TYPE: ClassVar[int] = MessageType.KEY_SHARES
    shares: ByClient[EncodedShare]
