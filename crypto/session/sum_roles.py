"""What a server needs to open a session of a protocol, what a client of it is, and how they meet.

A protocol derives from `SumRoles` (by `StagedSum`) and says what a client is, what a session needs,
and what opens each stage. Whether clients are at hand or apart is all the same to it.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from crypto.encoding.residues import check_modulus_bits
from crypto.errors import ParameterError
from crypto.norm_proofs.parameters import NormBound
from crypto.parties import ClientId
from crypto.primitives.signatures import SigningIdentity, VerifyKey
from crypto.randomness import SYSTEM, Randomness
from crypto.session.apart.channel import ApartChannel, ApartExchange
from crypto.session.apart.conductor import Session as Asking
from crypto.session.apart.member import SumMember
from crypto.session.apart.participant import Task
from crypto.session.channel import Channel
from crypto.session.client_session import Part
from crypto.session.consortium import Consortium
from crypto.session.costs import Costs
from crypto.session.exchange import Exchange, Opening
from crypto.session.faults import Fault
from crypto.session.messages import RoundInvitation
from crypto.session.opened_rounds import Journal, OncePerRound
from crypto.session.runner import Dealing, StageRunner
from crypto.session.secure_sum import Refusal, SumResult
from crypto.session.thresholds import plan_threshold
from crypto.wire import message_names

AnyChannel: TypeAlias = Channel | ApartChannel
_Client = TypeVar("_Client")
_Server = TypeVar("_Server", bound="SumServer")


@dataclass(frozen=True)
class SessionPlan:
    """What is asked of a session beside its vectors; see `SecureSum.sum`."""

    round_id: int
    dropouts: Mapping[ClientId, str] | None
    faults: Sequence[Fault]
    binding: bytes
    norm: NormBound | None = None


@dataclass(frozen=True)
class VectorShape:
    """What is summed, where the vectors themselves are not seen.

    Attributes:
        length: m, coordinates of a vector.
        bits: k of the modulus 2^k, or of values 0 to 2^k - 1.
        norm: a bound on the norm of its end; only where the protocol has a `norm_bound`.
    """

    length: int
    bits: int
    norm: NormBound | None = None


@dataclass(frozen=True)
class Total:
    """What a session leaves behind; attributes as in `SumResult`."""

    sum: NDArray[np.uint64]
    survivors: tuple[ClientId, ...]
    lone_share: float = 0.0


class SumServer(Protocol):
    """The server in one session."""

    def openings(self) -> Iterable[tuple[str, Opening]]:
        """Return what opens each stage, in their order; a stage can be opened several times."""
        ...

    def receive(self, sender: ClientId, data: bytes) -> None:
        """Take a client's message for the present stage."""
        ...


@dataclass(frozen=True)
class Session(Generic[_Server]):
    """A session before its first stage.

    Attributes:
        server: its server.
        dealing: an authority's part in it, if there is one.
        costs: what making its keys has cost, if that was no stage of it.
        refusals: what was refused meanwhile.
        max_value: the largest value of a vector; 0 where it need not be known.
        helper: what else its protocol needs to finish it, such as whoever decrypts.
    """

    server: _Server
    dealing: Dealing | None = None
    costs: Costs | None = None
    refusals: tuple[Refusal, ...] = ()
    max_value: int = 0
    helper: Any = None


def check_norm_bound(asked: NormBound | None, largest: int | None) -> None:
    """Refuse a bound on norms where a protocol does not prove any.

    Raises:
        ParameterError: if one is asked for, and the protocol has no `norm_bound`.
    """
    if asked is not None and largest is None:
        raise ParameterError("a bound on norms needs a verified protocol with a `norm_bound`")


