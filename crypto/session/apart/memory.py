"""A carrier within one process: queues between the server and parties, which tests can disturb."""

import asyncio
from collections.abc import Callable

from crypto.parties import Party
from crypto.session.apart.links import Arrival, LinkLostError

Alter = Callable[[Party, bytes], bytes]
"""From the party at the other end and what was sent to what arrives."""


class MemoryHub:
    """The server's end, to which parties connect by `line`.

    Attributes:
        alter_up: what becomes of messages to the server; None: nothing.
        alter_down: what becomes of messages of the server.
        delay: seconds that every message takes.
    """

    def __init__(self) -> None:
        self.alter_up: Alter | None = None
        self.alter_down: Alter | None = None
        self.delay = 0.0
        self._inbox: asyncio.Queue[Arrival] = asyncio.Queue()
        self._lines: dict[Party, MemoryLine] = {}

    @property
    def connected(self) -> frozenset[Party]:
        """The parties with a line."""
        return frozenset(self._lines)

    def line(self, party: Party) -> "MemoryLine":
        """Connect a party; a line that it had before is cut."""
        self.cut(party)
        self._lines[party] = MemoryLine(self, party)
        return self._lines[party]

    def cut(self, party: Party) -> None:
        """End a party's connection, as the end of its program would."""
        line = self._lines.pop(party, None)
        if line is not None:
            line.inbox.put_nowait(None)
            self._inbox.put_nowait(Arrival(party, None))

    def hang(self, party: Party) -> None:
        """Keep what is sent to a party until `wake`: it is connected, and silent."""
        self._lines[party].awake.clear()

    def wake(self, party: Party) -> None:
        """Let a party go on that was made to hang."""
        self._lines[party].awake.set()

    async def send(self, party: Party, data: bytes) -> None:
        """Queue a message for a party; without effect if it is gone."""
        line = self._lines.get(party)
        if line is not None:
            changed = data if self.alter_down is None else self.alter_down(party, data)
            await self._later(line.inbox.put_nowait, changed)

    async def receive(self) -> Arrival:
        """Return the next message, or departure, of any party."""
        return await self._inbox.get()

    async def take_up(self, line: "MemoryLine", data: bytes) -> None:
        """Take a message of a party, unless its line was cut."""
        if self._lines.get(line.party) is line:
            changed = data if self.alter_up is None else self.alter_up(line.party, data)
            await self._later(self._inbox.put_nowait, Arrival(line.party, changed))

    async def _later(self, put: Callable[..., None], item: bytes | Arrival) -> None:
        if self.delay:
            asyncio.get_running_loop().call_later(self.delay, put, item)
        else:
            put(item)


class MemoryLine:
    """A party's end; made by `MemoryHub.line`.

    Attributes:
        party: whose.
        inbox: what was sent to it; None after the last message.
        awake: cleared while the party is made to hang.
    """

    def __init__(self, hub: MemoryHub, party: Party) -> None:
        self.party = party
        self.inbox: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.awake = asyncio.Event()
        self.awake.set()
        self._hub = hub

    async def send(self, data: bytes) -> None:
        """Queue a message for the server; without effect if the line was cut."""
        await self.awake.wait()
        await self._hub.take_up(self, data)

    async def receive(self) -> bytes:
        """Return the server's next message.

        Raises:
            LinkLostError: if the line was cut.
        """
        data = await self.inbox.get()
        await self.awake.wait()
        if data is None:
            self.inbox.put_nowait(None)  # for whoever asks again
            raise LinkLostError("the line was cut")
        return data
