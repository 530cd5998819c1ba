"""Where system keys come from: an authority, or the clients themselves."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Generic

from crypto.groups.base import Element, Group
from crypto.parties import ClientId
from crypto.primitives.signatures import SigningIdentity, VerifyKey
from crypto.protocols.dkg.session import KeyGenerations
from crypto.protocols.dkg.stages import Stage as DkgStage
from crypto.protocols.elgamal_sum.authority import KeyAuthority, KeyDelivery, announce
from crypto.protocols.elgamal_sum.client import ElGamalClient
from crypto.randomness import Randomness
from crypto.session.costs import Costs
from crypto.session.secure_sum import Refusal


class KeySource(ABC, Generic[Element]):
    """Makes system keys for cohorts.

    Attributes:
        authority: the verify key of the authority; None if there is none.
    """

    authority: VerifyKey | None = None

    @abstractmethod
    def make_key(
        self,
        clients: Mapping[ClientId, ElGamalClient[Element]],
        threshold: int,
        absent: frozenset[ClientId],
    ) -> tuple[KeyDelivery, Costs, tuple[Refusal, ...]]:
        """Make a new key.

        Args:
            clients: the cohort.
            threshold: e.
            absent: clients that are not there to help.

        Returns:
            The key, what making it cost beyond the session's own messages, and what was refused.

        Raises:
            SessionAbortedError: if too few clients are there to help.
        """


class AuthorityKeys(KeySource[Element]):
    """Keys dealt by a trusted authority: section 4.3.1 of the paper.

    Args:
        group: where keys live.
        identity: signs what the authority announces; None if nobody signs.
        randomness: where keys come from.
    """

    def __init__(
        self, group: Group[Element], identity: SigningIdentity | None, randomness: Randomness
    ) -> None:
        self.authority = identity.verify_key if identity is not None else None
        self._authority = KeyAuthority(group, identity, randomness)

    def make_key(
        self,
        clients: Mapping[ClientId, ElGamalClient[Element]],
        threshold: int,
        absent: frozenset[ClientId],  # noqa: ARG002
    ) -> tuple[KeyDelivery, Costs, tuple[Refusal, ...]]:
        """Let the authority deal; the shares travel with the invitations, to the absent later."""
        receivers = {client: role.agreement_key for client, role in clients.items()}
        return self._authority.deal(receivers, threshold), Costs(), ()


class GeneratedKeys(KeySource[Element]):
    """Keys that the clients make by distributed key generation: no authority.

    Args:
        generations: how they make them.
        randomness: where the nonces of announcements come from.
    """

    def __init__(self, generations: KeyGenerations[Element], randomness: Randomness) -> None:
        self._generations = generations
        self._randomness = randomness

    def make_key(
        self,
        clients: Mapping[ClientId, ElGamalClient[Element]],
        threshold: int,
        absent: frozenset[ClientId],
    ) -> tuple[KeyDelivery, Costs, tuple[Refusal, ...]]:
        """Let the clients make a key, and keep their shares of it."""
        dropouts = dict.fromkeys(absent, DkgStage.ADVERTISE_KEYS.value)
        made = self._generations.run(tuple(clients), threshold, dropouts)
        for client, share in made.shares.items():
            clients[client].hold(made.key, share, made.clients, made.epoch)
        announcement = announce(made.key, made.clients, self._randomness, made.epoch)
        delivery = KeyDelivery(announcement, frozenset(made.shares))
        return delivery, made.costs, made.refusals