class SumRoles(ABC, Generic[_Client]):
    """The roles of a protocol.

    Clients live as long as this object: each has a method `join`, which accepts an invitation and
    returns the client's `Part` in the session with its first answer.

    A session of parties that are apart is run by one such object at the server (`serve`) and one at
    each client (`member`), made with the same arguments, but for what each knows of the consortium.

    Args:
        signed: whether clients sign their messages.
        randomness: where identities come from, and keys.
        clock: seconds, for the times in the record of costs.
        consortium: the identities of its clients; None: new ones, made here.

    Attributes:
        stages: names of its stages in their order.
        opens_at: the first stage in which clients give what opens the sum.
        message_types: type numbers of all its messages.
        norm_bound: as of `SecureSum`.
        consortium: the identities of its clients.
    """

    stages: tuple[str, ...]
    opens_at: str
    message_types: tuple[type[IntEnum], ...]
    norm_bound: int | None = None
    _authority_identity: SigningIdentity | None = None

    def __init__(
        self,
        *,
        signed: bool = True,
        randomness: Randomness = SYSTEM,
        clock: Callable[[], float] = time.perf_counter,
        consortium: Consortium | None = None,
    ) -> None:
        self.consortium = consortium or Consortium(signed, randomness)
        self._clients_sign = signed
        self._randomness = randomness
        self._clock = clock
        self._clients: dict[ClientId, _Client] = {}
        self._once = OncePerRound()

    @property
    def registry(self) -> Mapping[ClientId, VerifyKey] | None:
        """The verify keys of the clients so far; None if they do not sign."""
        return self.consortium.registry if self._clients_sign else None

    @property
    def _trusted(self) -> VerifyKey | None:
        """The verify key of the authority, or key holder; None if nobody signs."""
        if not self._clients_sign:
            return None
        own = self._authority_identity
        return self.consortium.authority if own is None else own.verify_key

    def identity(self, client: ClientId) -> SigningIdentity | None:
        """Return what a client signs with; None if clients do not sign."""
        return self.consortium.identity(client) if self._clients_sign else None

    def client(self, client: ClientId) -> _Client:
        """Return a client; a new one gets its identity, and all others its verify key."""
        if client not in self._clients:
            self._clients[client] = self._make_client(client, self.identity(client))
        return self._clients[client]

    @abstractmethod
    def _make_client(self, client: ClientId, identity: SigningIdentity | None) -> _Client:
        """Return a new client."""

    def _agree_on(self, num_clients: int, length: int, bits: int) -> Any:
        """Return what `_agree` does, for vectors that nobody here has seen."""
        plan_threshold(num_clients)
        check_modulus_bits(bits)
        return length, bits

    @abstractmethod
    def _open(
        self, cohort: tuple[ClientId, ...], agreed: Any, plan: SessionPlan, channel: AnyChannel
    ) -> Session[Any]:
        """Return a new session over a channel, whose other ends are at hand or apart."""

    def _join(self, client: ClientId, data: bytes, binding: bytes) -> tuple[Part[Any], bytes]:
        """Let a client accept an invitation."""
        joined: tuple[Part[Any], bytes] = self._clients[client].join(data, binding)  # type: ignore[attr-defined]
        return joined

    def _finish(self, runner: StageRunner, session: Session[Any]) -> Total:
        """Close the last stage."""
        total: Total = runner.close(session.server.total)
        return total

    def serve(
        self,
        asking: Asking,
        label: str,
        cohort: Collection[ClientId],
        shape: VectorShape,
        *,
        round_id: int,
        binding: bytes = b"",
    ) -> SumResult:
        """Run one session with clients that are apart; run by the server.

        Args:
            asking: reaches them.
            label: tells protocols apart, as in `SumMember.tasks`.
            cohort: the clients asked.
            shape: what is summed. Protocols that sum integers return the sum over the integers, of
                values 0 to 2^bits - 1; others reduce it modulo 2^bits.
            round_id: as in `SecureSum.sum`.
            binding: likewise.

        Raises:
            ParameterError: for too few clients, impossible shapes, or a round whose sum was opened,
                or may have been, by this object.
            SessionAbortedError: as `SecureSum.sum`; also if an authority is not there that the
                session needs, and with a `StoppedError` as its reason if the program is ending.
        """
        clients = tuple(sorted(cohort))
        check_norm_bound(shape.norm, self.norm_bound)
        agreed = self._agree_on(len(clients), shape.length, shape.bits)
        channel = ApartChannel(asking, label, message_names(*self.message_types), self._clock)
        plan = SessionPlan(round_id, None, (), binding, shape.norm)
        with self._once.session(round_id, {}, shape.bits):
            with channel.aborting(self.stages[0]):
                session = self._open(clients, agreed, plan, channel)
            exchange = ApartExchange(channel, session.server.receive)
            return self._result(self._runner(exchange, session), session)

    def member(self, client: ClientId, journal: Journal | None = None) -> SumMember[Any]:
        """Return one client's side of sessions with a server that is apart; run by the client.

        Args:
            client: itself; the consortium knows what it signs with.
            journal: keeps the rounds that it opened; None: in memory.
        """
        self.client(client)
        if journal is not None:
            self.remember(client, journal)
        return SumMember(
            lambda data, binding: self._join(client, data, binding),
            lambda data: self.read_invitation(client, data),
            self.stages,
            self.other_tasks(client),
        )

    def authority_tasks(self, label: str) -> dict[str, Task]:
        """Return what the authority, or key holder, does for this protocol; run by it.

        Args:
            label: as in `serve`.
        """
        return {f"{label}/{name}": task for name, task in self._authority_tasks().items()}

    def _authority_tasks(self) -> dict[str, Task]:
        return {}

    def other_tasks(self, client: ClientId) -> dict[str, Task]:  # noqa: ARG002
        """Return what a client does beside the stages of a sum."""
        return {}

    def remember(self, client: ClientId, journal: Journal) -> None:
        """Have a client keep the rounds that it opened in a journal, before its first session."""
        self.client(client).remember(journal)  # type: ignore[attr-defined]

    def read_invitation(self, client: ClientId, data: bytes) -> RoundInvitation:
        """Read an invitation to a client."""
        kind: type[RoundInvitation] = self._clients[client].INVITATION  # type: ignore[attr-defined]
        return kind.from_bytes(data)

    def _runner(self, exchange: Exchange, session: Session[Any]) -> StageRunner:
        return StageRunner(
            exchange,
            earlier_costs=session.costs,
            earlier_refusals=session.refusals,
            opens_at=self.opens_at,
        )

    def _result(self, runner: StageRunner, session: Session[Any]) -> SumResult:
        with runner.aborting():
            total = self._play(runner, session)
        return SumResult(
            total.sum, total.survivors, runner.costs(), runner.refusals, total.lone_share
        )

    def _play(self, runner: StageRunner, session: Session[Any]) -> Total:
        """Run all stages."""
        runner.run_stages(session.server.openings(), session.dealing)
        return self._finish(runner, session)
