"""One session of a sum by threshold ElGamal: the roles and the channel between them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic

import numpy as np

from crypto.encoding.residues import IntegerVector
from crypto.errors import AbortError, ProtocolError
from crypto.groups.base import Element
from crypto.parties import SERVER, ClientId
from crypto.protocols.elgamal_sum.authority import KeyDelivery
from crypto.protocols.elgamal_sum.client import ElGamalClient
from crypto.protocols.elgamal_sum.client_session import ElGamalClientSession
from crypto.protocols.elgamal_sum.server import DecryptedSum, ElGamalServer, Stage
from crypto.session.channel import Channel
from crypto.session.client_session import JoinedParts
from crypto.session.costs import Costs
from crypto.session.exchange import Exchange
from crypto.session.secure_sum import Refusal, SessionAbortedError, SumResult


@dataclass(frozen=True)
class KeySetupResult:
    """A system key, what making it cost, and what was refused on the way."""

    delivery: KeyDelivery
    costs: Costs = field(default_factory=Costs)
    refusals: tuple[Refusal, ...] = ()


class ElGamalSession(Generic[Element]):
    """Runs the roles of one session through their stages.

    Args:
        server: the server, at the start of its session.
        clients: the clients, by number.
        vectors: what each of the cohort contributes.
        channel: what carries their messages.
        setup: the system key, and how it came about.
        binding: digest of what the server gave the clients before; empty if it was nothing.
    """

    def __init__(
        self,
        server: ElGamalServer[Element],
        clients: Mapping[ClientId, ElGamalClient[Element]],
        vectors: Mapping[ClientId, IntegerVector],
        channel: Channel,
        setup: KeySetupResult,
        binding: bytes,
    ) -> None:
        self._server = server
        self._clients = clients
        self._vectors = vectors
        self._channel = channel
        self._setup = setup
        self._binding = binding
        self._parts: JoinedParts[ElGamalClientSession[Element]] = JoinedParts()
        self._may_be_opened = False
        self._exchange = Exchange(channel, tuple(vectors), self._answer, server.receive)

    def run(self) -> SumResult:
        """Run all stages.

        Raises:
            SessionAbortedError: if a stage could not be finished.
        """
        stage = Stage.KEY_SETUP
        try:
            self._step(stage, self._server.invite)
            stage = Stage.UPLOAD
            self._step(stage, self._server.request_uploads)
            stage = Stage.DECRYPTION
            waiting = self._step(stage, self._server.request_decryption)
            while waiting:
                waiting = self._step(stage, self._server.request_more_help)
            with self._channel.work(SERVER, stage):
                result: DecryptedSum = self._server.decrypt()
        except (AbortError, ProtocolError) as error:
            raise SessionAbortedError(
                stage,
                error,
                self._costs(),
                self._refusals(),
                may_be_opened=self._may_be_opened,
            ) from error
        total = np.array(result.values, np.uint64)
        return SumResult(total, result.survivors, self._costs(), self._refusals())

    def _step(self, stage: str, opening: Callable[[], Mapping[ClientId, bytes]]) -> bool:
        """Run one exchange; tell whether anybody was asked anything."""
        with self._channel.work(SERVER, stage):
            messages = opening()
        if stage == Stage.DECRYPTION:
            self._may_be_opened = True  # also if nobody answers: answers may come late
        self._exchange.carry(stage, messages)
        return bool(messages)

    def _answer(self, stage: str, client: ClientId, data: bytes) -> bytes:
        if stage == Stage.KEY_SETUP:
            self._parts[client], answer = self._clients[client].join(data, self._binding)
            return answer
        if stage == Stage.UPLOAD:
            return self._parts[client].upload(data, self._vectors[client])
        return self._parts[client].decrypt(data)

    def _costs(self) -> Costs:
        return self._setup.costs + self._channel.costs()

    def _refusals(self) -> tuple[Refusal, ...]:
        return (*self._setup.refusals, *self._exchange.refusals)
