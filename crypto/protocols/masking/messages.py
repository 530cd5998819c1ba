"""The messages of double masking up to the upload, in the order in which they are sent.

Every message after the invitation names its session; every message of a client names the client.
`unmasking_messages.py` has those that follow.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import ClassVar, Final, Self, TypeAlias

from crypto.domain import domain_hash
from crypto.errors import DecodingError, ParameterError
from crypto.parties import ClientId
from crypto.primitives.aead import TAG_BYTES
from crypto.primitives.key_agreement import KEY_BYTES
from crypto.primitives.shamir import SHARE_BYTES, Share
from crypto.primitives.signatures import SIGNATURE_BYTES
from crypto.protocols.masking.parameters import MaskingParameters
from crypto.session.messages import (
    NONCE_BYTES,
    SESSION_ID_BYTES,
    ClientMessage,
    SessionMessage,
    check_binding,
)
from crypto.wire import Message, Reader, Writer, check_increasing, check_size

COMMITMENT_BYTES: Final = 32
SHARE_PAIR_BYTES: Final = 2 * SHARE_BYTES
CIPHERTEXT_BYTES: Final = SHARE_PAIR_BYTES + TAG_BYTES
DEALT_BYTES: Final = CIPHERTEXT_BYTES + 2 * COMMITMENT_BYTES


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


@dataclass(frozen=True)
class Invitation(Message):
    """Server to client: take part in this session.

    Attributes:
        nonce: 16 bytes that no other session of this server has.
        round_id: the training round.
        cohort: the clients asked, in increasing order.
        parameters: the session's public parameters.
        binding: digest of what the server gave the clients before, such as the model that they
            train; empty if the session is bound to nothing.
    """

    TYPE: ClassVar[int] = MessageType.INVITATION
    nonce: bytes
    round_id: int
    cohort: tuple[ClientId, ...]
    parameters: MaskingParameters
    binding: bytes = field(default=b"", kw_only=True)

    def __post_init__(self) -> None:
        check_size("nonce", self.nonce, NONCE_BYTES)
        check_increasing(self.cohort)
        check_binding(self.binding)
        if not 0 <= self.round_id < 2**64:
            raise ParameterError(f"round_id={self.round_id} must lie in 0..2^64-1")

    def session_id(self) -> bytes:
        """Return the hash of all that was announced, to which every key and message is bound."""
        return domain_hash("masking/session", self.to_bytes())

    def _write(self, writer: Writer) -> None:
        writer.fixed(self.nonce, NONCE_BYTES)
        writer.uint(self.round_id, 8)
        writer.ids(self.cohort)
        writer.uint(self.parameters.length, 4)
        writer.uint(self.parameters.modulus_bits, 1)
        writer.uint(self.parameters.degree, 4)
        writer.uint(self.parameters.threshold, 4)
        writer.uint(self.parameters.min_survivors, 4)
        writer.uint(self.parameters.signed, 1)
        writer.sized(self.binding)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        nonce, round_id, cohort = reader.fixed(NONCE_BYTES), reader.uint(8), reader.ids()
        length, modulus_bits = reader.uint(4), reader.uint(1)
        degree, threshold, min_survivors = reader.uint(4), reader.uint(4), reader.uint(4)
        parameters = MaskingParameters(
            length, modulus_bits, degree, threshold, min_survivors, reader.flag()
        )
        return cls(nonce, round_id, cohort, parameters, binding=reader.sized())


@dataclass(frozen=True)
class AdvertisedKeys(ClientMessage):
    """Client to server: the client's public keys for this session.

    Attributes:
        mask_key: X25519 key from which pairwise masks come.
        share_key: X25519 key under which shares travel.
        seed_commitment: hash of the self mask's seed, by which the server recognises the seed.
    """

    TYPE: ClassVar[int] = MessageType.ADVERTISED_KEYS
    mask_key: bytes
    share_key: bytes
    seed_commitment: bytes

    def __post_init__(self) -> None:
        super().__post_init__()
        check_size("mask_key", self.mask_key, KEY_BYTES)
        check_size("share_key", self.share_key, KEY_BYTES)
        check_size("seed_commitment", self.seed_commitment, COMMITMENT_BYTES)

    def _write(self, writer: Writer) -> None:
        self.write_head(writer)
        writer.fixed(self.mask_key + self.share_key, 2 * KEY_BYTES)
        writer.fixed(self.seed_commitment, COMMITMENT_BYTES)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        session_id, sender = reader.fixed(SESSION_ID_BYTES), reader.uint(4)
        mask_key, share_key = reader.fixed(KEY_BYTES), reader.fixed(KEY_BYTES)
        return cls(session_id, sender, mask_key, share_key, reader.fixed(COMMITMENT_BYTES))


@dataclass(frozen=True)
class DirectoryEntry:
    """One client's keys as the server passes them on.

    Attributes:
        keys: what the client sent.
        signature: the client's signature of that message; empty in sessions without signatures.
    """

    keys: AdvertisedKeys
    signature: bytes


@dataclass(frozen=True)
class KeyDirectory(SessionMessage):
    """Server to client: the keys of the client's neighbours, in increasing order of their ids."""

    TYPE: ClassVar[int] = MessageType.KEY_DIRECTORY
    entries: tuple[DirectoryEntry, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        check_increasing(tuple(entry.keys.sender for entry in self.entries))
        for entry in self.entries:
            if entry.keys.session_id != self.session_id:
                raise ParameterError("keys of another session")
            if len(entry.signature) not in (0, SIGNATURE_BYTES):
                raise ParameterError(f"a signature has 0 or 64 bytes, not {len(entry.signature)}")

    def _write(self, writer: Writer) -> None:
        writer.fixed(self.session_id, SESSION_ID_BYTES)
        writer.uint(len(self.entries), 4)
        for entry in self.entries:
            keys = entry.keys
            writer.uint(keys.sender, 4)
            writer.fixed(keys.mask_key + keys.share_key, 2 * KEY_BYTES)
            writer.fixed(keys.seed_commitment, COMMITMENT_BYTES)
            writer.uint(bool(entry.signature), 1)
            writer.fixed(entry.signature, len(entry.signature))

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        session_id = reader.fixed(SESSION_ID_BYTES)

        def entry() -> DirectoryEntry:
            sender, mask_key = reader.uint(4), reader.fixed(KEY_BYTES)
            share_key, commitment = reader.fixed(KEY_BYTES), reader.fixed(COMMITMENT_BYTES)
            keys = AdvertisedKeys(session_id, sender, mask_key, share_key, commitment)
            return DirectoryEntry(keys, reader.fixed(SIGNATURE_BYTES if reader.flag() else 0))

        return cls(session_id, reader.per_client(4 + 3 * KEY_BYTES + 1, entry))


@dataclass(frozen=True)
class SharePair:
    """What a dealer gives one holder: a share of each of its two secrets.

    Attributes:
        self_mask: of the self mask's seed.
        key: of the mask key's private half.
    """

    self_mask: Share
    key: Share

    def to_bytes(self) -> bytes:
        """Return 66 bytes."""
        return self.self_mask.to_bytes() + self.key.to_bytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> "SharePair":
        """Read what `to_bytes` wrote.

        Raises:
            DecodingError: for anything else.
        """
        if len(data) != SHARE_PAIR_BYTES:
            raise DecodingError(f"two shares have {SHARE_PAIR_BYTES} bytes, not {len(data)}")
        return cls(Share.from_bytes(data[:SHARE_BYTES]), Share.from_bytes(data[SHARE_BYTES:]))


@dataclass(frozen=True)
class DealtPair:
    """What a dealer sends one holder through the server: a `SharePair`, and what it commits to.

    Attributes:
        ciphertext: the pair, encrypted for the holder.
        self_mask: commitment to its share of the self mask's seed.
        key: commitment to its share of the mask key.
    """

    ciphertext: bytes
    self_mask: bytes
    key: bytes

    def to_bytes(self) -> bytes:
        """Return `DEALT_BYTES` (146) bytes."""
        return self.ciphertext + self.self_mask + self.key

    @classmethod
    def from_bytes(cls, data: bytes) -> "DealtPair":
        """Take apart what `to_bytes` made; the messages that carry it check its length."""
        commitments = data[CIPHERTEXT_BYTES:]
        return cls(
            data[:CIPHERTEXT_BYTES], commitments[:COMMITMENT_BYTES], commitments[COMMITMENT_BYTES:]
        )


Ciphertexts: TypeAlias = tuple[tuple[ClientId, bytes], ...]
"""Peer -> `DealtPair`, in increasing order of the peers; other protocols send ciphertexts alone."""


@dataclass(frozen=True)
class EncryptedShares(ClientMessage):
    """Client to server: the shares of the client's secrets, each encrypted for one receiver.

    The server cannot read them, but keeps what the client commits to: so that each share is checked
    alone when its holder gives it back.
    """

    TYPE: ClassVar[int] = MessageType.ENCRYPTED_SHARES
    SIZE: ClassVar[int] = DEALT_BYTES
    ciphertexts: Ciphertexts

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_ciphertexts(self.ciphertexts, self.SIZE)

    def _write(self, writer: Writer) -> None:
        self.write_head(writer)
        writer.pairs(self.ciphertexts, self.SIZE)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        head = reader.fixed(SESSION_ID_BYTES), reader.uint(4)
        return cls(*head, reader.pairs(cls.SIZE))


@dataclass(frozen=True)
class DeliveredShares(SessionMessage):
    """Server to client: the shares dealt to this client, by sender.

    The senders, with the receiver, are the clients whose masks the receiver uses.
    """

    TYPE: ClassVar[int] = MessageType.DELIVERED_SHARES
    SIZE: ClassVar[int] = DEALT_BYTES
    ciphertexts: Ciphertexts

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_ciphertexts(self.ciphertexts, self.SIZE)

    def _write(self, writer: Writer) -> None:
        writer.fixed(self.session_id, SESSION_ID_BYTES)
        writer.pairs(self.ciphertexts, self.SIZE)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        return cls(reader.fixed(SESSION_ID_BYTES), reader.pairs(cls.SIZE))


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
    accused: tuple[ClientId, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        check_increasing(self.accused)
        if not self.accused:
            raise ParameterError("a complaint names somebody")

    def _write(self, writer: Writer) -> None:
        self.write_head(writer)
        writer.ids(self.accused)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        return cls(reader.fixed(SESSION_ID_BYTES), reader.uint(4), reader.ids())


@dataclass(frozen=True)
class MaskedVector(ClientMessage):
    """Client to server: the vector under all its masks.

    Attributes:
        packed: k bits a coordinate; its length is checked against the session by the server.
    """

    TYPE: ClassVar[int] = MessageType.MASKED_VECTOR
    packed: bytes

    def _write(self, writer: Writer) -> None:
        self.write_head(writer)
        writer.sized(self.packed)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        return cls(reader.fixed(SESSION_ID_BYTES), reader.uint(4), reader.sized())


def _check_ciphertexts(ciphertexts: Ciphertexts, size: int) -> None:
    check_increasing(tuple(peer for peer, _ in ciphertexts))
    for _, ciphertext in ciphertexts:
        check_size("ciphertext", ciphertext, size)
