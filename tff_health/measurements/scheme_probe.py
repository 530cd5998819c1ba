"""What a scheme's protocol does when a client vanishes, and what it encrypts, found by trying.

Small sums are computed by the very protocol that training uses: one in which all goes well, and one
for each stage in which a client drops out. Every sum that is had must be that of the survivors.
"""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from crypto.protocols.homomorphic_sum.messages import MessageType as HomomorphicMessage
from crypto.protocols.quality_sum.messages import MessageType as QualityMessage
from crypto.protocols.sparse_sum.messages import MessageType as SparseMessage
from crypto.session.costs import Costs
from crypto.session.secure_sum import SessionAbortedError
from crypto.wire import message_names
from tff_health.errors import RunError
from tff_health.secure_aggregation.protocols import RoundPlan, SumProtocol, SumsOutcome
from tff_health.secure_aggregation.slots import Slot

_ENCRYPTED = {
    HomomorphicMessage.ENCRYPTED_UPLOAD: "all parameters",
    QualityMessage.QUALITY_UPLOAD: "the quality",
    SparseMessage.SPARSE_UPLOAD: "what compression leaves",
}
"""Uploads that hold ciphertexts which are added, and what they encrypt."""

_MESSAGES = message_names(HomomorphicMessage, QualityMessage, SparseMessage)
_REPEATS = 3  # the fastest counts
_NONZERO_SHARE = 0.01  # so that sums of sparse vectors meet what they are for


@dataclass(frozen=True)
class ProbeTask:
    """The sums that are tried.

    Attributes:
        length: numbers in a client's update.
        num_clients: how many clients there are.
        modulus_bits: of the sum of updates.
        max_quality: the largest quality; 0 for a scheme that weighs by none.
    """

    length: int
    num_clients: int
    modulus_bits: int
    max_quality: int

    def slots(self) -> tuple[Slot, ...]:
        """The secure sums, as the scheme's training process declares them."""
        update = Slot("modular", 2**self.modulus_bits, (self.length,), np.dtype(np.int64))
        if not self.max_quality:
            return (update,)
        return (update, Slot("max_input", self.max_quality + 1, (), np.dtype(np.int64)))

    def tensors(self, round_id: int) -> dict[int, list[Any]]:
        """Every client's numbers: an update that is zero in most places, and a quality.

        Args:
            round_id: of the round, which has updates of its own.
        """
        rng = np.random.default_rng(round_id)
        few = max(1, round(_NONZERO_SHARE * self.length))
        tensors: dict[int, list[Any]] = {}
        for client in range(self.num_clients):
            update = np.zeros(self.length, np.int64)
            update[rng.choice(self.length, few, replace=False)] = client + 1
            tensors[client] = [update]
            if self.max_quality:
                tensors[client].append(np.int64(rng.integers(1, self.max_quality, endpoint=True)))
        return tensors


@dataclass(frozen=True)
class SchemeProbe:
    """What was found.

    Attributes:
        survives: stage -> whether the others' sum is had though a client drops out in it.
        encrypted: what clients' uploads hold under homomorphic encryption; empty for nothing.
        fixed_seconds: of a sum in which all goes well, all roles together.
        seconds_per_number: what each number of the clients' vectors adds to that.
    """

    survives: Mapping[str, bool]
    encrypted: str
    fixed_seconds: float
    seconds_per_number: float

    @property
    def supports_dropouts(self) -> bool:
        """Whether a client may drop out in any stage that it takes part in."""
        return all(self.survives.values())


def probe(protocol: SumProtocol, task: ProbeTask) -> SchemeProbe:
    """Tries the sums of a scheme, with and without dropouts.

    Args:
        protocol: of the scheme; keys that last are made by it.
        task: what is summed.

    Raises:
        RunError: if a sum is not the survivors' sum.
        crypto.errors.AbortError: if one cannot be had though no client drops out.
    """
    rounds = itertools.count()
    whole_sum(protocol, task, next(rounds))  # makes keys
    short = dataclasses.replace(task, length=max(1, task.length // 10))
    many = whole_sum(protocol, task, next(rounds))
    few_seconds, many_seconds = (
        min(_seconds(whole_sum(protocol, sums, next(rounds))) for _ in range(_REPEATS))
        for sums in (short, task)
    )
    per_number = max(0.0, many_seconds - few_seconds) / max(1, task.length - short.length)
    survives = {}
    slots, clients = task.slots(), tuple(range(task.num_clients))
    for stage, round_id in zip(protocol.stages, rounds, strict=False):
        tensors = task.tensors(round_id)
        try:
            plan = RoundPlan(round_id, clients, {clients[0]: stage})
            outcome = protocol.sum(slots, tensors, plan)
        except SessionAbortedError:
            survives[stage] = False
        else:
            _check(outcome, slots, tensors)
            survives[stage] = True
    crossed = {row.message for row in many.messages}
    encrypted = [what for kind, what in _ENCRYPTED.items() if _MESSAGES[kind] in crossed]
    fixed = max(0.0, many_seconds - per_number * task.length)
    return SchemeProbe(survives, ", ".join(encrypted), fixed, per_number)


def whole_sum(protocol: SumProtocol, task: ProbeTask, round_id: int) -> Costs:
    """Computes a sum in which all goes well, and returns what it cost.

    Raises:
        RunError: if it is not the clients' sum.
        crypto.errors.AbortError: if it cannot be had.
    """
    slots, tensors = task.slots(), task.tensors(round_id)
    outcome = protocol.sum(slots, tensors, RoundPlan(round_id, tuple(tensors)))
    _check(outcome, slots, tensors)
    return outcome.costs


def _seconds(costs: Costs) -> float:
    return costs.client_seconds + costs.server_seconds + costs.authority_seconds


def _check(outcome: SumsOutcome, slots: Sequence[Slot], tensors: dict[int, list[Any]]) -> None:
    for position, (slot, found) in enumerate(zip(slots, outcome.sums, strict=True)):
        wanted = sum(tensors[client][position] for client in outcome.survivors)
        if slot.kind == "modular":
            wanted %= slot.bound
        if not np.array_equal(found, wanted):
            raise RunError("a protocol returned a sum that is not the survivors' sum")
