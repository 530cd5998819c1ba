"""What is known of one computation with secure sums after it: who was in it, what it cost."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from crypto.errors import ProofError, ShareError
from crypto.parties import SERVER, ClientId
from crypto.session.costs import Costs
from crypto.session.secure_sum import Refusal
from tff_health.errors import RunError
from tff_health.secure_aggregation.protocols import GroupOutcome, RoundPlan


@dataclass(frozen=True)
class RoundRecord:
    """What one computation with secure sums did.

    Attributes:
        round_id: number of the round.
        cohort: the clients that began it.
        survivors: the clients whose contributions are in the result; none if it was aborted.
        costs: bytes and seconds of the protocol.
        refusals: messages that roles did not accept.
        seconds_training: the clients' work, on all workers.
        seconds_crypto: the protocol, all roles one after the other.
        seconds_total: all of it.
        lone_share: of the coordinates that any client changed, the share that one client alone
            did, as far as the protocol shows the server who changed what.
        verified_by: the clients that found all sums right; None if they could not check them.
        groups: what became of each group of the cohort; none if it summed as one.
    """

    round_id: int
    cohort: tuple[ClientId, ...]
    survivors: tuple[ClientId, ...]
    costs: Costs
    refusals: tuple[Refusal, ...]
    seconds_training: float
    seconds_crypto: float
    seconds_total: float
    lone_share: float = 0.0
    verified_by: tuple[ClientId, ...] | None = None
    groups: tuple[GroupOutcome, ...] = ()

    @property
    def culprits(self) -> frozenset[ClientId]:
        """Clients that the server found to have sent false shares or proofs.

        Not those whose messages were late or malformed, which a bad line can do as well, nor those
        whom other clients accuse.
        """
        return culprits_of(self.refusals)


def culprits_of(refusals: Iterable[Refusal]) -> frozenset[ClientId]:
    """Returns the clients that the server found to have sent false shares or proofs."""
    return frozenset(
        refusal.error.culprit
        for refusal in refusals
        if refusal.by == SERVER
        and isinstance(refusal.error, ShareError | ProofError)
        and isinstance(refusal.error.culprit, int)
    )


class RoundAbortedError(RunError):
    """A secure sum could not be had, because too few clients were left or some did not play fair.

    Attributes:
        record: what it did until then.
        may_be_opened: whether the server may hold a sum of the round nevertheless. If so the round
            is lost: run again with other clients it would give single clients' updates away as a
            difference of two sums. If not, nothing but masked or encrypted values was seen, and
            the round can be run again, see `SecureContext.plan_round`.
    """

    def __init__(self, message: str, record: RoundRecord, may_be_opened: bool) -> None:
        super().__init__(message)
        self.record = record
        self.may_be_opened = may_be_opened


class RoundTimer:
    """Times the phases of one round."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._seconds = {"training": 0.0, "crypto": 0.0}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Times one phase, "training" or "crypto"."""
        start = time.monotonic()
        try:
            yield
        finally:
            self._seconds[name] += time.monotonic() - start

    def record(
        self,
        plan: RoundPlan,
        survivors: tuple[ClientId, ...],
        costs: Costs,
        refusals: tuple[Refusal, ...],
    ) -> RoundRecord:
        """Returns the record of the round, which ends now."""
        return RoundRecord(
            plan.round_id,
            plan.clients,
            survivors,
            costs,
            refusals,
            self._seconds["training"],
            self._seconds["crypto"],
            time.monotonic() - self._start,
        )
