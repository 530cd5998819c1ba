"""How the steps of a stage are taken: in turn in this process, or in others."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeAlias

from crypto.errors import AbortError, ProtocolError
from crypto.parties import ClientId
from crypto.session.cost_record import CostRecord

Answer: TypeAlias = Callable[[str, ClientId, bytes], bytes | None]
"""From a stage, a client and what was sent to it, to what the client answers, if anything."""

Outcome: TypeAlias = bytes | ProtocolError | AbortError | None
"""What a client answers, if anything, or why it refused what was sent to it."""

Asked: TypeAlias = Sequence[tuple[ClientId, bytes]]
"""Clients, and what was sent to each."""


class Steps(Protocol):
    """Takes clients' steps, and puts on record what they cost."""

    def __call__(self, stage: str, asked: Asked) -> Iterator[tuple[ClientId, Outcome]]:
        """Yield what clients answer, in the order in which they were asked."""
        ...


def in_turn(record: CostRecord, answer: Answer) -> Steps:
    """Return steps that are taken in this process, each when its answer is asked for.

    Args:
        record: of what the session costs.
        answer: runs a client's step.
    """

    def take(stage: str, asked: Asked) -> Iterator[tuple[ClientId, Outcome]]:
        for client, data in asked:
            yield client, _outcome(stage, client, data)

    def _outcome(stage: str, client: ClientId, data: bytes) -> Outcome:
        try:
            with record.work(client, stage):
                return answer(stage, client, data)
        except (ProtocolError, AbortError) as error:
            return error

    return take
