"""What all masking protocols have in common from end to end: parameters, and how a session runs."""

import time
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import IntEnum
from typing import Any, Final

from crypto.encoding.residues import IntegerVector
from crypto.parties import ClientId
from crypto.protocols.masking.parameters import MaskingParameters
from crypto.protocols.masking.roles import MaskClient, MaskServer
from crypto.protocols.masking.topology import Topology
from crypto.randomness import SYSTEM, Randomness
from crypto.session.consortium import Consortium
from crypto.session.runner import Dealing, StageRunner
from crypto.session.staged_sum import StagedSum
from crypto.session.sum_roles import AnyChannel, Session, SessionPlan, Total

_SECONDS_OF_PEER: Final = 2e-4  # key agreements, shares, signatures: what a client does for each
_SECONDS_OF_COORDINATE: Final = 1.5e-9  # of each peer's mask


class MaskingSum(StagedSum[MaskClient]):
    """Secure sums by masks. Clients live as long as this object; keys are new in each session.

    Protocols that do more than sum vectors take its clients and servers apart, by `client` and
    `open`, and run them themselves.

    Attributes:
        topology: `topology.plan(n)` says degree and threshold for n clients, and why.
    """

    def __init__(
        self,
        stages: Sequence[str],
        message_types: type[IntEnum],
        topology: Topology,
        *,
        signed: bool,
        randomness: Randomness = SYSTEM,
        clock: Callable[[], float] = time.perf_counter,
        consortium: Consortium | None = None,
    ) -> None:
        super().__init__(signed=signed, randomness=randomness, clock=clock, consortium=consortium)
        self.stages = tuple(stages)
        self.topology = topology
        self.message_types = (message_types,)

    def plan(
        self, vectors: Mapping[ClientId, IntegerVector], modulus_bits: int
    ) -> MaskingParameters:
        """Return the parameters of a session; see `MaskingParameters.plan_for`."""
        signed = self.registry is not None
        return MaskingParameters.plan_for(vectors, modulus_bits, self.topology, signed)

    @abstractmethod
    def open(
        self,
        cohort: tuple[ClientId, ...],
        parameters: MaskingParameters,
        round_id: int,
        binding: bytes = b"",
        channel: AnyChannel | None = None,
    ) -> tuple[MaskServer, Dealing | None]:
        """Return the server of a new session, and an authority's part in it if there is one.

        Args:
            cohort: the clients asked, in increasing order.
            parameters: of the session.
            round_id: as in `SecureSum.sum`.
            binding: likewise.
            channel: over which the session runs; needed if its parties are apart.
        """

    def client_seconds(self, num_clients: int, length: int) -> float:
        """Return about how long all clients of a session compute."""
        signed = self.registry is not None
        degree = self.topology.plan(num_clients, signed=signed).degree
        return num_clients * degree * (_SECONDS_OF_PEER + length * _SECONDS_OF_COORDINATE)

    def _agree(self, vectors: Mapping[ClientId, IntegerVector], modulus_bits: int) -> Any:
        return self.plan(vectors, modulus_bits)

    def plan_for(self, num_clients: int, length: int, bits: int) -> MaskingParameters:
        """Return the parameters of a session over vectors that nobody here has seen."""
        signed = self.registry is not None
        return MaskingParameters.plan(num_clients, length, bits, self.topology, signed)

    def _agree_on(self, num_clients: int, length: int, bits: int) -> Any:
        return self.plan_for(num_clients, length, bits)

    def _open(
        self, cohort: tuple[ClientId, ...], agreed: Any, plan: SessionPlan, channel: AnyChannel
    ) -> Session[MaskServer]:
        return Session(*self.open(cohort, agreed, plan.round_id, plan.binding, channel))

    def _play(self, runner: StageRunner, session: Session[MaskServer]) -> Total:
        with noting_findings(runner, session.server):
            return super()._play(runner, session)

    def _finish(self, runner: StageRunner, session: Session[MaskServer]) -> Total:
        result = runner.close(session.server.unmask)
        return Total(result.sum, result.survivors)


@contextmanager
def noting_findings(runner: StageRunner, server: MaskServer) -> Iterator[None]:
    """Put on record what was found wrong with shares, however the session ends."""
    try:
        yield
    finally:
        for by, error in server.findings:
            runner.note(by, error)
