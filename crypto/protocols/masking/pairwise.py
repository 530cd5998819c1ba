"""The pairwise masks of one client: added by the client, completed by the server.

The server needs them for a client that dropped out after others had used masks with it.
"""

from collections.abc import Mapping

from crypto.encoding.residues import ResidueSum
from crypto.errors import blaming
from crypto.parties import ClientId
from crypto.primitives.key_agreement import AgreementKeyPair
from crypto.protocols.masking.keys import adds_pairwise_mask, pairwise_seed


def add_pairwise_masks(
    total: ResidueSum,
    own: ClientId,
    keys: AgreementKeyPair,
    peers: Mapping[ClientId, bytes],
    session_id: bytes,
) -> None:
    """Add all masks that a client shares with its peers, each with the client's own sign.

    Run by the client on its vector, and by the server on the sum with the key of a client that
    dropped out: what that client would have added cancels what the survivors added for it.

    Args:
        total: what they are added to.
        own: the client.
        keys: its mask key pair.
        peers: peer -> its public mask key.
        session_id: the session.

    Raises:
        WrongContentError: naming the peer whose key admits no key agreement.

    Source: equations (16) and (18) of the paper.
    """
    for peer, peer_key in peers.items():
        with blaming(peer):
            seed = pairwise_seed(own, keys, peer, peer_key, session_id)
        if adds_pairwise_mask(own, peer):
            total.add_mask(seed)
        else:
            total.subtract_mask(seed)
