"""The record of what a session costs, while it runs: bytes that cross, time and operations.

Every transport of messages keeps one, so that all costs of a session come from one place.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from crypto.errors import DecodingError
from crypto.operations import Operation, counted_in
from crypto.parties import SERVER, ClientId, Party
from crypto.session.costs import (
    ClientCost,
    Costs,
    Direction,
    MessageCost,
    OperationCost,
    Role,
    WorkCost,
)
from crypto.wire import message_type

OTHER = "other"
"""The name under which bytes are counted that are no message of the session's protocols."""


class CostRecord:
    """What one session has cost so far.

    Args:
        message_names: type number -> name.
        clock: seconds, for the times of the record.
    """

    def __init__(
        self,
        message_names: Mapping[int, str],
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._names = message_names
        self._clock = clock
        self._sizes: dict[tuple[str, Direction, str], list[int]] = {}
        self._times: dict[tuple[str, Role], list[float]] = {}
        self._clients: dict[ClientId, tuple[int, int, float]] = {}
        self._operations: dict[tuple[str, Party], Counter[Operation]] = {}

    def count(self, stage: str, sender: Party, receiver: Party, data: bytes) -> None:
        """Count a message that was sent, arrived or not.

        Args:
            stage: the stage in which it was sent.
            sender: who sent it.
            receiver: for whom it is.
            data: the encoded message; bytes that are none are counted as "other".
        """
        size = len(data)
        direction: Direction = "up" if receiver == SERVER else "down"
        entry = self._sizes.setdefault((stage, direction, self._name(data)), [0, 0])
        entry[0] += 1
        entry[1] += size
        if isinstance(sender, int):
            self._add_to_client(sender, size, 0, 0.0)
        if isinstance(receiver, int):
            self._add_to_client(receiver, 0, size, 0.0)

    @contextmanager
    def work(self, party: Party, stage: str) -> Iterator[None]:
        """Time a step of one party and count its operations, also of a step that raises."""
        counter = self._operations.setdefault((stage, party), Counter())
        start = self._clock()
        try:
            with counted_in(counter):
                yield
        finally:
            self.add_work(party, stage, self._clock() - start)

    def add_work(self, party: Party, stage: str, seconds: float) -> None:
        """Add a step of one party that took some time."""
        role: Role = "client" if isinstance(party, int) else party
        entry = self._times.setdefault((stage, role), [0, 0.0])
        entry[0] += 1
        entry[1] += seconds
        if isinstance(party, int):
            self._add_to_client(party, 0, 0, seconds)

    def add_counted_work(
        self, party: Party, stage: str, seconds: float, counted: Mapping[Operation, int]
    ) -> None:
        """Add a step of one party that another process took, and the operations in it."""
        self._operations.setdefault((stage, party), Counter()).update(counted)
        self.add_work(party, stage, seconds)

    def alone(self) -> "CostRecord":
        """Return an empty record like this one."""
        return CostRecord(self._names, self._clock)

    def costs(self) -> Costs:
        """Return the record of what has crossed and been computed so far."""
        return Costs(
            tuple(
                MessageCost(*key, count=count, bytes=size)
                for key, (count, size) in self._sizes.items()
            ),
            tuple(
                WorkCost(*key, steps=int(steps), seconds=seconds)
                for key, (steps, seconds) in self._times.items()
            ),
            tuple(ClientCost(client, *cost) for client, cost in sorted(self._clients.items())),
            tuple(
                OperationCost(*key, operation, count)
                for key, counter in self._operations.items()
                for operation, count in counter.items()
            ),
        )

    def _name(self, data: bytes) -> str:
        try:
            return self._names.get(message_type(data), OTHER)
        except DecodingError:
            return OTHER

    def _add_to_client(self, client: ClientId, up: int, down: int, seconds: float) -> None:
        cost = self._clients.get(client, (0, 0, 0.0))
        self._clients[client] = (cost[0] + up, cost[1] + down, cost[2] + seconds)
