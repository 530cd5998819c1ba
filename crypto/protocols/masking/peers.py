"""What a client keeps of the others, and the encrypted channels on which shares go between them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from crypto.codec import ByClient
from crypto.errors import ConsistencyError, ForeignMessageError, blaming
from crypto.parties import SERVER, ClientId
from crypto.primitives.aead import decrypt_once, encrypt_once
from crypto.primitives.key_agreement import AgreementKeyPair
from crypto.protocols.masking.keys import ShareChannelKeys, commit_to_share, share_binding
from crypto.protocols.masking.messages import SharePair


@dataclass(frozen=True)
class Peer:
    """What a client keeps of another one after the keys were exchanged.

    Attributes:
        mask_key: its public mask key.
        channel: the keys under which shares travel.
    """

    mask_key: bytes
    channel: ShareChannelKeys


def check_new_keys(known: Collection[bytes], mask_key: bytes, share_key: bytes) -> None:
    """Refuse a client's public keys if they are equal to each other or to one met before.

    Raises:
        ConsistencyError: without a culprit, whom the caller knows.
    """
    if mask_key == share_key or mask_key in known or share_key in known:
        raise ConsistencyError("one key under two names")


def commit_to_pair(
    session_id: bytes, dealer: ClientId, holder: ClientId, pair: SharePair
) -> tuple[bytes, bytes]:
    """Return the commitments to both shares of a pair: of the self mask, and of the key."""
    where = session_id, dealer, holder
    return (
        commit_to_share(*where, of_key=False, share=pair.self_mask.to_bytes()),
        commit_to_share(*where, of_key=True, share=pair.key.to_bytes()),
    )


@dataclass(frozen=True)
class ShareChannels:
    """One client's channels to all its peers in one session.

    Attributes:
        client_id: the client.
        session_id: the session.
        peers: whom it has met.
    """

    client_id: ClientId
    session_id: bytes
    peers: Mapping[ClientId, Peer]

    @classmethod
    def meet(
        cls,
        client_id: ClientId,
        session_id: bytes,
        keys: AgreementKeyPair,
        others: Mapping[ClientId, tuple[bytes, bytes]],
    ) -> "ShareChannels":
        """Agree on channel keys with others.

        Args:
            client_id: the client.
            session_id: the session.
            keys: the client's share key pair.
            others: client -> its public mask key and share key.

        Raises:
            WrongContentError: naming a client whose key admits no key agreement.
        """
        peers = {}
        for other, (mask_key, share_key) in others.items():
            with blaming(other):
                channel = ShareChannelKeys.agree(client_id, keys, other, share_key, session_id)
            peers[other] = Peer(mask_key, channel)
        return cls(client_id, session_id, peers)

    def encrypt(self, shares: Mapping[ClientId, bytes]) -> ByClient[bytes]:
        """Encrypt each peer's share for it; what stands under the client's own number stays out."""
        return tuple(
            (
                holder,
                encrypt_once(
                    self.peers[holder].channel.sending,
                    shares[holder],
                    share_binding(self.session_id, self.client_id, holder),
                ),
            )
            for holder in sorted(shares)
            if holder != self.client_id
        )

    def decrypt(self, sender: ClientId, ciphertext: bytes) -> bytes:
        """Open a share that a peer dealt.

        Raises:
            ForeignMessageError: naming the server, if it comes from somebody never met.
            AuthenticationError: naming the sender.
        """
        if sender not in self.peers:
            raise ForeignMessageError(f"shares of {sender}, who advertised no keys", SERVER)
        binding = share_binding(self.session_id, sender, self.client_id)
        with blaming(sender):
            return decrypt_once(self.peers[sender].channel.receiving, ciphertext, binding)
