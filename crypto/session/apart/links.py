"""The two ends of a carrier: what takes messages from the server to the parties and back.

A carrier delivers whole byte strings of any length, in order, or tells that a connection is gone.
It has authenticated both ends, and keeps what it carries from everybody else. Who sent a message is
what the carrier says, never what the message says.
"""

from dataclasses import dataclass
from typing import Protocol

from crypto.parties import Party


class LinkLostError(Exception):
    """The connection to the server is gone; a new one needs a new line."""


@dataclass(frozen=True)
class Arrival:
    """What the server's end of a carrier has received.

    Attributes:
        party: the sender, as the carrier has authenticated it.
        data: the message; None if the connection of that party is gone.
    """

    party: Party
    data: bytes | None


class Hub(Protocol):
    """The server's end of a carrier, which leads to every party."""

    @property
    def connected(self) -> frozenset[Party]:
        """The parties that a message would reach now, as far as the carrier knows."""
        ...

    async def send(self, party: Party, data: bytes) -> None:
        """Queue a message for a party; without effect if it is gone.

        Args:
            party: for whom it is.
            data: a whole message of any length.
        """
        ...

    async def receive(self) -> Arrival:
        """Return the next message, or departure, of any party; waits until there is one."""
        ...


class Line(Protocol):
    """A party's end of a carrier, which leads to the server."""

    async def send(self, data: bytes) -> None:
        """Queue a message for the server; without effect if the connection is gone.

        Args:
            data: a whole message of any length.
        """
        ...

    async def receive(self) -> bytes:
        """Return the server's next message; waits until there is one.

        Raises:
            LinkLostError: if the connection is gone, and nothing that came before is left to read.
        """
        ...
