"""What a client insists on before it takes part in a key generation."""

from collections.abc import Collection
from dataclasses import dataclass

from crypto.errors import ParameterError, PolicyError, ReplayError
from crypto.parties import ClientId
from crypto.protocols.dkg.messages import Invitation


@dataclass(frozen=True)
class GenerationPolicy:
    """The least that a client accepts: its own defence against a server that announces less.

    Attributes:
        cohort: the clients with which it makes a key; None: all that it knows, its registry.
        colluders: c, how many clients may be on the server's side, at least 0.
        majority_required: whether 2 e > n + c must hold, so that no two sets of clients can be led
            to different keys. False only where all parties follow the protocol.
        last_epoch: the epoch of the newest system key that it holds; 0: it holds none.

    Raises:
        ParameterError: for a negative number.
    """

    cohort: frozenset[ClientId] | None = None
    colluders: int = 0
    majority_required: bool = True
    last_epoch: int = 0

    def __post_init__(self) -> None:
        if self.colluders < 0 or self.last_epoch < 0:
            raise ParameterError("colluders and last_epoch must be at least 0")

    def agreed(self, registry: Collection[ClientId]) -> frozenset[ClientId] | None:
        """Return the only cohort that is accepted; None, without registry, for any.

        Args:
            registry: the clients whose verify keys are known; empty in sessions without signatures.
        """
        if self.cohort is not None:
            return self.cohort
        return frozenset(registry) or None

    def least_threshold(self, num_clients: int) -> int:
        """Return the least e that is accepted for a cohort of some size."""
        return (num_clients + self.colluders) // 2 + 1 if self.majority_required else 1

    def check(self, invitation: Invitation, registry: Collection[ClientId]) -> None:
        """Refuse a key generation that is weaker than this policy.

        Raises:
            PolicyError: for another cohort than the agreed one, or a threshold too low for it.
            ReplayError: for an epoch that is not later than that of the key that is held.
        """
        agreed = self.agreed(registry)
        if agreed is not None and agreed != frozenset(invitation.cohort):
            others = sorted(agreed.symmetric_difference(invitation.cohort))
            raise PolicyError(f"not the cohort agreed to: it differs in clients {others[:5]}")
        least = self.least_threshold(len(invitation.cohort))
        if invitation.threshold < least:
            raise PolicyError(
                f"threshold {invitation.threshold} of {len(invitation.cohort)} clients: against a "
                f"server with {self.colluders} colluding clients it must be at least {least}"
            )
        if invitation.epoch <= self.last_epoch:
            raise ReplayError(
                f"a key of epoch {invitation.epoch}, and this client holds one of epoch "
                f"{self.last_epoch}"
            )
