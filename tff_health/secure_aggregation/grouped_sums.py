"""Secure sums of groups, and a robust rule over their means, in place of one sum over a cohort.

The cohort is dealt into groups, each group sums by a session of its own, and the server learns each
group's sums. A rule over the means of the updates gives one update; what stands in place of the
cohort's sum is that update times the sum of weights, so that whatever reads the sum finds it.
Nothing else changes: clients contribute what they contribute to one sum.

A computation without sums of updates, such as an evaluation, is summed over the cohort as it is.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crypto.errors import AbortError
from crypto.parties import ClientId
from crypto.protocols.dealing.session import DealtRound, GroupDealing
from crypto.protocols.quality_sum.joint import JointSum
from crypto.session.costs import Costs
from crypto.session.secure_sum import Refusal, SecureSum, SessionAbortedError
from tff_health.errors import RunError
from tff_health.robust.rules import combine
from tff_health.secure_aggregation.protocols import (
    GroupOutcome,
    RoundPlan,
    SumProtocol,
    SumsOutcome,
)
from tff_health.secure_aggregation.sessions import SumSession
from tff_health.secure_aggregation.slots import (
    Contribution,
    Slot,
    read_updates,
    update_places,
    weight_place,
    write_updates,
)

BELOW_THRESHOLD, NOT_FINITE, ABOVE_NORM = "below threshold", "no finite update", "norm"


@dataclass(frozen=True)
class GroupRule:
    """What becomes of the means of groups.

    Attributes:
        name: see `robust.rules.combine`.
        trimmed_share: likewise.
        fraction_bits: updates are multiples of 2^-fraction_bits.
        largest_norm: L2 norm that no honest client's update exceeds, and so no mean of them; a
            group whose mean does is left out. 0: there is none.
    """

    name: str
    trimmed_share: float
    fraction_bits: int
    largest_norm: float

    def norm(self, mean: NDArray[np.float64]) -> float:
        """Returns the L2 norm of a mean, in the unit of updates."""
        return float(np.linalg.norm(mean)) * 2.0**-self.fraction_bits

    def allows(self, mean: NDArray[np.float64]) -> bool:
        """Whether a mean can be that of honest clients, which round each coordinate."""
        rounding = 2.0 ** -(self.fraction_bits + 1) * math.sqrt(mean.size)
        largest = self.largest_norm * (1 + 1e-6) + rounding
        return not self.largest_norm or self.norm(mean) <= largest


class NoGroupError(SessionAbortedError):
    """Of no group of a round there is a mean that counts.

    Attributes:
        groups: what became of each.
    """

    def __init__(
        self, groups: tuple[GroupOutcome, ...], costs: Costs, refusals: tuple[Refusal, ...]
    ) -> None:
        told = "; ".join(str(group) for group in groups)
        reason = AbortError(f"none of {len(groups)} groups can be used: {told}")
        # Groups were dealt, and sums may have been opened: nobody deals them anew.
        super().__init__("group sums", reason, costs, refusals, may_be_opened=True)
        self.groups = groups


class GroupedSums(SumProtocol):
    """Sums groups of a cohort by a protocol, and has a rule decide over their means.

    Args:
        inner: sums one group, and whole cohorts where no updates are summed.
        group_size: fewest clients of a group, three at least.
        rule: over the means.

    Raises:
        crypto.errors.ParameterError: for smaller groups.
    """

    def __init__(self, inner: SumProtocol, group_size: int, rule: GroupRule) -> None:
        self._inner = inner
        self._dealing = GroupDealing(group_size)
        self._rule = rule
        self.stages = (*self._dealing.stages, *inner.stages)
        self.set_up_stages = ()  # keys of a group last as long as the group, one round

    @property
    def by_label(self) -> Mapping[str, SecureSum | JointSum]:
        """Label -> protocol; see `SumProtocol.by_label`."""
        return self._inner.by_label

    def check(self, slots: Sequence[Slot]) -> None:
        """Refuses updates that are not summed as residues beside one weight."""
        self._inner.check(slots)
        if update_places(slots) and weight_place(slots) is None:
            raise RunError(
                "groups need sums of updates modulo a power of two and one sum of weights "
                "(tff.federated_secure_sum of a number), as tff_health's means declare them"
            )

    def check_cohort(self, slots: Sequence[Slot], num_clients: int) -> None:
        """Refuses sums that are too long over the whole cohort."""
        self._inner.check_cohort(slots, num_clients)

    def sessions(self, slots: Sequence[Slot]) -> tuple[SumSession, ...]:
        """Returns the sessions of one group."""
        return self._inner.sessions(slots)

    def sum(
        self, slots: Sequence[Slot], tensors: Mapping[ClientId, Sequence[Any]], plan: RoundPlan
    ) -> SumsOutcome:
        """Deals the cohort, sums each group, and decides.

        Raises:
            NoGroupError: if no group can be used.
            crypto.session.secure_sum.SessionAbortedError: if the cohort could not be dealt.
        """
        dropouts = {c: s for c, s in plan.dropouts.items() if s not in self._dealing.stages}
        faults = [fault for fault in plan.faults if fault.stage in self._inner.stages]
        if not update_places(slots):
            alone = dataclasses.replace(plan, dropouts=dropouts, faults=faults)
            return self._inner.sum(slots, tensors, alone)
        dealt = self._deal(plan)
        costs, refusals = dealt.costs, dealt.refusals
        groups: list[GroupOutcome] = []
        found: list[tuple[SumsOutcome, Contribution]] = []
        for number, members in enumerate(dealt.groups.members):
            lost = {c: self._inner.stages[0] for c in members if c not in dealt.informed}
            mine = {client: stage for client, stage in dropouts.items() if client in members}
            binding = dealt.groups.binding(number, plan.binding)
            of_group = RoundPlan(plan.round_id, members, mine | lost, faults, binding)
            try:
                outcome = self._inner.sum(slots, {c: tensors[c] for c in members}, of_group)
            except SessionAbortedError as error:
                costs, refusals = costs + error.costs, refusals + error.refusals
                groups.append(GroupOutcome(members, (), BELOW_THRESHOLD))
                continue
            costs, refusals = costs + outcome.costs, refusals + outcome.refusals
            mean = _mean(slots, outcome.sums)
            groups.append(GroupOutcome(members, outcome.survivors, self._objection(mean)))
            if not groups[-1].left_out:
                found.append((outcome, mean))
        if not found:
            raise NoGroupError(tuple(groups), costs, refusals)
        outcomes = [outcome for outcome, _ in found]
        return SumsOutcome(
            self._decide(slots, [one.sums for one in outcomes], [mean for _, mean in found]),
            tuple(sorted(client for outcome in outcomes for client in outcome.survivors)),
            costs,
            refusals,
            max(outcome.lone_share for outcome in outcomes),
            _verified_by(outcomes),
            tuple(groups),
        )

    def _deal(self, plan: RoundPlan) -> DealtRound:
        stages = self._dealing.stages
        return self._dealing.deal(
            plan.clients,
            round_id=plan.round_id,
            dropouts={c: stage for c, stage in plan.dropouts.items() if stage in stages},
            faults=[fault for fault in plan.faults if fault.stage in stages],
            binding=plan.binding,
        )

    def _objection(self, mean: Contribution) -> str:
        """Says why a group with this mean does not count; empty if it does."""
        if not mean.weight:
            return NOT_FINITE
        if not self._rule.allows(mean.update):
            return f"{ABOVE_NORM} {self._rule.norm(mean.update):.4g}"
        return ""

    def _decide(
        self, slots: Sequence[Slot], sums: Sequence[Sequence[Any]], means: Sequence[Contribution]
    ) -> list[Any]:
        """Returns sums over all groups; those of updates are what the rule says of their means."""
        rule = self._rule
        rows = np.stack([mean.update for mean in means])
        weights = [mean.weight for mean in means]
        update = combine(rule.name, rows, np.array(weights), rule.trimmed_share)
        total = [_added(slot, [s[i] for s in sums]) for i, slot in enumerate(slots)]
        decided = Contribution(update, sum(weights), means[0].max_weight)
        return write_updates(slots, total, decided)


def _mean(slots: Sequence[Slot], sums: Sequence[Any]) -> Contribution:
    """Returns a group's mean, of slots that `check` let pass."""
    found = read_updates(slots, sums)
    if found is None:
        raise TypeError("no sums of updates")
    return found


def _added(slot: Slot, parts: Sequence[Any]) -> NDArray[Any]:
    total = np.sum([np.asarray(part) for part in parts], axis=0, dtype=np.int64)
    return total.astype(slot.dtype).reshape(slot.shape)


def _verified_by(outcomes: Sequence[SumsOutcome]) -> tuple[ClientId, ...] | None:
    """The clients that found their group's sums right; None if a group could not check them."""
    if any(outcome.verified_by is None for outcome in outcomes):
        return None
    return tuple(sorted(c for outcome in outcomes for c in outcome.verified_by or ()))
