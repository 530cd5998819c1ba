"""What all masking protocols have in common from end to end: clients, and how a session runs."""

import time
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import IntEnum
from typing import TypeAlias

from crypto.encoding.residues import IntegerVector
from crypto.parties import ClientId
from crypto.primitives.signatures import SigningIdentity, VerifyKey
from crypto.protocols.masking.parameters import MaskingParameters
from crypto.protocols.masking.roles import MaskClient, MaskServer, SessionClients
from crypto.protocols.masking.stages import Stage
from crypto.protocols.masking.topology import Topology
from crypto.randomness import SYSTEM, Randomness
from crypto.session.channel import Channel
from crypto.session.faults import Fault
from crypto.session.opened_rounds import OncePerRound
from crypto.session.runner import Opening, StageRunner, TakeDealt
from crypto.session.secure_sum import SecureSum, SumResult
from crypto.wire import message_names

Dealing: TypeAlias = tuple[Opening, TakeDealt]
"""What an authority sends before the server's invitation, and how a client takes it."""


class MaskingSum(SecureSum):
    """Secure sums by masks. Clients live as long as this object; keys are new in each session.

    Protocols that do more than sum vectors take its clients and servers apart, by `client` and
    `open`, and run them themselves.

    Attributes:
        topology: `topology.plan(n)` says degree and threshold for n clients, and why.
        message_types: type numbers of its messages.
        registry: the verify keys of the clients so far; None if they do not sign. Here the process
            that runs all parties vouches for them; in the field nobody but the clients may.
    """

    topology: Topology
    message_types: type[IntEnum]

    def __init__(
        self,
        stages: Sequence[str],
        message_types: type[IntEnum],
        topology: Topology,
        *,
        signed: bool,
        randomness: Randomness = SYSTEM,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.stages = tuple(stages)
        self.topology = topology
        self.message_types = message_types
        self.registry: dict[ClientId, VerifyKey] | None = {} if signed else None
        self._randomness = randomness
        self._clock = clock
        self._clients: dict[ClientId, MaskClient] = {}
        self._once = OncePerRound()
        self._identities: dict[ClientId, SigningIdentity] = {}

    def plan(
        self, vectors: Mapping[ClientId, IntegerVector], modulus_bits: int
    ) -> MaskingParameters:
        """Return the parameters of a session; see `MaskingParameters.plan_for`."""
        signed = self.registry is not None
        return MaskingParameters.plan_for(vectors, modulus_bits, self.topology, signed)

    def client(self, client: ClientId) -> MaskClient:
        """Return a client; a new one gets its identity, and all others its verify key."""
        if client not in self._clients:
            if self.registry is not None:
                identity = SigningIdentity.generate(self._randomness)
                self._identities[client] = identity
                self.registry[client] = identity.verify_key
            self._clients[client] = self._make_client(client, self.identity(client))
        return self._clients[client]

    def identity(self, client: ClientId) -> SigningIdentity | None:
        """Return what a client signs with; None if clients do not sign."""
        return self._identities.get(client)

    @abstractmethod
    def open(
        self,
        cohort: tuple[ClientId, ...],
        parameters: MaskingParameters,
        round_id: int,
        binding: bytes = b"",
    ) -> tuple[MaskServer, Dealing | None]:
        """Return the server of a new session, and an authority's part in it if there is one."""

    @abstractmethod
    def _make_client(self, client: ClientId, identity: SigningIdentity | None) -> MaskClient: ...

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
        """Run one session; see `SecureSum.sum`."""
        cohort = tuple(sorted(vectors))
        parameters = self.plan(vectors, modulus_bits)
        names = message_names(self.message_types)
        channel = Channel(self.stages, names, dropouts, faults, self._clock)
        clients = {client: self.client(client) for client in cohort}
        server, dealing = self.open(cohort, parameters, round_id, binding)
        parts = SessionClients(clients, vectors, binding)
        runner = StageRunner(channel, vectors, parts.answer, server.receive, opens_at=self.opens_at)
        once = self._once.session(round_id, vectors, modulus_bits)
        with once, runner.aborting(), noting_findings(runner, server):
            run_masks(runner, server.openings(), dealing)
            result = runner.close(server.unmask)
        return SumResult(result.sum, result.survivors, channel.costs(), runner.refusals)


def run_masks(
    runner: StageRunner, openings: Mapping[str, Opening], dealing: Dealing | None
) -> None:
    """Run all stages of a masking protocol."""
    if dealing is not None:
        runner.deal(Stage.ADVERTISE_KEYS, *dealing)
    for stage, opening in openings.items():
        runner.run_stage(stage, opening)


@contextmanager
def noting_findings(runner: StageRunner, server: MaskServer) -> Iterator[None]:
    """Put on record what was found wrong with shares, however the session ends."""
    try:
        yield
    finally:
        for by, error in server.findings:
            runner.note(by, error)
