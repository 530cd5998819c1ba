"""The roles of joint sessions, over any masking protocol and any source of system keys."""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from crypto.elgamal.discrete_log import MAX_BOUND, DiscreteLog
from crypto.errors import ParameterError
from crypto.groups.base import Group
from crypto.parties import ClientId
from crypto.protocols.masking.masking_sum import MaskingSum, noting_findings
from crypto.protocols.masking.parameters import MaskingParameters
from crypto.protocols.quality_sum.client import QualityClient
from crypto.protocols.quality_sum.key_source import KeyReady, KeySource
from crypto.protocols.quality_sum.messages import MessageType, QualityInvitation
from crypto.protocols.quality_sum.parameters import QualityParameters
from crypto.protocols.quality_sum.server import QualityServer, Totals
from crypto.protocols.quality_sum.stages import Stage
from crypto.protocols.quality_sum.system_key import SystemKey
from crypto.randomness import SYSTEM, Randomness
from crypto.session.apart.channel import ApartChannel, ApartExchange
from crypto.session.apart.conductor import Session as Asking
from crypto.session.apart.member import SumMember
from crypto.session.apart.participant import Task
from crypto.session.client_session import Part
from crypto.session.costs import Costs
from crypto.session.exchange import Exchange
from crypto.session.messages import RoundInvitation
from crypto.session.opened_rounds import Journal, OncePerRound
from crypto.session.runner import Dealing, StageRunner
from crypto.session.secure_sum import Refusal, Verification
from crypto.session.sum_roles import AnyChannel, SessionPlan, VectorShape, check_norm_bound
from crypto.wire import message_names


class JoiningClient(Protocol):
    """A client that accepts invitations."""

    def join(self, data: bytes, binding: bytes = b"") -> tuple[Part[Any], bytes]:
        """Accept an invitation; return the client's part and its first answer."""
        ...


@dataclass(frozen=True)
class QualitySumResult:
    """Both sums of a joint session.

    Attributes:
        sum: shape (m,), uint64, 0 to 2^k - 1: the sum of the survivors' vectors modulo 2^k.
        quality_sum: the sum of the same survivors' qualities, over the integers.
        survivors: the clients in both sums, in increasing order.
        costs: what the session cost, with the key set-up if there was one.
        refusals: messages that roles did not accept; none if all went well.
        verification: who checked the sums; None in protocols whose sums clients cannot check.
    """

    sum: NDArray[np.uint64]
    quality_sum: int
    survivors: tuple[ClientId, ...]
    costs: Costs
    refusals: tuple[Refusal, ...] = ()
    verification: Verification | None = None


