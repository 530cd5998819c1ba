"""How every protocol runs its sums: clients that live on, and for each session a server and stages.

A protocol derives from `StagedSum` and says what a client is, what a session needs, and what opens
each stage. Costs, dropouts, faults, refusals, aborts and opened rounds are the same for all.
"""

import time
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from crypto.encoding.residues import IntegerVector, check_vectors
from crypto.parties import ClientId
from crypto.primitives.prg import MAX_MODULUS_BITS
from crypto.primitives.signatures import SigningIdentity, VerifyKey
from crypto.randomness import SYSTEM, Randomness
from crypto.session.channel import Channel
from crypto.session.client_session import Part, SessionClients
from crypto.session.consortium import Consortium
from crypto.session.costs import Costs
from crypto.session.exchange import ChannelExchange
from crypto.session.faults import Fault
from crypto.session.opened_rounds import OncePerRound
from crypto.session.runner import Dealing, Opening, StageRunner
from crypto.session.secure_sum import Refusal, SecureSum, SumResult
from crypto.session.thresholds import plan_threshold
from crypto.wire import message_names

_Client = TypeVar("_Client")
_Server = TypeVar("_Server", bound="SumServer")


@dataclass(frozen=True)
class SessionPlan:
    """What is asked of a session beside its vectors; see `SecureSum.sum`."""

    round_id: int
    dropouts: Mapping[ClientId, str] | None
    faults: Sequence[Fault]
    binding: bytes


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
    """

    server: _Server
    dealing: Dealing | None = None
    costs: Costs | None = None
    refusals: tuple[Refusal, ...] = ()
    max_value: int = 0


class StagedSum(SecureSum, Generic[_Client]):
    """Secure sums in stages, of which the first invites the clients.

    Clients live as long as this object: each has a method `join`, which accepts an invitation and
    returns the client's `Part` in the session with its first answer.

    Args:
        signed: whether clients sign their messages.
        randomness: where identities come from, and keys.
        clock: seconds, for the times in the record of costs.

    Attributes:
        message_types: type numbers of all its messages.
        consortium: the identities of its clients.
    """

    message_types: tuple[type[IntEnum], ...]

    def __init__(
        self,
        *,
        signed: bool = True,
        randomness: Randomness = SYSTEM,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.consortium = Consortium(signed, randomness)
        self._randomness = randomness
        self._clock = clock
        self._clients: dict[ClientId, _Client] = {}
        self._once = OncePerRound()

    def sum(
        self,
        vectors: Mapping[ClientId, IntegerVector],
        modulus_bits: int,
        *,
        round_id: int,
        dropouts: Mapping[ClientId, str] | None = None,
        faults: Sequence[Fault] = (),
        binding: bytes = b"",
    ) -> SumResult:
        """Run one session; see `SecureSum.sum`, and the class for what this protocol allows."""
        return self._sum(vectors, modulus_bits, SessionPlan(round_id, dropouts, faults, binding))

    @property
    def registry(self) -> Mapping[ClientId, VerifyKey] | None:
        """The verify keys of the clients so far; None if they do not sign."""
        return self.consortium.registry

    def identity(self, client: ClientId) -> SigningIdentity | None:
        """Return what a client signs with; None if clients do not sign."""
        return self.consortium.identity(client)

    def client(self, client: ClientId) -> _Client:
        """Return a client; a new one gets its identity, and all others its verify key."""
        if client not in self._clients:
            self._clients[client] = self._make_client(client, self.identity(client))
        return self._clients[client]

    @abstractmethod
    def _make_client(self, client: ClientId, identity: SigningIdentity | None) -> _Client:
        """Return a new client."""

    def _agree(self, vectors: Mapping[ClientId, IntegerVector], modulus_bits: int) -> Any:
        """Check the vectors, and return what their session must know: by default, m and k.

        Raises:
            ParameterError: for too few clients, an impossible k, or vectors that do not fit.
        """
        plan_threshold(len(vectors))
        return check_vectors(vectors, modulus_bits), modulus_bits

    @abstractmethod
    def _open(
        self, cohort: tuple[ClientId, ...], agreed: Any, plan: SessionPlan, channel: Channel
    ) -> Session[Any]:
        """Return a new session."""

    def _join(self, client: ClientId, data: bytes, binding: bytes) -> tuple[Part[Any], bytes]:
        """Let a client accept an invitation."""
        joined: tuple[Part[Any], bytes] = self._clients[client].join(data, binding)  # type: ignore[attr-defined]
        return joined

    def _finish(self, runner: StageRunner, session: Session[Any]) -> Total:
        """Close the last stage."""
        total: Total = runner.close(session.server.total)
        return total

    def _sum(
        self, vectors: Mapping[ClientId, IntegerVector], modulus_bits: int, plan: SessionPlan
    ) -> SumResult:
        """Sum modulo 2^k."""
        return self._run(vectors, self._agree(vectors, modulus_bits), plan, modulus_bits)

    def _run(
        self,
        vectors: Mapping[ClientId, Any],
        agreed: Any,
        plan: SessionPlan,
        bits: int,
    ) -> SumResult:
        """Run one session over vectors that were checked.

        Args:
            vectors: as in `sum`.
            agreed: what `_open` needs to know of them.
            plan: the rest of what was asked for.
            bits: k, or 64 if they are summed over the integers.
        """
        cohort = tuple(sorted(vectors))
        names = message_names(*self.message_types)
        channel = Channel(self.stages, names, plan.dropouts, plan.faults, self._clock)
        for client in cohort:
            self.client(client)
        session = self._open(cohort, agreed, plan, channel)
        clients = SessionClients(
            lambda client, data: self._join(client, data, plan.binding), vectors, self.stages[0]
        )
        runner = StageRunner(
            ChannelExchange(channel, cohort, clients.answer, session.server.receive),
            earlier_costs=session.costs,
            earlier_refusals=session.refusals,
            opens_at=self.opens_at,
        )
        with self._once.session(plan.round_id, vectors, bits), runner.aborting():
            total = self._play(runner, session)
        return SumResult(
            total.sum, total.survivors, runner.costs(), runner.refusals, total.lone_share
        )

    def _play(self, runner: StageRunner, session: Session[Any]) -> Total:
        """Run all stages."""
        runner.run_stages(session.server.openings(), session.dealing)
        return self._finish(runner, session)


class IntegerSums(StagedSum[_Client]):
    """Sums over the integers of values up to a public bound, which `sum` reduces modulo 2^k.

    Attributes:
        MOST_BITS: the largest k.
    """

    MOST_BITS: ClassVar[int] = MAX_MODULUS_BITS

    def _sum(
        self, vectors: Mapping[ClientId, IntegerVector], modulus_bits: int, plan: SessionPlan
    ) -> SumResult:
        check_vectors(vectors, modulus_bits, self.MOST_BITS)
        mask = np.uint64((1 << modulus_bits) - 1)
        residues = {client: vector.astype(np.uint64) & mask for client, vector in vectors.items()}
        result = self._run_up_to(residues, int(mask), plan)
        return replace(result, sum=result.sum & mask)

    @abstractmethod
    def _run_up_to(
        self, vectors: Mapping[ClientId, IntegerVector], max_value: int, plan: SessionPlan
    ) -> SumResult:
        """Check vectors with values 0 to `max_value`, and sum them modulo 2^64."""
