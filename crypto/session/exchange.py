"""Carries one stage's messages between server and clients, and notes what a role refuses."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from crypto.errors import AbortError, ProtocolError
from crypto.parties import SERVER, ClientId
from crypto.session.channel import Channel
from crypto.session.secure_sum import Refusal

Answer: TypeAlias = Callable[[str, ClientId, bytes], bytes | None]
"""From a stage, a client and what was sent to it, to what the client answers, if anything."""

Receive: TypeAlias = Callable[[ClientId, bytes], None]
"""The server's `receive`: from the sender, as the transport knows it, and what it sent."""


class Exchange:
    """The messages of one session: whatever a role refuses is noted, and the session goes on.

    Args:
        channel: delivers and counts.
        clients: all clients of the session.
        answer: runs a client's step.
        receive: gives the server a client's message.
    """

    def __init__(
        self, channel: Channel, clients: Sequence[ClientId], answer: Answer, receive: Receive
    ) -> None:
        self._channel = channel
        self._clients = clients
        self._answer = answer
        self._receive_one = receive
        self.refusals: list[Refusal] = []
        """What was refused so far."""

    def carry(self, stage: str, messages: Mapping[ClientId, bytes]) -> None:
        """Carry the server's messages to the clients and their answers back."""
        for client, data in messages.items():
            self._channel.send(stage, SERVER, client, data)
        for client in self._clients:
            for envelope in self._channel.collect(stage, client):
                answer = self._client_step(stage, client, envelope.data)
                if answer is not None:
                    self._channel.send(stage, client, SERVER, answer)
            if self._channel.keeps_order:  # no upload need wait in memory for the others
                self._receive(stage)
        self._receive(stage)

    def _receive(self, stage: str) -> None:
        """Give the server what has arrived for it."""
        for envelope in self._channel.collect(stage, SERVER):
            if not isinstance(envelope.sender, int):
                continue
            try:
                with self._channel.work(SERVER, stage):
                    self._receive_one(envelope.sender, envelope.data)
            except ProtocolError as error:
                self.refusals.append(Refusal(stage, SERVER, error))

    def _client_step(self, stage: str, client: ClientId, data: bytes) -> bytes | None:
        try:
            with self._channel.work(client, stage):
                return self._answer(stage, client, data)
        except (ProtocolError, AbortError) as error:
            self.refusals.append(Refusal(stage, client, error))
        return None
