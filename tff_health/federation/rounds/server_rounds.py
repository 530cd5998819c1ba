"""The server's part in one training round: who has trained, and the secure sums over them."""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from crypto.errors import OpenedRoundError, ThresholdError
from crypto.parties import ClientId, Party, describe
from crypto.protocols.quality_sum.joint_roles import JointRoles, QualitySumResult
from crypto.session.apart.conductor import Session, StoppedError
from crypto.session.costs import Costs
from crypto.session.secure_sum import Refusal, SessionAbortedError, SumResult
from crypto.session.sum_roles import SumRoles, VectorShape
from tff_health.federation.errors import FederationError
from tff_health.federation.rounds.messages import (
    TASK,
    RoundOffer,
    RoundReady,
)
from tff_health.federation.rounds.purpose import TRAINING, Purpose
from tff_health.secure_aggregation.protocols import SumProtocol, verified_by
from tff_health.secure_aggregation.round_record import culprits_of
from tff_health.secure_aggregation.sessions import SumSession
from tff_health.secure_aggregation.slots import Slot

MOST_ATTEMPTS = 5
_LOOK_EVERY = 0.25


@dataclass(frozen=True)
class Patience:
    """How long the server waits, in seconds.

    Attributes:
        training: for a site that trains.
        gathering: for the others, once enough sites are there to begin a round.
    """

    training: float
    gathering: float = 10.0


@dataclass(frozen=True)
class RoundSums:
    """The secure sums of one round.

    Attributes:
        binding: of the round's offer.
        cohort: the clients that had trained.
        survivors: those in every sum; none if the round was lost.
        sums: an integer array for each slot; none if it was lost.
        costs: of all sessions, failed ones too.
        refusals: what parties did not accept.
        aborted_attempts: sessions that had to be repeated.
        seconds_training: until the last site had trained, or was not waited for any more.
        lone_share: as in `crypto.session.secure_sum.SumResult`.
        lost: why the round was lost; empty if it was not.
        verified_by: the clients that found every sum right; None if they could not check them.
    """

    binding: bytes
    cohort: tuple[ClientId, ...]
    survivors: tuple[ClientId, ...]
    sums: Sequence[Any]
    costs: Costs
    refusals: tuple[Refusal, ...]
    aborted_attempts: int
    seconds_training: float
    lone_share: float = 0.0
    lost: str = ""
    verified_by: tuple[ClientId, ...] | None = None


