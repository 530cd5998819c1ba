"""The channel between the roles of a protocol: it carries bytes, counts them, and fails by plan.

Nothing but `bytes` crosses, so a role can use only what a real message would have told it. The
channel also times each role's steps and counts its operations, so that all costs of a session come
from one place.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from crypto.errors import ParameterError
from crypto.parties import ClientId, Party
from crypto.session.cost_record import CostRecord
from crypto.session.faults import Alter, Delay, Drop, Duplicate, Fault, Overtake
from crypto.wire import message_type


@dataclass(frozen=True)
class Envelope:
    """A message under way.

    Attributes:
        stage: the stage in which it was sent.
        sender: who sent it, as the transport knows it.
        receiver: for whom it is.
        data: the encoded message.
    """

    stage: str
    sender: Party
    receiver: Party
    data: bytes


class Channel(CostRecord):
    """Delivers the messages of one session.

    Args:
        stages: the protocol's stages in their order.
        message_names: type number -> name, for the record of costs.
        dropouts: client -> the stage from which on it neither sends nor receives anything.
        faults: what happens to single messages; rules are tried in order, the first match counts.
        clock: seconds, for the times of the record.

    Raises:
        ParameterError: if a dropout or fault names a stage that does not exist.
    """

    def __init__(
        self,
        stages: Sequence[str],
        message_names: Mapping[int, str],
        dropouts: Mapping[ClientId, str] | None = None,
        faults: Sequence[Fault] = (),
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        super().__init__(message_names, clock)
        self._order = {stage: number for number, stage in enumerate(stages)}
        self._dropouts = dict(dropouts or {})
        self._faults = tuple(faults)
        self._queues: dict[tuple[str, Party], list[Envelope]] = {}
        named = [*self._dropouts.values(), *(fault.stage for fault in self._faults)]
        named += [fault.action.until for fault in self._faults if isinstance(fault.action, Delay)]
        for stage in named:
            if stage is not None and stage not in self._order:
                raise ParameterError(f"{stage!r} is no stage; there are {', '.join(stages)}")

    def is_present(self, client: ClientId, stage: str) -> bool:
        """Tell whether a client has not dropped out before the end of a stage."""
        gone = self._dropouts.get(client)
        return gone is None or self._order[stage] < self._order[gone]

    @property
    def keeps_order(self) -> bool:
        """Whether messages of a stage arrive as they were sent, so that none need wait."""
        return not any(isinstance(fault.action, Overtake) for fault in self._faults)

    def send(self, stage: str, sender: Party, receiver: Party, data: bytes) -> None:
        """Take a message, count it, and queue what will arrive of it.

        Raises:
            DecodingError: for bytes that are no message.
        """
        message_type(data)
        envelope = Envelope(stage, sender, receiver, data)
        self.count(stage, sender, receiver, data)
        action = next((f.action for f in self._faults if f.matches(stage, sender, receiver)), None)
        arrival, front, copies = stage, False, 1
        match action:
            case Drop():
                copies = 0
            case Delay(until):
                arrival = until
            case Duplicate():
                copies = 2
            case Overtake():
                front = True
            case Alter(change):
                envelope = Envelope(stage, sender, receiver, change(data))
        queue = self._queues.setdefault((arrival, receiver), [])
        position = 0 if front else len(queue)
        queue[position:position] = [envelope] * copies

    def collect(self, stage: str, receiver: Party) -> list[Envelope]:
        """Hand over what has arrived for a party by the end of a stage."""
        arrived = self._queues.pop((stage, receiver), [])
        if isinstance(receiver, int) and not self.is_present(receiver, stage):
            return []
        return arrived
