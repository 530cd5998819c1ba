"""What has come to the server and waits to be read."""

import asyncio
from collections import Counter

from crypto.parties import Party
from tff_health.federation.carrier.assembly import Parcel


class Inbox:
    """Messages and departures of all parties, in the order in which they came.

    Args:
        most: messages of one party; who sends more waits.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: Counter[Party] = Counter()
        self._queue: asyncio.Queue[tuple[Party, Parcel | None]] = asyncio.Queue()
        self._was_read = asyncio.Event()

    def is_full(self, party: Party) -> bool:
        """Whether a party has to wait until some of what it sent is read."""
        return self._waiting[party] >= self._most

    async def put(self, party: Party, parcel: Parcel) -> None:
        """Puts a message; waits until there is room."""
        try:
            while self.is_full(party):
                self._was_read.clear()
                await self._was_read.wait()
        except asyncio.CancelledError:
            parcel.drop()
            raise
        self._add(party, parcel)

    def depart(self, party: Party) -> None:
        """Puts the departure of a party."""
        self._add(party, None)

    async def get(self) -> tuple[Party, Parcel | None]:
        """Returns the next message, or None for a departure, and whose it is."""
        party, parcel = await self._queue.get()
        self._waiting[party] -= 1
        self._was_read.set()
        return party, parcel

    def drop(self) -> None:
        """Throws away what waits."""
        while not self._queue.empty():
            _, parcel = self._queue.get_nowait()
            if parcel:
                parcel.drop()

    def _add(self, party: Party, parcel: Parcel | None) -> None:
        self._waiting[party] += 1
        self._queue.put_nowait((party, parcel))
