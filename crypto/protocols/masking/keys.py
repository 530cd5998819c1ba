"""What the keys of a session are bound to: the same for clients and server.

Every key, commitment and ciphertext is tagged with the session, which is the hash of all that the
server announced, and with the one or two clients concerned.
"""

import functools
import hashlib
from typing import Self

from crypto.domain import domain_hash, domain_tag, encode_id
from crypto.parties import ClientId
from crypto.primitives.key_agreement import AgreementKeyPair, derive_key
from crypto.primitives.share_channel import PairKeys


def pairwise_seed(
    own: ClientId, keys: AgreementKeyPair, peer: ClientId, peer_key: bytes, session_id: bytes
) -> bytes:
    """Return the 32-byte seed of the mask that two clients share; both compute the same.

    Args:
        own: the client whose key pair is at hand.
        keys: its mask key pair.
        peer: the other client.
        peer_key: the other's public mask key.
        session_id: the session.

    Raises:
        WrongContentError: if the peer's key admits no key agreement.
    """
    low, high = sorted((own, peer))
    info = domain_tag("masking/pairwise mask", session_id, encode_id(low), encode_id(high))
    return derive_key(keys.agree(peer_key), info)


def adds_pairwise_mask(own: ClientId, peer: ClientId) -> bool:
    """Tell the sign: of two clients the lower adds the mask and the higher subtracts it."""
    return own < peer


class ShareChannelKeys(PairKeys):
    """The keys under which two clients send each other shares, one message each way."""

    @classmethod
    def agree(
        cls,
        own: ClientId,
        keys: AgreementKeyPair,
        peer: ClientId,
        peer_key: bytes,
        session_id: bytes,
    ) -> Self:
        """Derive both keys from the clients' share keys; arguments as in `pairwise_seed`."""
        return cls.derive("masking/share channel", own, keys, peer, peer_key, session_id)


def share_binding(session_id: bytes, sender: ClientId, receiver: ClientId) -> bytes:
    """Return the associated data of the shares that one client sends another."""
    return domain_tag("masking/shares", session_id, encode_id(sender), encode_id(receiver))


def commit_to_seed(session_id: bytes, client: ClientId, seed: bytes) -> bytes:
    """Return the commitment to a self mask's seed; the seed's 256 bits hide it."""
    return domain_hash("masking/self mask", session_id, encode_id(client), seed)


def commit_to_share(
    session_id: bytes, dealer: ClientId, holder: ClientId, *, of_key: bool, share: bytes
) -> bytes:
    """Return the commitment to one share, by which it is recognised when it is given back.

    Its 256 bits hide it: each single share is uniform.

    Args:
        session_id: the session.
        dealer: whose secret is shared.
        holder: who has the share.
        of_key: whether it is a share of the mask key, or else of the self mask's seed.
        share: as it is encoded.
    """
    fields = encode_id(dealer) + encode_id(holder) + bytes([of_key])
    return hashlib.sha256(_share_tag(session_id) + fields + share).digest()


@functools.lru_cache(maxsize=8)
def _share_tag(session_id: bytes) -> bytes:
    return domain_tag("masking/share", session_id)
