"""How every protocol runs its sums at hand: all roles in one process, with a channel between them.

A protocol derives from `StagedSum`. Costs, dropouts, faults, refusals, aborts and opened rounds are
the same for all.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, ClassVar, TypeVar

import numpy as np

from crypto.encoding.residues import IntegerVector, check_vectors
from crypto.errors import ParameterError
from crypto.parties import ClientId
from crypto.primitives.prg import MAX_MODULUS_BITS
from crypto.randomness import SYSTEM
from crypto.session.channel import Channel
from crypto.session.client_session import SessionClients
from crypto.session.exchange import ChannelExchange
from crypto.session.faults import Fault
from crypto.session.secure_sum import SecureSum, SumResult
from crypto.session.steps import Answer, Steps
from crypto.session.sum_roles import SessionPlan, SumRoles
from crypto.session.thresholds import plan_threshold
from crypto.session.workers import LEAST_SECONDS, Team, TellingJournal, steps_of
from crypto.wire import message_names

_Client = TypeVar("_Client")


class StagedSum(SumRoles[_Client], SecureSum):
    """Secure sums in stages, of which the first invites the clients; see `SumRoles`."""

    _cores: int = 1

    @property
    def cores(self) -> int:
        """In how many processes clients take their steps; 1, the default: in this one.

        Set before the first session. Sums are the same, and so are costs, which are counted for
        each client where it computes. Sessions that are over too soon for it to pay run in this
        process, and so do those of a source of randomness that a fork would repeat.

        Raises:
            ParameterError: for less than 1, or once there are clients.
        """
        return self._cores

    @cores.setter
    def cores(self, cores: int) -> None:
        if cores < 1:
            raise ParameterError(f"cores={cores} must be at least 1")
        if self._clients:
            raise ParameterError("cores are set before the first session")
        self._cores = cores
        self._journals: dict[ClientId, TellingJournal] = {}

    def client_seconds(self, num_clients: int, length: int) -> float:  # noqa: ARG002
        """Return about how long all clients of a session compute; 0 where it is not known."""
        return 0.0

    def steps(
        self, channel: Channel, answer: Answer, cohort: Sequence[ClientId], seconds: float
    ) -> AbstractContextManager[Steps]:
        """Return what takes the steps of one session's clients, for as long as it lasts.

        Args:
            channel: of the session.
            answer: runs a client's step.
            cohort: the clients.
            seconds: as of `client_seconds`.
        """
        pays = seconds >= LEAST_SECONDS and self._randomness is SYSTEM
        processes = min(self._cores, len(cohort)) if pays else 1
        for client in cohort if self._cores > 1 else ():
            if client not in self._journals:
                self._journals[client] = TellingJournal()
                self.remember(client, self._journals[client])
        journals = {c: self._journals[c] for c in cohort} if processes > 1 else {}
        first = self.stages[0]
        return steps_of(Team(channel, answer, journals, first, processes))

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

    def _agree(self, vectors: Mapping[ClientId, IntegerVector], modulus_bits: int) -> Any:
        """Check the vectors, and return what their session must know: by default, m and k.

        Raises:
            ParameterError: for too few clients, an impossible k, or vectors that do not fit.
        """
        plan_threshold(len(vectors))
        return check_vectors(vectors, modulus_bits), modulus_bits

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
        seconds = self.client_seconds(len(cohort), len(next(iter(vectors.values()))))
        with (
            self._once.session(plan.round_id, vectors, bits),
            self.steps(channel, clients.answer, cohort, seconds) as steps,
        ):
            exchange = ChannelExchange(channel, cohort, steps, session.server.receive)
            return self._result(self._runner(exchange, session), session)


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
