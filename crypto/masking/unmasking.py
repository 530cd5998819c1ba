"""The arithmetic of the last stage: secrets come back from shares, and masks come off the sum.

Run by the server. A secret that was reconstructed is checked against what its owner published, so
that a false share is noticed; with one share to spare its giver is found and left out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crypto.errors import ShareError, ThresholdError
from crypto.key_agreement import AgreementKeyPair
from crypto.masking.keys import commit_to_seed
from crypto.masking.messages import AdvertisedKeys
from crypto.parties import ClientId
from crypto.shamir import Reconstructor, Share


@dataclass(frozen=True)
class Unmasked:
    """What a session leaves behind.

    Attributes:
        sum: shape (m,), uint64, 0 to 2^k - 1.
        survivors: the clients in the sum.
        false_holders: clients whose shares were false, and were not needed.
    """

    sum: NDArray[np.uint64]
    survivors: tuple[ClientId, ...]
    false_holders: tuple[ClientId, ...]


class SecretRecovery:
    """Reconstructs the secrets of one session.

    Args:
        threshold: fewest shares that reconstruct.
        points: holder -> the point of its shares.
    """

    def __init__(self, threshold: int, points: Mapping[ClientId, int]) -> None:
        self._threshold = threshold
        self._points = points
        self._reconstructor = Reconstructor()
        self.false_holders: set[ClientId] = set()
        """Clients found to have given a false share."""

    def self_mask_seed(self, keys: AdvertisedKeys, shares: Mapping[ClientId, Share]) -> bytes:
        """Return the seed of a survivor's self mask.

        Args:
            keys: what the survivor advertised.
            shares: holder -> share.

        Raises:
            ThresholdError: if there are too few shares.
            ShareError: if no seed fits the commitment, naming the owner of the secret.
        """

        def is_right(seed: bytes) -> bool:
            commitment = commit_to_seed(keys.session_id, keys.sender, seed)
            return commitment == keys.seed_commitment

        return self._recover(keys.sender, shares, is_right)

    def mask_keys(
        self, owner: ClientId, mask_key: bytes, shares: Mapping[ClientId, Share]
    ) -> AgreementKeyPair:
        """Return the mask key pair of a client that dropped out; raises as `self_mask_seed`.

        Args:
            owner: the client.
            mask_key: the public half, as it was advertised.
            shares: holder -> share of the private half.
        """

        def is_right(private: bytes) -> bool:
            return AgreementKeyPair.from_private(private).public == mask_key

        return AgreementKeyPair.from_private(self._recover(owner, shares, is_right))

    def _recover(
        self, owner: ClientId, shares: Mapping[ClientId, Share], is_right: Callable[[bytes], bool]
    ) -> bytes:
        if len(shares) < self._threshold:
            raise ThresholdError(f"shares of client {owner}", len(shares), self._threshold)
        secret = self._try(shares, is_right)
        if secret is not None:
            return secret
        if len(shares) > self._threshold:
            # Those who lied about another secret are the first to be suspected.
            for suspect in sorted(shares, key=lambda holder: holder not in self.false_holders):
                others = {holder: shares[holder] for holder in shares if holder != suspect}
                secret = self._try(others, is_right)
                if secret is not None:
                    self.false_holders.add(suspect)
                    return secret
        raise ShareError("no secret fits the shares: it was dealt, or given back, falsely", owner)

    def _try(
        self, shares: Mapping[ClientId, Share], is_right: Callable[[bytes], bool]
    ) -> bytes | None:
        by_point = {self._points[holder]: share for holder, share in shares.items()}
        try:
            secret = self._reconstructor.reconstruct(by_point, self._threshold)
        except ShareError:
            return None
        return secret if is_right(secret) else None
