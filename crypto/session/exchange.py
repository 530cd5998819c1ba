"""Carries one stage's messages between server and clients, and notes what a role refuses."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from crypto.errors import AbortError, ProtocolError
from crypto.parties import AUTHORITY, SERVER, ClientId
from crypto.session.channel import Channel
from crypto.session.cost_record import CostRecord
from crypto.session.secure_sum import Refusal
from crypto.session.steps import Steps

Receive: TypeAlias = Callable[[ClientId, bytes], None]
"""The server's `receive`: from the sender, as the transport knows it, and what it sent."""

Opening: TypeAlias = Callable[[], Mapping[ClientId, bytes]]
"""What a party does to open a stage: it returns a message for each client still there."""

TakeDealt: TypeAlias = Callable[[ClientId, bytes], None]
"""Gives a client what an authority dealt it."""


class Exchange(ABC):
    """The messages of one session: whatever a role refuses is noted, and the session goes on.

    The server's part in a session is the same whether its clients are at hand or apart; an exchange
    is how its messages reach them.

    Args:
        record: of what the session costs.
        receive: gives the server a client's message.
    """

    def __init__(self, record: CostRecord, receive: Receive) -> None:
        self.record = record
        self.refusals: list[Refusal] = []
        """What was refused so far."""
        self._receive_one = receive

    @abstractmethod
    def carry(self, stage: str, messages: Mapping[ClientId, bytes]) -> None:
        """Carry the server's messages to the clients and their answers back."""

    @abstractmethod
    def deal(self, stage: str, dealing: Opening, take: TakeDealt) -> None:
        """Let an authority give the clients something over its own channel to each of them.

        Args:
            stage: the stage in which it does.
            dealing: what the authority does.
            take: gives it to a client that is at hand.
        """

    def _give(self, stage: str, sender: ClientId, data: bytes) -> None:
        """Give the server a client's message."""
        try:
            with self.record.work(SERVER, stage):
                self._receive_one(sender, data)
        except ProtocolError as error:
            self.refusals.append(Refusal(stage, SERVER, error))


class ChannelExchange(Exchange):
    """The messages of a session whose clients are at hand.

    Args:
        channel: delivers and counts.
        clients: all clients of the session.
        steps: takes the clients' steps.
        receive: gives the server a client's message.
    """

    def __init__(
        self, channel: Channel, clients: Sequence[ClientId], steps: Steps, receive: Receive
    ) -> None:
        super().__init__(channel, receive)
        self._channel = channel
        self._clients = tuple(clients)
        self._steps = steps

    def carry(self, stage: str, messages: Mapping[ClientId, bytes]) -> None:
        """Carry the server's messages to the clients and their answers back."""
        for client, data in messages.items():
            self._channel.send(stage, SERVER, client, data)
        asked = [
            (client, envelope.data)
            for client in self._clients
            for envelope in self._channel.collect(stage, client)
        ]
        for client, outcome in self._steps(stage, asked):
            if isinstance(outcome, Exception):
                self.refusals.append(Refusal(stage, client, outcome))
            elif outcome is not None:
                self._channel.send(stage, client, SERVER, outcome)
            if self._channel.keeps_order:  # no upload need wait in memory for the others
                self._receive(stage)
        self._receive(stage)

    def deal(self, stage: str, dealing: Opening, take: TakeDealt) -> None:
        """Let an authority at hand deal, and its clients take what it deals."""
        with self._channel.work(AUTHORITY, stage):
            messages = dealing()
        for client, data in messages.items():
            self._channel.send(stage, AUTHORITY, client, data)
        for client in self._clients:
            for envelope in self._channel.collect(stage, client):
                try:
                    with self._channel.work(client, stage):
                        take(client, envelope.data)
                except (ProtocolError, AbortError) as error:
                    self.refusals.append(Refusal(stage, client, error))

    def _receive(self, stage: str) -> None:
        """Give the server what has arrived for it."""
        for envelope in self._channel.collect(stage, SERVER):
            if isinstance(envelope.sender, int):
                self._give(stage, envelope.sender, envelope.data)
