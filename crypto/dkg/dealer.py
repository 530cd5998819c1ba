"""A dealer's secrets: its two polynomials, its commitments to them, and the shares it encrypts."""

from collections.abc import Mapping
from typing import Generic

from crypto.aead import decrypt_once, encrypt_once
from crypto.dkg.messages import Ciphertexts
from crypto.dkg.record import SharePair
from crypto.domain import domain_tag, encode_id
from crypto.groups import Element, Group
from crypto.parties import ClientId
from crypto.pedersen import Pedersen
from crypto.randomness import Randomness
from crypto.shamir import evaluate, random_polynomial
from crypto.share_channel import PairKeys


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


def seal_pairs(
    group: Group[Element],
    session_id: bytes,
    dealer: ClientId,
    pairs: Mapping[ClientId, SharePair],
    keys: Mapping[ClientId, PairKeys],
) -> Ciphertexts:
    """Encrypt each receiver's pair for it alone."""
    return tuple(
        (
            receiver,
            encrypt_once(
                keys[receiver].sending,
                pairs[receiver].to_bytes(group),
                _binding(session_id, dealer, receiver),
            ),
        )
        for receiver in sorted(pairs)
    )


def open_pair(
    group: Group[Element],
    session_id: bytes,
    dealer: ClientId,
    receiver: ClientId,
    ciphertext: bytes,
    keys: PairKeys,
) -> SharePair:
    """Decrypt what a dealer sent a receiver; run by the receiver.

    Raises:
        AuthenticationError: if it was altered or is for somebody else.
        DecodingError: if it is no pair of shares.
    """
    data = decrypt_once(keys.receiving, ciphertext, _binding(session_id, dealer, receiver))
    return SharePair.from_bytes(data, group)


def _binding(session_id: bytes, dealer: ClientId, receiver: ClientId) -> bytes:
    return domain_tag("dkg/shares", session_id, encode_id(dealer), encode_id(receiver))
