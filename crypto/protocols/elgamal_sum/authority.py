"""The paper's trusted authority (4.3.1): it deals a system key and sends each client its share.

Shares travel through the server, under keys that it lacks. The authority keeps nothing of a
dealing; the secret s lives in one call of `deal`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic

from crypto.domain import domain_tag, encode_id
from crypto.elgamal.encryption import PublicKey
from crypto.elgamal.threshold import KeyDealer, KeyShare, ThresholdKey
from crypto.errors import DecodingError, MalformedMessageError, ParameterError, ShareError
from crypto.groups.base import Element, Group
from crypto.parties import SERVER, ClientId
from crypto.primitives.aead import TAG_BYTES, decrypt_once, encrypt_once
from crypto.primitives.key_agreement import KEY_BYTES, AgreementKeyPair, derive_key
from crypto.primitives.shamir import holder_point
from crypto.primitives.signatures import SigningIdentity
from crypto.protocols.elgamal_sum.messages import KeyAnnouncement
from crypto.randomness import SYSTEM, Randomness
from crypto.session.messages import NONCE_BYTES

KEY_PURPOSE = "system key"
"""Purpose of the authority's signatures."""


@dataclass(frozen=True)
class KeyDelivery:
    """A system key on its way to the clients; the server may hold all of it.

    Attributes:
        announcement: the public part.
        holders: the clients that have a share, or will have it when they get their delivery.
        signature: the authority's, of the announcement; empty if there is no authority.
        sealed_shares: client -> its share, encrypted for it alone; none after distributed key
            generation, where every client has made its own.
    """

    announcement: KeyAnnouncement
    holders: frozenset[ClientId]
    signature: bytes = b""
    sealed_shares: Mapping[ClientId, bytes] = field(default_factory=dict)


class KeyAuthority(Generic[Element]):
    """The authority, for any number of system keys.

    Args:
        group: where keys live.
        identity: signs what it announces; None only if all parties follow the protocol.
        randomness: where keys come from.
        last_epoch: of the last key that it dealt before, 0 if none; it must outlive a restart.
    """

    def __init__(
        self,
        group: Group[Element],
        identity: SigningIdentity | None,
        randomness: Randomness = SYSTEM,
        last_epoch: int = 0,
    ) -> None:
        self._group = group
        self._identity = identity
        self._randomness = randomness
        self._epoch = last_epoch

    def deal(self, receivers: Mapping[ClientId, bytes], threshold: int) -> KeyDelivery:
        """Make a system key, of an epoch later than all before.

        Args:
            receivers: client -> its long-term X25519 public key.
            threshold: e, 1 to the number of clients.

        Raises:
            ParameterError: for an impossible threshold.
            WrongContentError: for a public key that admits no key agreement.
        """
        clients = tuple(sorted(receivers))
        points = [holder_point(clients, client) for client in clients]
        dealing = KeyDealer(self._group, self._randomness).deal(threshold, points)
        ephemeral = AgreementKeyPair.generate(self._randomness)
        announcement = announce(
            dealing.key, clients, self._randomness, self._epoch + 1, ephemeral.public
        )
        self._epoch += 1
        sealed = {}
        for client, share in zip(clients, dealing.shares, strict=True):
            key = _share_key(ephemeral, receivers[client], announcement, client)
            plaintext = self._group.exponents.encode(share.value)
            sealed[client] = encrypt_once(key, plaintext, _binding(announcement, client))
        signature = b""
        if self._identity is not None:
            signature = self._identity.sign(KEY_PURPOSE, announcement.to_bytes())
        return KeyDelivery(announcement, frozenset(clients), signature, sealed)


def announce(
    key: ThresholdKey[Element],
    clients: Sequence[ClientId],
    randomness: Randomness,
    epoch: int,
    dealer_key: bytes = bytes(KEY_BYTES),
) -> KeyAnnouncement:
    """Return the public part of a key as a message."""
    return KeyAnnouncement(
        randomness.bytes(NONCE_BYTES),
        epoch,
        key.group.name,
        tuple(clients),
        key.threshold,
        key.group.encode_all(key.commitments),
        dealer_key,
    )


def read_key(announcement: KeyAnnouncement, group: Group[Element]) -> ThresholdKey[Element]:
    """Return the key that an announcement carries, with all membership checks.

    Raises:
        MalformedMessageError: naming the server, for another group or what are no elements.
    """
    if announcement.group != group.name:
        raise MalformedMessageError(f"a key in {announcement.group}, not {group.name}", SERVER)
    try:
        commitments = group.decode_all(announcement.commitments, announcement.threshold)
        public_key = PublicKey(group, commitments[0])
        return ThresholdKey(public_key, announcement.threshold, commitments)
    except (DecodingError, ParameterError) as error:
        raise MalformedMessageError(f"a system key: {error}", SERVER) from error


def open_share(
    sealed: bytes,
    announcement: KeyAnnouncement,
    client: ClientId,
    keys: AgreementKeyPair,
    key: ThresholdKey[Element],
) -> KeyShare:
    """Decrypt a share and hold it against the commitments; run by the client it is for.

    Raises:
        AuthenticationError: if it was altered, or is for another client or key.
        ShareError: if it does not fit the commitments.
        WrongContentError: if the authority's key admits no key agreement.
    """
    expected = key.group.exponents.element_bytes + TAG_BYTES
    if len(sealed) != expected:
        raise ShareError(f"a sealed share has {expected} bytes, not {len(sealed)}")
    secret = _share_key(keys, announcement.dealer_key, announcement, client)
    plaintext = decrypt_once(secret, sealed, _binding(announcement, client))
    try:
        value = key.group.exponents.decode(plaintext)
    except DecodingError as error:
        raise ShareError(str(error)) from error
    share = KeyShare(holder_point(announcement.clients, client), value)
    key.check_share(share)
    return share


def _share_key(
    own: AgreementKeyPair, other: bytes, announcement: KeyAnnouncement, client: ClientId
) -> bytes:
    info = domain_tag("elgamal_sum/share key", announcement.key_id(), encode_id(client))
    return derive_key(own.agree(other), info)


def _binding(announcement: KeyAnnouncement, client: ClientId) -> bytes:
    return domain_tag("elgamal_sum/key share", announcement.key_id(), encode_id(client))