class JointRoles:
    """The roles of joint sessions: what the server needs to open one, and what a client is.

    Sessions of parties that are apart are run as `SumRoles` says.

    Clients live as long as this object, and so does the system key, until a cohort has members
    without a share of it or needs another threshold; all other keys are new in each session.

    Args:
        masking: the masking protocol, over the complete graph.
        keys: where system keys come from.
        group: where they live.
        phi: the paper's public factor, 0 to 2^62 - 1.
        proofs: whether qualities and partial decryptions are proven.
        checked: whether clients check what they help to decrypt; needs a protocol in which they
            sign, and agree on the survivors.
        table_cache: a folder in which the table for discrete logarithms is kept; None: in memory.
        randomness: where ciphertexts and proofs come from.
        clock: seconds, for the times in the record of costs; wall time by default.

    Raises:
        ParameterError: for an impossible phi, or checks in a protocol without signatures.

    Attributes:
        stages: names of its stages in their order, for plans of dropouts and faults. "key setup"
            takes place only when a cohort needs a new system key.
        centred: as of `SecureSum`.
        norm_bound: likewise.
    """

    centred: ClassVar[bool] = False
    norm_bound: int | None = None

    def __init__(
        self,
        masking: MaskingSum,
        keys: KeySource,
        group: Group[Any],
        *,
        phi: int = 1,
        proofs: bool = False,
        checked: bool = False,
        table_cache: Path | None = None,
        randomness: Randomness = SYSTEM,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        QualityParameters(phi, 1, proofs, checked)  # refuses an impossible phi at once
        if checked and masking.registry is None:
            raise ParameterError("clients that do not sign cannot check what they decrypt")
        self.stages = (Stage.KEY_SETUP.value, *masking.stages, Stage.DECRYPTION.value)
        self.message_types: tuple[type[IntEnum], ...] = (*masking.message_types, MessageType)
        self._masking = masking
        self._keys = keys
        self._group = group
        self._phi = phi
        self._proofs = proofs
        self._checked = checked
        self._table_cache = table_cache
        self._randomness = randomness
        self._clock = clock
        self._clients: dict[ClientId, QualityClient[Any]] = {}
        self._ready: KeyReady | None = None
        self._logarithms: DiscreteLog[Any] | None = None
        self._once = OncePerRound()

    def serve(
        self,
        asking: Asking,
        label: str,
        cohort: Collection[ClientId],
        shape: VectorShape,
        *,
        max_quality: int,
        round_id: int,
        binding: bytes = b"",
    ) -> QualitySumResult:
        """Run one session with clients that are apart; run by the server.

        Args:
            asking: reaches them.
            label: tells protocols apart, as in `SumMember.tasks`.
            cohort: the clients asked.
            shape: of the vectors, which are summed modulo 2^bits.
            max_quality: as in `JointSum.sum`.
            round_id: likewise.
            binding: likewise.

        Raises:
            ParameterError, SessionAbortedError: as `SumRoles.serve` and `JointSum.sum`.
        """
        clients = tuple(sorted(cohort))
        check_norm_bound(shape.norm, self.norm_bound)
        masking = self._masking.plan_for(len(clients), shape.length, shape.bits)
        plan = SessionPlan(round_id, None, (), binding, shape.norm)
        names = message_names(*self.message_types)
        channel = ApartChannel(asking, label, names, self._clock)
        with self._once.session(round_id, {}, shape.bits):
            self._forget_lost_shares(clients, channel)
            ready, is_new = self._ensure_key(
                clients,
                masking.threshold,
                lambda: self._keys.make_apart(clients, masking.threshold, channel),
            )
            server, dealing = self._open(clients, masking, max_quality, plan, ready.system, channel)
            exchange = ApartExchange(channel, server.receive)
            runner = self._runner(exchange, ready if is_new else None)
            return self._result(runner, server, dealing)

    def member(self, client: ClientId, journal: Journal | None = None) -> SumMember[Any]:
        """Return one client's side of sessions with a server that is apart; run by the client.

        Args:
            client: itself; the consortium knows what it signs with.
            journal: keeps the rounds that it opened; None: in memory.
        """
        role = self._client(client)
        if journal is not None:
            self._masking.remember(client, journal)
        tasks = {
            **self._masking.other_tasks(client),
            "system key/held": role.check_held,
            **self._keys.member_tasks(client, self._threshold, role.hold),
        }

        return SumMember(
            self._joins(client).join,
            partial(self._read_invitation, client),
            self.stages[1:],
            tasks,
        )

    def least_bits(self, num_clients: int) -> int:  # noqa: ARG002
        """Return the smallest k that it takes, for sums over so many clients."""
        return 1

    def authority_tasks(self, label: str) -> dict[str, Task]:
        """Return what the authority does for this protocol; run by it.

        Args:
            label: as in `serve`.
        """
        own = {
            f"{label}/{name}": task
            for name, task in self._keys.authority_tasks(self._threshold).items()
        }
        return {**self._masking.authority_tasks(label), **own}

    def _read_invitation(self, client: ClientId, data: bytes) -> RoundInvitation:
        """Read an invitation to the masks of a session."""
        return self._masking.read_invitation(client, QualityInvitation.from_bytes(data).masks)

    def _threshold(self, num_clients: int) -> int:
        signed = self._masking.registry is not None
        return self._masking.topology.plan(num_clients, signed=signed).threshold

    def _open(
        self,
        cohort: tuple[ClientId, ...],
        masking: MaskingParameters,
        max_quality: int,
        plan: SessionPlan,
        system: SystemKey[Any],
        channel: AnyChannel,
    ) -> tuple[QualityServer[Any], Dealing | None]:
        """Return the server of a session, and an authority's part in it if there is one."""
        parameters = QualityParameters(self._phi, max_quality, self._proofs, self._checked)
        logarithms = self._find_logarithms(len(cohort) * max_quality)
        masks, dealing = self._masking.open(cohort, masking, plan.round_id, plan.binding, channel)
        registry = self._masking.registry
        server = QualityServer(masks, system, parameters, logarithms, registry, self._randomness)
        return server, dealing

    def _runner(self, exchange: Exchange, made: KeyReady | None) -> StageRunner:
        """Return what runs a session; `made` is the key if it was made for it."""
        return StageRunner(
            exchange,
            earlier_costs=made.costs if made else None,
            earlier_refusals=made.refusals if made else (),
            opens_at=self._masking.opens_at,
        )

    def _result(
        self, runner: StageRunner, server: QualityServer[Any], dealing: Dealing | None
    ) -> QualitySumResult:
        with runner.aborting(), noting_findings(runner, server.masks):
            totals = _run(runner, server, dealing)
        return QualitySumResult(
            totals.sum, totals.quality_sum, totals.survivors, runner.costs(), runner.refusals
        )

    def _forget_lost_shares(self, cohort: tuple[ClientId, ...], channel: ApartChannel) -> None:
        """Ask clients that are apart whether they still hold their shares: they may be new."""
        ready = self._ready
        if ready is None or not ready.holders >= set(cohort):
            return
        own = channel.beside("system key", {})
        asked = dict.fromkeys(cohort, ready.system.key_id)
        held = {reply.party for reply in own.ask("held", Stage.KEY_SETUP.value, asked)}
        silent = {c for c in cohort if not own.is_present(c, Stage.KEY_SETUP.value)}
        self._ready = replace(ready, holders=frozenset(ready.holders & (held | silent)))

    def _ensure_key(
        self, cohort: tuple[ClientId, ...], threshold: int, make: Callable[[], KeyReady]
    ) -> tuple[KeyReady, bool]:
        """Return the system key, and whether it was made for this session."""
        ready = self._ready
        if (
            ready is not None
            and ready.system.key.threshold == threshold
            and ready.holders >= set(cohort)
        ):
            return ready, False
        ready = self._ready = make()
        for client, held in ready.held.items():
            self._clients[client].hold(held)
        return ready, True

    def _find_logarithms(self, bound: int) -> DiscreteLog[Any]:
        """Return a search for sums up to a bound; it is kept, and grows when it must."""
        if bound > MAX_BOUND:
            raise ParameterError(f"sums of qualities up to {bound}: at most {MAX_BOUND} is allowed")
        if self._logarithms is None or self._logarithms.bound < bound:
            rounded = min(1 << bound.bit_length(), MAX_BOUND)
            self._logarithms = DiscreteLog(self._group, rounded, self._table_cache)
        return self._logarithms

    def _joins(self, client: ClientId) -> JoiningClient:
        """Return what accepts a client's invitations."""
        return self._client(client)

    def _client(self, client: ClientId) -> QualityClient[Any]:
        masks = self._masking.client(client)
        if client not in self._clients:
            self._clients[client] = QualityClient(
                client,
                masks,
                proofs=self._proofs,
                checked=self._checked,
                identity=self._masking.identity(client),
                registry=self._masking.registry,
                randomness=self._randomness,
            )
        return self._clients[client]


def _run(runner: StageRunner, server: QualityServer[Any], dealing: Dealing | None) -> Totals:
    runner.run_stages(server.openings(), dealing)
    runner.close(server.unmask)
    while server.needs_help:
        runner.run_stage(Stage.DECRYPTION.value, server.request_help)
    return runner.close(server.totals)
