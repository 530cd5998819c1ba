"""What stands behind the secure sums of a computation: protocols of `crypto`, bound to them."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from crypto.parties import ClientId
from crypto.protocols.quality_sum.joint import JointSum
from crypto.session.costs import Costs
from crypto.session.faults import Fault
from crypto.session.secure_sum import (
    IntegerSum,
    Refusal,
    SecureSum,
    SessionAbortedError,
    SumResult,
    Verification,
)
from tff_health.errors import RunError
from tff_health.secure_aggregation.sessions import SumSession
from tff_health.secure_aggregation.slots import (
    KINDS,
    Kind,
    Slot,
    check_integers,
    common_bits,
)


@dataclass(frozen=True)
class RoundPlan:
    """Who takes part in one round, and what goes wrong.

    Attributes:
        round_id: number of the round, 0 to 2^64 - 1.
        clients: the cohort, in the order of the data.
        dropouts: client -> the stage of the protocol in which it no longer answers.
        faults: what happens to single messages.
        binding: digest of what the server gave the clients; empty if sums are bound to nothing.
    """

    round_id: int
    clients: tuple[ClientId, ...]
    dropouts: Mapping[ClientId, str] = field(default_factory=dict)
    faults: Sequence[Fault] = ()
    binding: bytes = b""


@dataclass(frozen=True)
class GroupOutcome:
    """What became of one group of a cohort, where groups sum by themselves.

    Attributes:
        members: the clients dealt into it.
        survivors: those that its sum is over; none if there is no sum.
        left_out: why its mean does not count; empty if it does.
    """

    members: tuple[ClientId, ...]
    survivors: tuple[ClientId, ...]
    left_out: str = ""

    def __str__(self) -> str:
        told = f" ({self.left_out})" if self.left_out else ""
        return f"{' '.join(map(str, self.members))}{told}"


@dataclass(frozen=True)
class SumsOutcome:
    """The secure sums of one round.

    Attributes:
        sums: an integer array for each slot.
        survivors: the clients that are in every sum.
        costs: of all sessions.
        refusals: messages that roles did not accept.
        lone_share: the largest of the sessions', see `crypto.session.secure_sum.SumResult`.
        verified_by: the clients that found every sum right; None if a protocol does not let them.
        groups: what became of each group of the cohort; none if it summed as one.
    """

    sums: Sequence[Any]
    survivors: tuple[ClientId, ...]
    costs: Costs
    refusals: tuple[Refusal, ...]
    lone_share: float = 0.0
    verified_by: tuple[ClientId, ...] | None = None
    groups: tuple[GroupOutcome, ...] = ()


class SumProtocol(ABC):
    """Computes all secure sums of a round over one set of survivors.

    Attributes:
        stages: names of the stages at which clients can drop out, in their order.
        set_up_stages: those that make keys which last, so that later rounds go without.
    """

    stages: tuple[str, ...]
    set_up_stages: tuple[str, ...] = ()

    @property
    @abstractmethod
    def by_label(self) -> Mapping[str, SecureSum | JointSum]:
        """Label -> protocol; the same labels wherever this one is built from the same settings."""

    @abstractmethod
    def check(self, slots: Sequence[Slot]) -> None:
        """Refuses, before any client works, slots that no protocol is bound to.

        Raises:
            RunError: naming the kind of sum.
        """

    @abstractmethod
    def check_cohort(self, slots: Sequence[Slot], num_clients: int) -> None:
        """Refuses, before any client works, sums over so many clients that are too long.

        Raises:
            RunError: naming the kind of sum.
        """

    @abstractmethod
    def sessions(self, slots: Sequence[Slot]) -> tuple[SumSession, ...]:
        """Returns the sessions that sum all slots of a round, in the order in which they are run.

        Args:
            slots: that `check` lets pass.
        """

    @abstractmethod
    def sum(
        self, slots: Sequence[Slot], tensors: Mapping[ClientId, Sequence[Any]], plan: RoundPlan
    ) -> SumsOutcome:
        """Runs the round's sessions.

        Args:
            slots: what is summed.
            tensors: for every client of the cohort, also those that will drop out, a tensor for
                each slot.
            plan: of the round.

        Raises:
            crypto.session.secure_sum.SessionAbortedError: if a sum could not be had.
            RunError: if values do not fit their slots.
        """


class BoundProtocols(SumProtocol):
    """A protocol for each kind of sum that TFF knows; one session for all sums of one protocol.

    A client's dropout is planned by the name of a stage; with several protocols, those that have a
    stage of that name. A protocol that adds integers is given them; it also takes residues, and
    then learns their sum before it is reduced.

    Args:
        bitwidth: for `tff.federated_secure_sum_bitwidth`.
        max_input: for `tff.federated_secure_sum`.
        modular: for `tff.backends.mapreduce.federated_secure_modular_sum`.
    """

    def __init__(
        self,
        *,
        bitwidth: SecureSum | None = None,
        max_input: SecureSum | None = None,
        modular: SecureSum | None = None,
    ) -> None:
        self._bound: dict[Kind, SecureSum | None] = {
            "bitwidth": bitwidth,
            "max_input": max_input,
            "modular": modular,
        }
        self._protocols = list(dict.fromkeys(filter(None, self._bound.values())))
        names = [stage for protocol in self._protocols for stage in protocol.stages]
        self.stages = tuple(dict.fromkeys(names))

    @property
    def by_label(self) -> Mapping[str, SecureSum | JointSum]:
        """Label -> protocol; see `SumProtocol.by_label`."""
        return {f"sum {number}": one for number, one in enumerate(self._protocols, start=1)}

    @classmethod
    def to_all(cls, protocol: SecureSum) -> "BoundProtocols":
        """Binds one protocol to every kind of sum: one session a round."""
        return cls(bitwidth=protocol, max_input=protocol, modular=protocol)

    def check(self, slots: Sequence[Slot]) -> None:
        """Refuses slots of a kind without a protocol."""
        missing = [k for k in KINDS if self._bound[k] is None and k in {s.kind for s in slots}]
        if missing:
            raise RunError(
                f"the computation declares secure sums of kind {', '.join(missing)}, and no "
                "protocol is bound to them: bind one; they are never added in the clear"
            )

    def check_cohort(self, slots: Sequence[Slot], num_clients: int) -> None:
        """Refuses sums that need more than 62 bits."""
        for slot in slots:
            if isinstance(self._bound[slot.kind], IntegerSum):
                check_integers([slot], num_clients)
            else:
                bound = self._bound[slot.kind]
                common_bits([slot], num_clients, centred=bound is not None and bound.centred)

    def sessions(self, slots: Sequence[Slot]) -> tuple[SumSession, ...]:
        """Returns a session for each protocol that has slots."""
        positions = {
            protocol: [i for i, slot in enumerate(slots) if self._bound[slot.kind] is protocol]
            for protocol in self._protocols
        }
        return tuple(SumSession.over(p, slots, chosen) for p, chosen in positions.items() if chosen)

    def sum(
        self, slots: Sequence[Slot], tensors: Mapping[ClientId, Sequence[Any]], plan: RoundPlan
    ) -> SumsOutcome:
        """Runs the sessions one after the other."""
        named = {*plan.dropouts.values(), *(fault.stage for fault in plan.faults if fault.stage)}
        if unknown := named - set(self.stages):
            raise RunError(f"no stage is called {min(unknown)!r}: {', '.join(self.stages)}")
        sums: dict[int, Any] = {}
        costs, survivors, lone_share = Costs(), plan.clients, 0.0
        verifications: list[Verification | None] = []
        refusals: tuple[Refusal, ...] = ()
        for session in self.sessions(slots):
            try:
                result = _run_session(session, {c: tensors[c] for c in survivors}, plan)
            except SessionAbortedError as error:
                error.costs, error.refusals = costs + error.costs, refusals + error.refusals
                error.may_be_opened |= bool(sums)  # those of the protocols before are
                raise
            if sums and result.survivors != survivors:
                raise RunError(
                    "clients dropped out between the sessions of two protocols, whose sums are "
                    "over different clients now; bind one protocol to all sums"
                )
            left = len(result.survivors)
            sums |= session.sums(result.sum, len(survivors), num_survivors=left)
            survivors, lone_share = result.survivors, max(lone_share, result.lone_share)
            costs, refusals = costs + result.costs, refusals + result.refusals
            verifications.append(result.verification)
        return SumsOutcome(
            [sums[i] for i in range(len(slots))],
            survivors,
            costs,
            refusals,
            lone_share,
            verified_by(verifications),
        )


def verified_by(verifications: Sequence[Verification | None]) -> tuple[ClientId, ...] | None:
    """The clients that found all sums right; None if they could not check one, or there is none."""
    receipts = [set(checked.receipts) for checked in verifications if checked is not None]
    if not receipts or len(receipts) < len(verifications):
        return None
    return tuple(sorted(set.intersection(*receipts)))


def _run_session(
    session: SumSession, tensors: Mapping[ClientId, Sequence[Any]], plan: RoundPlan
) -> SumResult:
    """Runs one session with what the plan says about its clients and stages."""
    protocol, cohort = session.protocol, len(tensors)
    if not isinstance(protocol, SecureSum):
        raise TypeError(f"{type(protocol).__name__} sums more than vectors")
    vectors = {client: session.vector(given, cohort) for client, given in tensors.items()}
    stages = protocol.stages
    dropouts = {c: stage for c, stage in plan.dropouts.items() if c in vectors and stage in stages}
    faults = [fault for fault in plan.faults if fault.stage is None or fault.stage in stages]
    run = protocol.sum_integers if isinstance(protocol, IntegerSum) else protocol.sum
    norm = session.norm(cohort)
    return run(
        vectors,
        session.bits(cohort),
        round_id=plan.round_id,
        dropouts=dropouts,
        faults=faults,
        binding=plan.binding,
        **({} if norm is None else {"norm": norm}),
    )
