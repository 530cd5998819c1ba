"""A dealer's secrets: its two polynomials, its commitments to them, and the shares it encrypts."""

from collections.abc import Mapping
from typing import Generic

from crypto.domain import domain_tag, encode_id
from crypto.groups.base import Element, Group
from crypto.groups.pedersen import Pedersen
from crypto.parties import ClientId
from crypto.primitives.aead import TAG_BYTES, decrypt_once, encrypt_once
from crypto.primitives.key_agreement import AgreementKeyPair
from crypto.primitives.shamir import evaluate, random_polynomial
from crypto.primitives.share_channel import PairKeys
from crypto.protocols.dkg.messages import Ciphertexts
from crypto.protocols.dkg.shares import SharePair
from crypto.randomness import Randomness


class Dealer(Generic[Element]):
    """One client as dealer of its part of the key.

    Args:
        group: where the key will live.
        threshold: e, the number of coefficients.
        randomness: where the polynomials come from.
    """

    def __init__(self, group: Group[Element], threshold: int, randomness: Randomness) -> None:
        self._group = group
        exponents = group.exponents
        self._secret, self._blinding = (
            random_polynomial(exponents.random(randomness), threshold, exponents, randomness)
            for _ in range(2)
        )

    def pedersen_commitments(self) -> bytes:
        """Return C_k = g^(a_k) H^(b_k), encoded."""
        pedersen = Pedersen(self._group)
        pairs = zip(self._secret, self._blinding, strict=True)
        return self._group.encode_all(pedersen.commit(a, b) for a, b in pairs)

    def feldman_commitments(self) -> bytes:
        """Return A_k = g^(a_k), encoded."""
        return self._group.encode_all(map(self._group.generator_power, self._secret))

    def pair_at(self, point: int) -> SharePair:
        """Return what the receiver at a point gets."""
        exponents = self._group.exponents
        (share,) = evaluate(self._secret, [point], exponents)
        (blinding,) = evaluate(self._blinding, [point], exponents)
        return SharePair(share, blinding)


class ShareChannel(Generic[Element]):
    """How pairs of shares travel from dealers to receivers in one session.

    Args:
        group: whose exponents the shares are.
        session_id: the session that every key and ciphertext is bound to.
    """

    def __init__(self, group: Group[Element], session_id: bytes) -> None:
        self._group = group
        self._session_id = session_id

    @property
    def ciphertext_bytes(self) -> int:
        """The length of every ciphertext."""
        return 2 * self._group.exponents.element_bytes + TAG_BYTES

    def encrypt(
        self,
        dealer: ClientId,
        keys: Mapping[ClientId, AgreementKeyPair],
        receivers: Mapping[ClientId, bytes],
        pairs: Mapping[ClientId, SharePair],
    ) -> Ciphertexts:
        """Encrypt each receiver's pair for it alone; run by the dealer.

        Args:
            dealer: who deals.
            keys: receiver -> the dealer's key pair for it.
            receivers: receiver -> its public key for this dealer.
            pairs: receiver -> its pair.

        Raises:
            WrongContentError: naming a receiver whose key admits no key agreement.
        """
        return tuple(
            (
                receiver,
                encrypt_once(
                    self._keys(dealer, keys[receiver], receiver, public).sending,
                    pairs[receiver].to_bytes(self._group),
                    self._binding(dealer, receiver),
                ),
            )
            for receiver, public in sorted(receivers.items())
        )

    def open(
        self,
        dealer: ClientId,
        dealer_key: bytes,
        receiver: ClientId,
        keys: AgreementKeyPair,
        ciphertext: bytes,
    ) -> SharePair:
        """Decrypt what a dealer sent; run by the receiver, and by all when it complains.

        Args:
            dealer: who dealt.
            dealer_key: its public key for this receiver.
            receiver: for whom it is.
            keys: the receiver's key pair for this dealer.
            ciphertext: what the dealer sent.

        Raises:
            AuthenticationError: if it was not encrypted for this receiver under these keys.
            DecodingError: if it is no pair of shares.
            WrongContentError: if the dealer's key admits no key agreement.
        """
        secret = self._keys(receiver, keys, dealer, dealer_key).receiving
        data = decrypt_once(secret, ciphertext, self._binding(dealer, receiver))
        return SharePair.from_bytes(data, self._group)

    def _keys(
        self, own: ClientId, keys: AgreementKeyPair, peer: ClientId, peer_key: bytes
    ) -> PairKeys:
        return PairKeys.derive("dkg/share channel", own, keys, peer, peer_key, self._session_id)

    def _binding(self, dealer: ClientId, receiver: ClientId) -> bytes:
        return domain_tag("dkg/shares", self._session_id, encode_id(dealer), encode_id(receiver))
