"""The paper's scheme V behind TFF's secure sums: one session for updates and qualities.

The quality is what a computation declares as `tff.federated_secure_sum`, a single number; it is
encrypted, and its sum decrypted by threshold. All other secure sums are masked. Computations
without a quality, such as evaluations, are summed by the masking protocol alone.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from crypto.parties import ClientId
from crypto.protocols.quality_sum.joint import JointSum
from crypto.protocols.quality_sum.stages import Stage
from crypto.session.secure_sum import SecureSum
from tff_health.errors import RunError
from tff_health.secure_aggregation.protocols import (
    BoundProtocols,
    RoundPlan,
    SumProtocol,
    SumsOutcome,
    verified_by,
)
from tff_health.secure_aggregation.sessions import SumSession
from tff_health.secure_aggregation.slots import Slot


class QualityProtocol(SumProtocol):
    """Sums updates and qualities in joint sessions.

    Args:
        joint: sums both.
        masking: sums what comes without a quality.
    """

    def __init__(self, joint: JointSum, masking: SecureSum) -> None:
        self._joint = joint
        self._alone = BoundProtocols.to_all(masking)
        self.stages = joint.stages
        self.set_up_stages = (Stage.KEY_SETUP.value,)

    @property
    def by_label(self) -> Mapping[str, SecureSum | JointSum]:
        """Label -> protocol; see `SumProtocol.by_label`."""
        return {"joint": self._joint, **self._alone.by_label}

    def check(self, slots: Sequence[Slot]) -> None:
        """Refuses computations with several numbers under `tff.federated_secure_sum`."""
        numbers = sum(slot.size for slot in slots if slot.kind == "max_input")
        if numbers > 1:
            raise RunError(
                f"the computation sums {numbers} numbers by tff.federated_secure_sum; this "
                "protocol takes one, the client's quality"
            )

    def check_cohort(self, slots: Sequence[Slot], num_clients: int) -> None:
        """Refuses sums of more than 62 bits, but for that of qualities, which `joint` judges."""
        masked = [slot for slot in slots if slot.kind != "max_input"]
        self._alone.check_cohort(masked, num_clients)

    def sessions(self, slots: Sequence[Slot]) -> tuple[SumSession, ...]:
        """Returns the joint session; without a quality, that of the masking protocol."""
        position = next((i for i, slot in enumerate(slots) if slot.kind == "max_input"), None)
        if position is None:
            return self._alone.sessions(slots)
        others = tuple(i for i in range(len(slots)) if i != position)
        masked = tuple(slots[i] for i in others)
        return (SumSession(self._joint, masked, others, (position, slots[position])),)

    def sum(
        self, slots: Sequence[Slot], tensors: Mapping[ClientId, Sequence[Any]], plan: RoundPlan
    ) -> SumsOutcome:
        """Runs one session."""
        (session,) = self.sessions(slots)
        if session.quality is None:
            return self._alone.sum(slots, tensors, plan)
        cohort, max_quality = len(plan.clients), session.max_quality
        qualities = {client: session.quality_of(given) for client, given in tensors.items()}
        result = self._joint.sum(
            {client: session.vector(given, cohort) for client, given in tensors.items()},
            {client: quality for client, quality in qualities.items() if quality is not None},
            session.bits(cohort),
            max_quality=max_quality or 0,
            round_id=plan.round_id,
            dropouts=plan.dropouts,
            faults=plan.faults,
            binding=plan.binding,
            norm=session.norm(cohort),
        )
        left = len(result.survivors)
        sums = session.sums(result.sum, cohort, result.quality_sum, num_survivors=left)
        return SumsOutcome(
            [sums[i] for i in range(len(slots))],
            result.survivors,
            result.costs,
            result.refusals,
            verified_by=verified_by([result.verification]),
        )
