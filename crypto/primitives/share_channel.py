"""Keys under which two clients send each other one message each way, through a server."""

from dataclasses import dataclass, field
from typing import Self

from crypto.domain import domain_tag, encode_id
from crypto.parties import ClientId
from crypto.primitives.aead import KEY_BYTES
from crypto.primitives.key_agreement import AgreementKeyPair, derive_key


@dataclass(frozen=True)
class PairKeys:
    """One client's view of the keys that it shares with a peer in one session.

    Attributes:
        sending: from the client whose keys these are; for one message only.
        receiving: to it.
    """

    sending: bytes = field(repr=False)
    receiving: bytes = field(repr=False)

    @classmethod
    def derive(
        cls,
        purpose: str,
        own: ClientId,
        keys: AgreementKeyPair,
        peer: ClientId,
        peer_key: bytes,
        session_id: bytes,
    ) -> Self:
        """Derive both keys; the peer derives the same with the directions exchanged.

        Args:
            purpose: a protocol's name for these keys.
            own: the client whose key pair is at hand.
            keys: its key pair of this session.
            peer: the other client.
            peer_key: the other's public key.
            session_id: the session.

        Raises:
            WrongContentError: if the peer's key admits no key agreement.
        """
        low, high = sorted((own, peer))
        info = domain_tag(purpose, session_id, encode_id(low), encode_id(high))
        both = derive_key(keys.agree(peer_key), info, 2 * KEY_BYTES)
        upward, downward = both[:KEY_BYTES], both[KEY_BYTES:]
        return cls(upward, downward) if own == low else cls(downward, upward)
