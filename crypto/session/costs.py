"""What a session cost: one typed record, the same for every protocol.

Bytes are the lengths of encoded messages and nothing else; seconds are the time that roles spent
computing, apart from each other; operations are what primitives told while they did.
"""

from collections.abc import Callable, Collection, Hashable, Iterable
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, TypeVar

from crypto.operations import Operation
from crypto.parties import ClientId, Party

Direction: TypeAlias = Literal["up", "down"]
Role: TypeAlias = Literal["client", "server", "authority"]

_Row = TypeVar("_Row")


@dataclass(frozen=True)
class MessageCost:
    """All messages of one type that crossed in one stage.

    Attributes:
        stage: the protocol's name of the stage.
        direction: "up" from clients to the server, "down" from server or authority to clients.
        message: name of the message type.
        count: how many were sent, arrived or not.
        bytes: their total encoded length.
    """

    stage: str
    direction: Direction
    message: str
    count: int
    bytes: int


@dataclass(frozen=True)
class WorkCost:
    """All computing of one role in one stage.

    Attributes:
        stage: the protocol's name of the stage.
        role: "client", all of them together, "server" or "authority".
        steps: how many steps were run.
        seconds: their total wall time.
    """

    stage: str
    role: Role
    steps: int
    seconds: float


@dataclass(frozen=True)
class ClientCost:
    """One client's part.

    Attributes:
        client: whose.
        bytes_up: encoded length of what it sent.
        bytes_down: encoded length of what was sent to it.
        seconds: time that its steps took.
    """

    client: ClientId
    bytes_up: int
    bytes_down: int
    seconds: float


@dataclass(frozen=True)
class OperationCost:
    """All operations of one kind that one party did in one stage.

    Attributes:
        stage: the protocol's name of the stage.
        party: whose.
        operation: which.
        count: how often.
    """

    stage: str
    party: Party
    operation: Operation
    count: int


@dataclass(frozen=True)
class Costs:
    """The cost of one session, or of several added together.

    Attributes:
        messages: a row per stage, direction and message type.
        work: a row per stage and role.
        clients: a row per client that sent, received or computed anything.
        operations: a row per stage, party and kind of operation.
    """

    messages: tuple[MessageCost, ...] = ()
    work: tuple[WorkCost, ...] = ()
    clients: tuple[ClientCost, ...] = ()
    operations: tuple[OperationCost, ...] = ()

    @property
    def bytes_up(self) -> int:
        """Encoded length of all that clients sent."""
        return sum(row.bytes for row in self.messages if row.direction == "up")

    @property
    def bytes_down(self) -> int:
        """Encoded length of all that the server, and the authority if there is one, sent."""
        return sum(row.bytes for row in self.messages if row.direction == "down")

    @property
    def client_seconds(self) -> float:
        """Computing time of all clients together."""
        return sum(row.seconds for row in self.work if row.role == "client")

    @property
    def server_seconds(self) -> float:
        """Computing time of the server."""
        return sum(row.seconds for row in self.work if row.role == "server")

    @property
    def authority_seconds(self) -> float:
        """Computing time of the authority, or of whoever holds the key."""
        return sum(row.seconds for row in self.work if row.role == "authority")

    def count(self, party: Party, operation: Operation) -> int:
        """Return how often a party did an operation."""
        rows = (row for row in self.operations if row.party == party)
        return sum(row.count for row in rows if row.operation == operation)

    def without(self, stages: Collection[str]) -> "Costs":
        """Return the rows of all other stages; those of single clients are left out."""
        return Costs(
            tuple(row for row in self.messages if row.stage not in stages),
            tuple(row for row in self.work if row.stage not in stages),
            operations=tuple(row for row in self.operations if row.stage not in stages),
        )

    def within(self, stage: str) -> "Costs":
        """Return the costs of a protocol that is one stage of another."""
        moved = Costs(
            tuple(replace(row, stage=stage) for row in self.messages),
            tuple(replace(row, stage=stage) for row in self.work),
            self.clients,
            tuple(replace(row, stage=stage) for row in self.operations),
        )
        return moved + Costs()  # adds up the rows that are now of one stage

    def __add__(self, other: "Costs") -> "Costs":
        """Return the cost of two sessions together."""
        return Costs(
            _grouped(
                self.messages + other.messages,
                lambda row: (row.stage, row.direction, row.message),
                lambda a, b: MessageCost(
                    a.stage, a.direction, a.message, a.count + b.count, a.bytes + b.bytes
                ),
            ),
            _grouped(
                self.work + other.work,
                lambda row: (row.stage, row.role),
                lambda a, b: WorkCost(a.stage, a.role, a.steps + b.steps, a.seconds + b.seconds),
            ),
            _grouped(
                self.clients + other.clients,
                lambda row: row.client,
                lambda a, b: ClientCost(
                    a.client,
                    a.bytes_up + b.bytes_up,
                    a.bytes_down + b.bytes_down,
                    a.seconds + b.seconds,
                ),
            ),
            _grouped(
                self.operations + other.operations,
                lambda row: (row.stage, row.party, row.operation),
                lambda a, b: replace(a, count=a.count + b.count),
            ),
        )


def _grouped(
    rows: Iterable[_Row], key: Callable[[_Row], Hashable], join: Callable[[_Row, _Row], _Row]
) -> tuple[_Row, ...]:
    groups: dict[Hashable, _Row] = {}
    for row in rows:
        name = key(row)
        groups[name] = join(groups[name], row) if name in groups else row
    return tuple(groups.values())
