"""A dealing from end to end: `GroupDealing` is what runtimes call."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from crypto.errors import ParameterError, ProtocolError
from crypto.parties import ClientId
from crypto.protocols.dealing.client import DealingClient, DealingClientSession
from crypto.protocols.dealing.groups import Groups
from crypto.protocols.dealing.messages import MOST_DEALINGS, MessageType
from crypto.protocols.dealing.server import DealingServer
from crypto.protocols.dealing.stages import Stage
from crypto.randomness import SYSTEM, Randomness
from crypto.session.channel import Channel
from crypto.session.client_session import JoinedParts
from crypto.session.consortium import Consortium
from crypto.session.costs import Costs
from crypto.session.exchange import ChannelExchange
from crypto.session.faults import Fault
from crypto.session.runner import StageRunner
from crypto.session.secure_sum import Refusal, SessionAbortedError
from crypto.session.steps import in_turn
from crypto.session.thresholds import MIN_CLIENTS, plan_threshold
from crypto.wire import message_names


@dataclass(frozen=True)
class DealtRound:
    """What the dealings of a round came to.

    Attributes:
        groups: as the server and all clients in `informed` know them.
        informed: the clients that know their group; others vanished at the end.
        dealings: how many it took.
        costs: of all of them.
        refusals: messages that were not accepted.
    """

    groups: Groups
    informed: frozenset[ClientId]
    dealings: int
    costs: Costs
    refusals: tuple[Refusal, ...]


class GroupDealing:
    """Dealings with all roles in one process; clients live as long as this object.

    Args:
        group_size: fewest clients of a group, three at least.
        randomness: where contributions and identities come from.
        clock: seconds, for the times in the record of costs.
        consortium: the clients' identities; None: new ones, made here.

    Attributes:
        stages: names of its stages at which clients can drop out.

    Raises:
        ParameterError: for smaller groups.
    """

    stages = tuple(stage.value for stage in Stage)

    def __init__(
        self,
        group_size: int = MIN_CLIENTS,
        *,
        randomness: Randomness = SYSTEM,
        clock: Callable[[], float] = time.perf_counter,
        consortium: Consortium | None = None,
    ) -> None:
        if group_size < MIN_CLIENTS:
            raise ParameterError(
                f"group_size={group_size}: at least {MIN_CLIENTS} are needed, as the sum of two "
                "gives one's value to the other"
            )
        self._group_size = group_size
        self._consortium = consortium or Consortium(True, randomness)
        self._randomness = randomness
        self._clock = clock
        self._clients: dict[ClientId, DealingClient] = {}

    def client(self, client: ClientId) -> DealingClient:
        """Return a client; a new one gets its identity, and all others its verify key."""
        if client not in self._clients:
            identity, registry = self._consortium.identity(client), self._consortium.registry
            if identity is None or registry is None:
                raise ParameterError("a dealing needs clients that sign")
            self._clients[client] = DealingClient(
                client, identity, registry, self._group_size, self._randomness
            )
        return self._clients[client]

    def deal(
        self,
        cohort: Collection[ClientId],
        *,
        round_id: int,
        dropouts: Mapping[ClientId, str] | None = None,
        faults: Sequence[Fault] = (),
        binding: bytes = b"",
    ) -> DealtRound:
        """Deal a cohort into groups, in up to `MOST_DEALINGS` dealings.

        Who committed and did not reveal is not in the next one.

        Args:
            cohort: the clients asked.
            round_id: the training round.
            dropouts: client -> the stage in which it no longer answers.
            faults: what happens to single messages.
            binding: digest of what the server gave the clients; empty if it was nothing.

        Raises:
            ParameterError: if the cohort is too small for a group.
            SessionAbortedError: if too few clients are left, or the last dealing failed. It may not
                be run again if clients revealed: then `may_be_opened`.
        """
        clients = tuple(sorted(cohort))
        plan_threshold(len(clients))
        if len(clients) < self._group_size:
            raise ParameterError(
                f"{len(clients)} clients are too few for a group of {self._group_size}"
            )
        for client in clients:
            self.client(client)
        costs, refusals = Costs(), tuple[Refusal, ...]()
        for attempt in range(1, MOST_DEALINGS + 1):
            server = DealingServer(
                clients,
                *(round_id, attempt, self._group_size, self._consortium.registry or {}),
                *(self._randomness, binding),
            )
            try:
                informed, spent, refused = self._run(server, clients, dropouts, faults, binding)
            except SessionAbortedError as error:
                costs, refusals = costs + error.costs, refusals + error.refusals
                left = tuple(c for c in server.committed if c not in server.vanished)
                is_last = attempt == MOST_DEALINGS or len(left) < max(MIN_CLIENTS, self._group_size)
                if not server.vanished or is_last:
                    error.costs, error.refusals = costs, refusals
                    error.may_be_opened = bool(server.committed)
                    raise
                clients = left
            else:
                return DealtRound(
                    server.groups(), informed, attempt, costs + spent, refusals + refused
                )
        raise AssertionError("the last attempt returns or raises")  # pragma: no cover

    def _run(
        self,
        server: DealingServer,
        clients: tuple[ClientId, ...],
        dropouts: Mapping[ClientId, str] | None,
        faults: Sequence[Fault],
        binding: bytes,
    ) -> tuple[frozenset[ClientId], Costs, tuple[Refusal, ...]]:
        mine = {client: stage for client, stage in (dropouts or {}).items() if client in clients}
        channel = Channel(self.stages, message_names(MessageType), mine, faults, self._clock)
        parts: JoinedParts[DealingClientSession] = JoinedParts()

        def answer(stage: str, client: ClientId, data: bytes) -> bytes | None:
            if stage == Stage.COMMIT:
                parts[client], first = self._clients[client].join(data, binding)
                return first
            return parts[client].step(stage, data)

        steps = in_turn(channel, answer)
        runner = StageRunner(ChannelExchange(channel, clients, steps, server.receive))
        with runner.aborting():
            runner.run_stages(server.openings())
        groups, informed = server.groups(), set()
        for client, part in parts.items():
            try:
                if part.groups == groups:
                    informed.add(client)
            except ProtocolError:  # the last message did not reach it, or did not convince it
                continue
        return frozenset(informed), runner.costs(), runner.refusals