class ServerRounds:
    """Runs the rounds of one study with sites that are apart.

    A site that was found to have sent false shares or proofs is left out of all later attempts.

    Args:
        asking: reaches them.
        protocol: computes the secure sums.
        slots: what is summed.
        study: digest of the study.
        fewest: clients with which a round can begin.
        needed: further parties without which none can, such as a key holder.
        patience: how long the server waits.
        tell: is told, in a line for people, what goes on.
        purpose: what sites are asked to compute.
    """

    def __init__(
        self,
        asking: Session,
        protocol: SumProtocol,
        slots: Sequence[Slot],
        study: bytes,
        *,
        fewest: int,
        needed: Collection[Party] = (),
        patience: Patience,
        tell: Callable[[str], None] = lambda _: None,
        purpose: Purpose = TRAINING,
    ) -> None:
        self._asking = asking
        self._slots = slots
        labels = {id(one): label for label, one in protocol.by_label.items()}
        self._sessions = [
            (purpose.prefix + labels[id(s.protocol)], s) for s in protocol.sessions(slots)
        ]
        self._purpose = purpose
        self._study = study
        self._fewest = fewest
        self._needed = frozenset(needed)
        self._away: frozenset[Party] = frozenset()
        self._excluded: frozenset[ClientId] = frozenset()
        self._patience = patience
        self._tell = tell

    def run(
        self, model: bytes, round_number: int, draw: Callable[[int], Collection[ClientId]]
    ) -> RoundSums:
        """Runs one round, in up to five attempts.

        Args:
            model: weights that sites train on.
            round_number: from 1.
            draw: from an attempt, from 1, to the clients that are asked in it.

        Raises:
            FederationError: if every attempt was aborted before its sum could have been opened.
            SessionAbortedError: with a `StoppedError` as its reason if the program is ending.
        """
        offer = RoundOffer(self._study, round_number, model)
        costs, seconds, most = Costs(), 0.0, 1 if self._purpose.is_optional else MOST_ATTEMPTS
        refusals: tuple[Refusal, ...] = ()
        for attempt in range(1, most + 1):
            asked = [client for client in draw(attempt) if client not in self._excluded]
            if len(asked) < self._fewest and self._excluded:
                raise FederationError(
                    f"round {round_number}: {len(asked)} sites are left, {self._fewest} are "
                    "needed; the others sent false shares or proofs"
                )
            ready, took, refused = self._train(offer, asked)
            seconds, refusals = seconds + took, refusals + refused
            try:
                done = self._sum(offer, ready)
            except SessionAbortedError as error:
                costs, refusals = costs + error.costs, refusals + error.refusals
                self._leave_out(error.refusals)
                for refusal in error.refusals:
                    self._tell(f"round {round_number}, {refusal}")
                if isinstance(error.reason, StoppedError):
                    raise
                told = any(isinstance(r.error, OpenedRoundError) for r in error.refusals)
                if error.may_be_opened or told:
                    spent = costs, refusals, attempt - 1, seconds
                    binding = offer.binding(self._purpose)
                    return RoundSums(binding, ready, (), (), *spent, lost=str(error))
                if attempt < most:
                    self._tell(f"round {round_number}: {error}; another attempt")
                continue
            self._leave_out(done.refusals)
            return replace(
                done,
                costs=costs + done.costs,
                refusals=refusals + done.refusals,
                aborted_attempts=attempt - 1,
                seconds_training=seconds,
            )
        last = refusals[-1] if refusals else "too few sites"
        if self._purpose.is_optional:
            raise FederationError(f"round {round_number} was aborted (last: {last})")
        raise FederationError(
            f"round {round_number} was aborted {most} times before its sum could have "
            f"been opened (last: {last}); the state after "
            f"round {round_number - 1} is kept: start the server again once more sites are there"
        )

    def _train(
        self, offer: RoundOffer, clients: Collection[ClientId]
    ) -> tuple[tuple[ClientId, ...], float, tuple[Refusal, ...]]:
        """Lets sites train; returns who has, how long it took, and who refused."""
        self._gather(clients)
        start = time.monotonic()
        asked: dict[Party, bytes] = dict.fromkeys(sorted(clients), offer.to_bytes())
        answer = RoundReady(offer.round_id, offer.binding(self._purpose)).to_bytes()
        stage = self._purpose.stage
        ready: list[ClientId] = []
        refusals: list[Refusal] = []
        for reply in self._asking.ask(TASK, stage, asked, self._patience.training):
            if reply.refusal is not None:
                refusals.append(Refusal(stage, reply.party, reply.refusal))
                self._tell(f"{describe(reply.party)} does not {stage}: {reply.refusal}")
            elif reply.data == answer and isinstance(reply.party, int):
                ready.append(reply.party)
        return tuple(sorted(ready)), time.monotonic() - start, tuple(refusals)

    def _leave_out(self, refusals: Collection[Refusal]) -> None:
        if new := culprits_of(refusals) - self._excluded:
            self._excluded |= new
            names = ", ".join(map(describe, sorted(new)))
            self._tell(f"left out from now on, for false shares or proofs: {names}")

    def _gather(self, clients: Collection[ClientId]) -> None:
        """Waits until enough parties are there, and a while for the others.

        Who hangs is not waited for; who is away is once, until it has been there again.
        """
        wanted, told, since, begun = frozenset(clients), False, 0.0, time.monotonic()
        while True:
            present, silent = self._asking.present, self._asking.silent
            self._away -= present
            there, missing = wanted & present, self._needed - present
            now = time.monotonic()
            if len(there) < self._fewest or missing:
                if self._purpose.is_optional and now - begun > self._patience.gathering:
                    return
                since = 0.0
                if not told:
                    names = "".join(f", and for {describe(party)}" for party in missing)
                    self._tell(f"waiting for sites: {len(there)} of {self._fewest} needed{names}")
                told = True
            else:
                awaited = wanted - there - silent - self._away
                since = since or now
                if not awaited or now - since > self._patience.gathering:
                    self._away |= awaited
                    return
            self._asking.wait(_LOOK_EVERY)

    def _sum(self, offer: RoundOffer, cohort: tuple[ClientId, ...]) -> RoundSums:
        """Runs the sessions of a round, one after the other, over one set of survivors."""
        if len(cohort) < self._fewest:
            few = ThresholdError("sites that have trained", len(cohort), self._fewest)
            raise SessionAbortedError(self._purpose.stage, few, Costs(), ())
        found: dict[int, Any] = {}
        binding, verifications = offer.binding(self._purpose), []
        costs, survivors, lone = Costs(), cohort, 0.0
        refusals: tuple[Refusal, ...] = ()
        for label, session in self._sessions:
            try:
                result = _serve(self._asking, label, session, survivors, offer.round_id, binding)
            except SessionAbortedError as error:
                error.costs, error.refusals = costs + error.costs, refusals + error.refusals
                error.may_be_opened |= bool(found)
                raise
            if found and result.survivors != survivors:
                raise FederationError(
                    "sites dropped out between the two secure sums of a round, which are over "
                    "different sites now"
                )
            quality = getattr(result, "quality_sum", None)
            left = len(result.survivors)
            found |= session.sums(result.sum, len(survivors), quality, num_survivors=left)
            survivors = result.survivors
            costs, refusals = costs + result.costs, refusals + result.refusals
            verifications.append(result.verification)
            lone = max(lone, getattr(result, "lone_share", 0.0))
        sums, checked = [found[i] for i in range(len(self._slots))], verified_by(verifications)
        fixed = binding, cohort, survivors, sums
        return RoundSums(*fixed, costs, refusals, 0, 0.0, lone, verified_by=checked)


def _serve(
    asking: Session,
    label: str,
    session: SumSession,
    cohort: tuple[ClientId, ...],
    round_id: int,
    binding: bytes,
) -> SumResult | QualitySumResult:
    """Runs one session of a round."""
    protocol = session.protocol
    clients = len(cohort)
    shape = VectorShape(session.length, session.bits(clients), session.norm(clients))
    if isinstance(protocol, JointRoles):
        quality = session.max_quality or 0
        return protocol.serve(
            asking,
            label,
            cohort,
            shape,
            max_quality=quality,
            round_id=round_id,
            binding=binding,
        )
    if isinstance(protocol, SumRoles):
        return protocol.serve(asking, label, cohort, shape, round_id=round_id, binding=binding)
    raise TypeError(f"{type(protocol).__name__} has no roles that can be apart")
