"""The arithmetic of the last stage: secrets come back from shares, and masks come off the sum.

Run by the server. A secret that was reconstructed is checked against what its owner published, so
that a false share is noticed. Where dealers commit to every share, each is checked alone, and whom
a false one is the fault of is certain. Where they do not, its giver or its dealer may have lied,
and nobody is named.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crypto.errors import ShareError, ThresholdError
from crypto.parties import ClientId
from crypto.primitives.key_agreement import AgreementKeyPair
from crypto.primitives.shamir import Reconstructor, Share
from crypto.primitives.share_decoding import find_secret
from crypto.protocols.masking.keys import commit_to_seed
from crypto.protocols.masking.messages import AdvertisedKeys


@dataclass(frozen=True)
class Unmasked:
    """What a session leaves behind.

    Attributes:
        sum: shape (m,), uint64, 0 to 2^k - 1.
        survivors: the clients in the sum.
        false_holders: clients whose shares were certainly false, and were not needed.
    """

    sum: NDArray[np.uint64]
    survivors: tuple[ClientId, ...]
    false_holders: tuple[ClientId, ...]


class SecretRecovery:
    """Reconstructs the secrets of one session.

    Args:
        threshold: fewest shares that reconstruct.
        points: holder -> the point of its shares.
        dealers_commit: whether the shares handed in are those that their dealers committed to.
    """

    def __init__(
        self, threshold: int, points: Mapping[ClientId, int], *, dealers_commit: bool
    ) -> None:
        self._threshold = threshold
        self._points = points
        self._dealers_commit = dealers_commit
        self._reconstructor = Reconstructor()
        self.findings: list[ShareError] = []
        """What was found wrong with shares without which the secrets came back."""

    def self_mask_seed(self, keys: AdvertisedKeys, shares: Mapping[ClientId, Share]) -> bytes:
        """Return the seed of a survivor's self mask.

        Args:
            keys: what the survivor advertised.
            shares: holder -> share.

        Raises:
            ThresholdError: if there are too few shares.
            ShareError: if no seed fits the commitment; it names the owner of the secret if dealers
                commit, else nobody.
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
        by_point = {self._points[holder]: share for holder, share in shares.items()}
        try:
            secret = self._reconstructor.reconstruct(by_point, self._threshold)
            if is_right(secret):
                return secret
        except ShareError:
            pass
        error = self._blame(owner, shares)
        found = find_secret(by_point, self._threshold, is_right)
        if found is None:
            raise error
        self.findings.append(error)
        return found

    def _blame(self, owner: ClientId, holders: Iterable[ClientId]) -> ShareError:
        """Say whose fault shares that do not fit a secret are: its dealer's, if that is certain."""
        if self._dealers_commit:
            return ShareError("the shares that it committed to fit no secret", owner)
        listed = ", ".join(map(str, sorted(holders)))
        return ShareError(
            f"shares of client {owner} do not fit together: it dealt them falsely, or some of the "
            f"clients {listed} gave them back falsely, which cannot be told apart"
        )
