"""One session of double masking from end to end: the roles, the channel between them, the result.

`DoubleMasking` is what runtimes call. Its clients live as long as it does: their identities stay,
the keys of each session are new.
"""

import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from crypto.channel import Channel
from crypto.errors import AbortError, ProtocolError, ShareError
from crypto.exchange import Exchange
from crypto.faults import Fault
from crypto.masking.client import MaskingClient
from crypto.masking.client_round import ClientRound
from crypto.masking.messages import MessageType
from crypto.masking.parameters import ClientPolicy, MaskingParameters
from crypto.masking.server import MaskingServer
from crypto.masking.stages import Stage
from crypto.masking.topology import CompleteGraph, Topology
from crypto.masking.unmasking import Unmasked
from crypto.parties import SERVER, ClientId
from crypto.randomness import SYSTEM, Randomness
from crypto.residues import check_vector
from crypto.secure_sum import (
    IntegerVector,
    Refusal,
    SecureSum,
    SessionAbortedError,
    SumResult,
)
from crypto.signatures import SigningIdentity, VerifyKey


class DoubleMasking(SecureSum):
    """Secure sums by double masking (Bonawitz et al. 2017; the comparison's scheme II).

    Args:
        topology: who masks with whom, and the threshold; the complete graph by default.
        signed: whether clients sign their messages and agree on the survivors before unmasking.
            Off only to reproduce a setting in which all parties follow the protocol.
        randomness: where keys come from.
        clock: seconds, for the times in the record of costs; wall time by default.

    Attributes:
        topology: `topology.plan(n)` says degree and threshold for n clients, and why.
    """

    def __init__(
        self,
        topology: Topology | None = None,
        *,
        signed: bool = True,
        randomness: Randomness = SYSTEM,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.stages = tuple(
            stage.value for stage in Stage if signed or stage is not Stage.CONSISTENCY
        )
        self.topology = topology or CompleteGraph()
        self._signed = signed
        self._randomness = randomness
        self._clock = clock
        self._policy = ClientPolicy(self.topology, signatures_required=signed)
        self._registry: dict[ClientId, VerifyKey] = {}
        self._clients: dict[ClientId, MaskingClient] = {}

    def sum(
        self,
        vectors: Mapping[ClientId, IntegerVector],
        modulus_bits: int,
        *,
        round_id: int,
        dropouts: Mapping[ClientId, str] | None = None,
        faults: Sequence[Fault] = (),
    ) -> SumResult:
        """Run one session; see `SecureSum.sum`."""
        cohort = tuple(sorted(vectors))
        length = np.size(vectors[cohort[0]]) if cohort else 0
        parameters = MaskingParameters.plan(
            len(cohort), length, modulus_bits, self.topology, self._signed
        )
        for vector in vectors.values():
            check_vector(vector, length, modulus_bits)
        for client in cohort:
            self._enrol(client)
        server = MaskingServer(cohort, parameters, round_id, self._registry, self._randomness)
        names = {kind.value: kind.name.lower().replace("_", " ") for kind in MessageType}
        channel = Channel(self.stages, names, dropouts, faults, self._clock)
        return _Session(server, self._clients, vectors, channel).run(self.stages)

    def _enrol(self, client: ClientId) -> None:
        """Give a new client its identity, and all clients its verify key."""
        if client in self._clients:
            return
        identity = SigningIdentity.generate(self._randomness) if self._signed else None
        if identity is not None:
            self._registry[client] = identity.verify_key
        self._clients[client] = MaskingClient(
            client, identity, self._registry, self._policy, self._randomness
        )


class _Session:
    """Runs the roles through their stages."""

    def __init__(
        self,
        server: MaskingServer,
        clients: Mapping[ClientId, MaskingClient],
        vectors: Mapping[ClientId, IntegerVector],
        channel: Channel,
    ) -> None:
        self._server = server
        self._clients = clients
        self._vectors = vectors
        self._channel = channel
        self._parts: dict[ClientId, ClientRound] = {}
        self._exchange = Exchange(channel, tuple(vectors), self._answer, server.receive)

    def run(self, stages: Sequence[str]) -> SumResult:
        server = self._server
        openings: Mapping[str, Callable[[], Mapping[ClientId, bytes]]] = {
            Stage.ADVERTISE_KEYS: server.invite,
            Stage.SHARE_KEYS: server.publish_keys,
            Stage.MASKED_INPUT: server.deliver_shares,
            Stage.CONSISTENCY: server.announce_survivors,
            Stage.UNMASKING: server.publish_agreements
            if Stage.CONSISTENCY in stages
            else server.announce_survivors,
        }
        stage = stages[0]
        try:
            for stage in stages:
                with self._channel.work(SERVER, stage):
                    messages = openings[stage]()
                self._exchange.carry(stage, messages)
            with self._channel.work(SERVER, stage):
                result = server.unmask()
        except (AbortError, ProtocolError) as error:
            raise SessionAbortedError(
                stage, error, self._channel.costs(), tuple(self._exchange.refusals)
            ) from error
        self._note_false_shares(stage, result)
        return SumResult(
            result.sum, result.survivors, self._channel.costs(), tuple(self._exchange.refusals)
        )

    def _answer(self, stage: str, client: ClientId, data: bytes) -> bytes:
        if stage == Stage.ADVERTISE_KEYS:
            self._parts[client], answer = self._clients[client].join(data)
            return answer
        part = self._parts[client]
        if stage == Stage.SHARE_KEYS:
            return part.share_keys(data)
        if stage == Stage.MASKED_INPUT:
            return part.masked_input(data, self._vectors[client])
        if stage == Stage.CONSISTENCY:
            return part.confirm_survivors(data)
        return part.unmask(data)

    def _note_false_shares(self, stage: str, result: Unmasked) -> None:
        for holder in result.false_holders:
            error = ShareError("a false share", holder)
            self._exchange.refusals.append(Refusal(stage, SERVER, error))
