"""A TFF context in which secure sums are computed by protocols, message by message."""

import dataclasses
import hashlib
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import tensorflow_federated as tff

from crypto.errors import ParameterError
from crypto.parties import ClientId
from crypto.randomness import SYSTEM
from crypto.session.faults import Fault
from crypto.session.secure_sum import SessionAbortedError
from tff_health.errors import RunError
from tff_health.secure_aggregation.clipped_sums import (
    ClippedSumWarning,
    clipped_sums,
    share_at_ends,
    worded,
)
from tff_health.secure_aggregation.grouped_sums import NoGroupError
from tff_health.secure_aggregation.protocols import RoundPlan, SumProtocol
from tff_health.secure_aggregation.round_form import is_round
from tff_health.secure_aggregation.round_record import (
    RoundAbortedError,
    RoundRecord,
    RoundTimer,
)
from tff_health.secure_aggregation.slots import Slot
from tff_health.secure_aggregation.split import SplitComputation, declares_secure_sums
from tff_health.workers.pool import WorkerPool


class SecureContext(tff.framework.SyncContext):
    """Runs computations on workers, and their secure sums by a protocol.

    A computation that declares a secure sum takes what is placed at CLIENTS, and perhaps at SERVER,
    and returns what is placed at SERVER, as those of `tff.learning`, `tff.analytics` and
    `tff.aggregators` do. All others run as they are. A client that drops out is left out of all
    aggregates, also of those in the clear. Where TFF's own measurements say that it clipped what
    was summed, a `ClippedSumWarning` tells the share.

    Args:
        pool: runs TensorFlow.
        protocol: computes the secure sums; clients keep their part of it from round to round.
        uploads: what clients upload instead of what they computed, if some are hostile, and which
            of them the server refuses; None: they do what they should. For simulations alone.

    Attributes:
        last_round: the record of the last computation with secure sums, also of one that was
            aborted; None before the first, and after one that failed for another reason.
    """

    def __init__(
        self, pool: WorkerPool, protocol: SumProtocol, uploads: "UploadsOfClients | None" = None
    ) -> None:
        self._pool = pool
        self._protocol = protocol
        self._uploads = uploads
        self._rounds = 0
        # Contexts may share a protocol, whose clients open one sum a round.
        self._first_id = int.from_bytes(SYSTEM.bytes(4)) << 32
        self._repeatable: int | None = None
        self._next_plan: RoundPlan | None = None
        self._next_states: dict[ClientId, Any] = {}
        self._splits: dict[int, tuple[Any, _Split | None]] = {}
        self.last_round: RoundRecord | None = None

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the stages at which clients can drop out."""
        return self._protocol.stages

    @property
    def set_up_stages(self) -> tuple[str, ...]:
        """Names of those that only a first round has."""
        return self._protocol.set_up_stages

    def plan_round(
        self,
        clients: Sequence[ClientId],
        dropouts: Mapping[ClientId, str] | None = None,
        faults: Sequence[Fault] = (),
        *,
        repeats: bool = False,
        states: Mapping[ClientId, Any] | None = None,
    ) -> None:
        """Says who takes part in the next computation with secure sums, and what goes wrong.

        Without it, clients are numbered as they come, and all goes well.

        Args:
            clients: in the order of the data that the computation will be given.
            dropouts: client -> the stage in which it no longer answers; see `stages`.
            faults: what happens to single messages.
            repeats: whether it is the last round again, which was aborted, with the same updates:
                it keeps its number, under which clients give what opens a sum only once.
            states: what clients were given of the server's state where that is not the one that
                the computation is given: earlier ones, in asynchronous training.

        Raises:
            RunError: if clients repeat, or dropouts and faults name other clients or stages; or if
                the last round was not aborted, or a sum of it may have been opened.
        """
        dropouts = dict(dropouts or {})
        if len(set(clients)) != len(clients):
            raise RunError("a client appears twice in one cohort")
        if strangers := dropouts.keys() - set(clients):
            raise RunError(f"dropouts name {sorted(strangers)}, who are not in the cohort")
        named = {*dropouts.values(), *(fault.stage for fault in faults if fault.stage)}
        if unknown := named - set(self.stages):
            raise RunError(f"no stage is called {min(unknown)!r}: {', '.join(self.stages)}")
        if repeats and self._repeatable is None:
            raise RunError(
                f"round {self._rounds} cannot be run again: it was not aborted, or a sum of it may "
                "have been opened, and a second one would give single clients' updates away"
            )
        number = self._rounds if repeats else self._rounds + 1
        if strangers := (states or {}).keys() - set(clients):
            raise RunError(f"states name {sorted(strangers)}, who are not in the cohort")
        self._next_plan = RoundPlan(number, tuple(clients), dropouts, tuple(faults))
        self._next_states = dict(states or {})

    def clear_values(self, computation: tff.framework.ConcreteComputation) -> tuple[str, ...]:
        """Names the tensors that clients contribute in the clear beside the secure sums.

        Raises:
            RunError: if the computation declares no secure sums, or cannot be taken apart.
        """
        split = self._split(computation)
        if split is None:
            raise RunError("the computation declares no secure sums: all is in the clear")
        return split.parts.clear_names

    def invoke(self, comp: tff.framework.ConcreteComputation, arg: Any) -> Any:
        """Runs a computation; TFF calls this.

        Raises:
            RoundAbortedError: if a secure sum could not be had.
            RunError: if a computation with secure sums cannot be taken apart, a sum has no
                protocol, or no worker is left.
        """
        split = self._split(comp)
        if split is None:
            return self._pool.invoke(comp, arg)
        parts = split.parts
        state, data = parts.arguments(arg)
        if split.slots:
            return self._run_secure_round(split, state, data)
        contributions = self._pool.map_clients(
            parts.work, data, self._pool.call(parts.prepare, state)
        )
        return self._finish(parts, state, list(map(parts.plain_part, contributions)), ())

    def _split(self, comp: tff.framework.ConcreteComputation) -> "_Split | None":
        """Takes a computation apart, once; None if it runs as it is."""
        known = self._splits.get(id(comp))
        if known is None:
            # The computation is kept as well, so that its id stays its own.
            known = self._splits[id(comp)] = (comp, self._take_apart(comp))
        return known[1]

    def _take_apart(self, comp: tff.framework.ConcreteComputation) -> "_Split | None":
        if declares_secure_sums(comp):
            parts = SplitComputation(comp)
            slots = parts.slots(self._pool.call)
            self._protocol.check(slots)
            return _Split(parts, slots)
        if len(self._pool) > 1 and is_round(comp):
            try:
                return _Split(SplitComputation(comp), ())
            except RunError:
                return None
        return None

    def _run_secure_round(self, split: "_Split", state: Any, data: Sequence[Any]) -> Any:
        self.last_round = None
        plan = self._take_plan(len(data))
        self._protocol.check_cohort(split.slots, len(plan.clients))
        parts, timer = split.parts, RoundTimer()
        held = dict(zip(plan.clients, data, strict=True))
        given = self._broadcasts(parts, state, plan.clients)
        contributions: dict[ClientId, Any] = {}
        with timer.phase("training"):
            for broadcast, clients in given:
                trained = self._pool.map_clients(parts.work, [held[c] for c in clients], broadcast)
                contributions |= zip(clients, trained, strict=True)
        contributions = {client: contributions[client] for client in plan.clients}
        tensors = {c: parts.contribution_leaves(given) for c, given in contributions.items()}
        plain = {c: parts.plain_part(given) for c, given in contributions.items()}
        del contributions
        if self._uploads is not None:
            tensors, refused = self._uploads.change(split.slots, tensors)
            plan = dataclasses.replace(plan, dropouts=refused | {**plan.dropouts})
        try:
            with timer.phase("crypto"):
                round_id = self._first_id + plan.round_id
                binding = _binding(parts, given)
                numbered = dataclasses.replace(plan, round_id=round_id, binding=binding)
                outcome = self._protocol.sum(split.slots, tensors, numbered)
        except SessionAbortedError as error:
            groups = error.groups if isinstance(error, NoGroupError) else ()
            record = timer.record(plan, (), error.costs, error.refusals)
            self.last_round = dataclasses.replace(record, groups=groups)
            opened = error.may_be_opened
            self._repeatable = None if opened else plan.round_id
            end = "; a sum of it may have been opened, so that it must not be run again"
            message = f"round {plan.round_id}: {error}{end if opened else ''}"
            raise RoundAbortedError(message, self.last_round, opened) from error
        except ParameterError as error:
            raise RunError(f"round {plan.round_id}: {error}") from error
        survivors = set(outcome.survivors)  # in the order of the data, as TFF adds floats
        share = share_at_ends(split.slots, [tensors[client] for client in outcome.survivors])
        del tensors
        alive = [given for client, given in plain.items() if client in survivors]
        result = self._finish(parts, state, alive, outcome.sums)
        record = timer.record(plan, outcome.survivors, outcome.costs, outcome.refusals)
        self.last_round = dataclasses.replace(
            record,
            lone_share=outcome.lone_share,
            verified_by=outcome.verified_by,
            groups=outcome.groups,
        )
        if clipped := clipped_sums(result):
            text = worded(plan.round_id, clipped, len(survivors), share)
            warnings.warn(text, ClippedSumWarning, stacklevel=2)
        return result

    def _broadcasts(
        self, parts: SplitComputation, state: Any, clients: Sequence[ClientId]
    ) -> list[tuple[Any, list[ClientId]]]:
        """What the server gave its clients, each with those that got it, in order."""
        states, self._next_states = self._next_states, {}
        groups: dict[int, tuple[Any, list[ClientId]]] = {}
        for client in clients:
            its = states.get(client, state)
            groups.setdefault(id(its), (its, []))[1].append(client)
        return [(self._pool.call(parts.prepare, its), who) for its, who in groups.values()]

    def _finish(
        self, parts: SplitComputation, state: Any, plain: Sequence[Any], sums: Sequence[Any]
    ) -> Any:
        result = self._pool.call(parts.finish, state, plain, *parts.sums_value(sums))
        return parts.result_value(result)

    def _take_plan(self, num_clients: int) -> RoundPlan:
        plan, self._next_plan = self._next_plan, None
        self._rounds = self._rounds + 1 if plan is None else plan.round_id
        self._repeatable = None
        if plan is None:
            return RoundPlan(self._rounds, tuple(range(num_clients)))
        if len(plan.clients) != num_clients:
            raise RunError(
                f"the round was planned for {len(plan.clients)} clients, and data of "
                f"{num_clients} was given"
            )
        return plan


class UploadsOfClients(Protocol):
    """What becomes of the clients' contributions on their way into a sum."""

    def change(
        self, slots: Sequence[Slot], tensors: Mapping[ClientId, list[Any]], /
    ) -> tuple[dict[ClientId, list[Any]], dict[ClientId, str]]:
        """Returns what clients upload, and who of them drops out, refused, at which stage."""
        ...


@dataclass(frozen=True)
class _Split:
    parts: SplitComputation
    slots: tuple[Slot, ...]


def _binding(parts: SplitComputation, given: Sequence[tuple[Any, Sequence[ClientId]]]) -> bytes:
    """Digest of what the server gave the clients; of who got what, if that is not the same."""
    if len(given) == 1:
        return parts.broadcast_digest(given[0][0])
    digest = hashlib.sha256(b"broadcasts by client")
    digests: dict[ClientId, bytes] = {}
    for broadcast, who in given:
        digests |= dict.fromkeys(who, parts.broadcast_digest(broadcast))
    for client, its in sorted(digests.items()):
        digest.update(client.to_bytes(8, "big") + its)
    return digest.digest()
