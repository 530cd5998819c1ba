"""The messages of double masking up to the upload, in the order in which they are sent.

Every message after the invitation names its session; every message of a client names the client.
`unmasking_messages.py` has those that follow.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Annotated, ClassVar, Final, TypeAlias

from crypto.codec import ByClient, PerClient, Record, SameSession
from crypto.codings import DIGEST_BYTES, Coding, Digest, Fixed, Increasing, Sized
from crypto.parties import ClientId
from crypto.primitives.aead import TAG_BYTES
from crypto.primitives.shamir import SHARE_BYTES, Share
from crypto.protocols.masking.parameters import MaskingParameters
from crypto.session.messages import (
    Binding,
    ClientMessage,
    FlaggedSignature,
    Key,
    RoundInvitation,
    SessionMessage,
    check_inside,
)
from crypto.wire import Reader, Writer

CIPHERTEXT_BYTES: Final = 2 * SHARE_BYTES + TAG_BYTES
DEALT_BYTES: Final = CIPHERTEXT_BYTES + 2 * DIGEST_BYTES


class MessageType(IntEnum):
    """Type numbers on the wire: 1 to 31 are this protocol's."""

    INVITATION = 1
    ADVERTISED_KEYS = 2
    KEY_DIRECTORY = 3
    ENCRYPTED_SHARES = 4
    DELIVERED_SHARES = 5
    MASKED_VECTOR = 6
    SURVIVOR_SET = 7
    AGREEMENT = 8
    AGREEMENT_LIST = 9
    UNMASKING_ANSWER = 10
    SHARE_COMPLAINT = 11


class ShareCoding(Coding[Share]):
    """A share as its own bytes."""

    least_bytes = SHARE_BYTES

    def write(self, writer: Writer, value: Share) -> None:
        """Write 33 bytes."""
        writer.fixed(value.to_bytes(), SHARE_BYTES)

    def read(self, reader: Reader) -> Share:
        """Read a number below p."""
        return Share.from_bytes(reader.fixed(SHARE_BYTES))


EncodedShare: TypeAlias = Annotated[Share, ShareCoding()]
EncodedDealtPair: TypeAlias = Annotated[bytes, Fixed(DEALT_BYTES)]


@dataclass(frozen=True)
class Invitation(RoundInvitation):
    """Server to client: take part in this session.

    Attributes:
        parameters: the session's public parameters.
        binding: digest of what the server gave the clients before, such as the model that they
            train; empty if the session is bound to nothing.
    """

    TYPE: ClassVar[int] = MessageType.INVITATION
    SESSION: ClassVar[str] = "masking/session"
    parameters: MaskingParameters
    binding: Binding = field(default=b"", kw_only=True)


@dataclass(frozen=True)
class AdvertisedKeys(ClientMessage):
    """Client to server: the client's public keys for this session.

    Attributes:
        mask_key: X25519 key from which pairwise masks come.
        share_key: X25519 key under which shares travel.
        seed_commitment: hash of the self mask's seed, by which the server recognises the seed.
    """

    TYPE: ClassVar[int] = MessageType.ADVERTISED_KEYS
    mask_key: Key
    share_key: Key
    seed_commitment: Digest


@dataclass(frozen=True)
class DirectoryEntry(Record):
    """One client's keys as the server passes them on.

    Attributes:
        keys: what the client sent.
        signature: the client's signature of that message; empty in sessions without signatures.
    """

    keys: SameSession[AdvertisedKeys]
    signature: FlaggedSignature


@dataclass(frozen=True)
class KeyDirectory(SessionMessage):
    """Server to client: the keys of the client's neighbours, in increasing order of their ids."""

    TYPE: ClassVar[int] = MessageType.KEY_DIRECTORY
    entries: PerClient[DirectoryEntry]

    def _check(self) -> None:
        check_inside(self.session_id, [entry.keys for entry in self.entries])


@dataclass(frozen=True)
class SharePair(Record):
    """What a dealer gives one holder: a share of each of its two secrets; 66 bytes.

    Attributes:
        self_mask: of the self mask's seed.
        key: of the mask key's private half.
    """

    self_mask: EncodedShare
    key: EncodedShare


@dataclass(frozen=True)
class DealtPair(Record):
    """What a dealer sends one holder through the server: a `SharePair`, and what it commits to.

    Attributes:
        ciphertext: the pair, encrypted for the holder.
        self_mask: commitment to its share of the self mask's seed.
        key: commitment to its share of the mask key.
    """

    ciphertext: Annotated[bytes, Fixed(CIPHERTEXT_BYTES)]
    self_mask: Digest
    key: Digest


@dataclass(frozen=True)
class EncryptedShares(ClientMessage):
    """Client to server: the shares of the client's secrets, each encrypted for one receiver.

    The server cannot read them, but keeps what the client commits to: so that each share is checked
    alone when its holder gives it back.
    """

    TYPE: ClassVar[int] = MessageType.ENCRYPTED_SHARES
    ciphertexts: ByClient[EncodedDealtPair]


@dataclass(frozen=True)
class DeliveredShares(SessionMessage):
    """Server to client: the shares dealt to this client, by sender.

    The senders, with the receiver, are the clients whose masks the receiver uses.
    """

    TYPE: ClassVar[int] = MessageType.DELIVERED_SHARES
    ciphertexts: ByClient[EncodedDealtPair]


@dataclass(frozen=True)
class ShareComplaint(ClientMessage):
    """Client to server, in place of an upload: some shares that it was sent are false.

    They do not open, or are not what their dealer committed to. One complaint proves nothing, as
    its sender may lie; more of them than there can be liars prove the dealer wrong, to all who
    know the clients' verify keys.

    Attributes:
        accused: the dealers, in increasing order; at least one.
    """

    TYPE: ClassVar[int] = MessageType.SHARE_COMPLAINT
    accused: Annotated[tuple[ClientId, ...], Increasing(least=1)]


@dataclass(frozen=True)
class MaskedVector(ClientMessage):
    """Client to server: the vector under all its masks.

    Attributes:
        packed: k bits a coordinate; its length is checked against the session by the server.
    """

    TYPE: ClassVar[int] = MessageType.MASKED_VECTOR
    packed: Sized
