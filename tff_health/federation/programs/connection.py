"""How a site, or an authority, stays connected to the server: it comes back, with patience."""

import asyncio
import logging
import math
import random
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from crypto.session.apart.links import Line, LinkLostError
from crypto.session.apart.participant import Participant
from tff_health.federation.carrier.greeting import Greeting
from tff_health.federation.carrier.limits import Traffic
from tff_health.federation.carrier.line import connect
from tff_health.federation.consortium.credentials import Credentials
from tff_health.federation.errors import GaveUpError, RefusedError

log = logging.getLogger(__name__)
_SHORTEST, _LONGEST = 0.5, 30.0
_LASTED = 60.0
_GOODBYE_SECONDS = 1.0
_TELL_EVERY = 3600.0


class Connect(Protocol):
    """How a party connects to the server; `tff_health.federation.carrier.line.connect` is one."""

    def __call__(
        self,
        address: str,
        credentials: Credentials,
        greeting: Greeting,
        *,
        traffic: Traffic | None = None,
    ) -> AbstractAsyncContextManager[Line]:
        """Connects for as long as the block runs; LinkLostError or RefusedError if it cannot."""
        ...


async def stay(
    participant: Participant,
    address: str,
    credentials: Credentials,
    greeting: Greeting,
    traffic: Traffic | None = None,
    connecting: Connect | None = None,
    give_up_after: float = math.inf,
) -> None:
    """Answers the server for as long as this is not cancelled; connects again whenever needed.

    It waits between two tries, twice as long each time and at most half a minute, but begins anew
    once a connection was of use; not exactly, so that all sites do not come at once.

    Args:
        participant: answers.
        address: host:port of the server.
        credentials: of this party.
        greeting: what it says of itself.
        traffic: where its messages are counted.
        connecting: how it connects; None for gRPC.
        give_up_after: seconds without a connection after which it tries no more.

    Raises:
        GaveUpError: if it tries no more.
        RefusedError: if the server refuses this party, or the reverse, for good.
    """
    wait, loop = _SHORTEST, asyncio.get_running_loop()
    absence = _Absence(address, give_up_after, loop.time())
    while True:
        begun, replies = loop.time(), participant.replies
        try:
            async with (connecting or connect)(
                address, credentials, greeting, traffic=traffic
            ) as line:
                log.info("connected to %s", address)
                absence.since = math.inf
                await participant.serve(line)
        except (LinkLostError, RefusedError) as error:
            if isinstance(error, RefusedError) and error.is_final:
                raise
            absence.goes_on(error, loop.time())
        was_of_use = participant.replies > replies or loop.time() - begun > _LASTED
        wait = _SHORTEST if was_of_use else min(2 * wait, _LONGEST)
        await asyncio.sleep(min(wait * random.uniform(0.5, 1.0), absence.left(loop.time())))


async def until_over(staying: Coroutine[Any, Any, None], over: asyncio.Event) -> None:
    """Stays connected until the study is over.

    Args:
        staying: what `stay` returned.
        over: set once the server has said so.

    Raises:
        what `staying` raises.
    """
    tasks = asyncio.ensure_future(staying), asyncio.ensure_future(over.wait())
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if tasks[0].done():
            tasks[0].result()  # which can only be an error
        await asyncio.sleep(_GOODBYE_SECONDS)  # until the last answer has left
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Absence:
    """Tells the log how long the server has been away, and when it has been too long.

    Args:
        address: of the server.
        limit: seconds.
        since: when it was there last, in the event loop's time.

    Attributes:
        since: as above; infinity while it is there.
    """

    def __init__(self, address: str, limit: float, since: float) -> None:
        self._address = address
        self._limit = limit
        self._told, self._told_at = "", -math.inf
        self.since = since

    def goes_on(self, error: Exception, now: float) -> None:
        """Tells why there is no connection, once, and again every hour; GaveUpError at the end."""
        if math.isinf(self.since):
            self.since, self._told = now, ""
        if self.left(now) <= 0:
            raise GaveUpError(
                f"{self._address} could not be reached for {_spoken(now - self.since)} "
                f"(give_up_after; last: {error}): if the study goes on, start this program again"
            )
        if str(error) != self._told or now - self._told_at >= _TELL_EVERY:
            away = f", in vain for {_spoken(now - self.since)} so far" if self._told else ""
            left = self.left(now)
            until = "" if math.isinf(left) else f", for {_spoken(left)} at most"
            log.warning("%s; trying again%s%s", error, away, until)
            self._told, self._told_at = str(error), now

    def left(self, now: float) -> float:
        """Returns the seconds until it has been too long."""
        return self._limit - (now - self.since)


def _spoken(seconds: float) -> str:
    return f"{seconds / 3600:.1f} hours" if seconds >= _TELL_EVERY else f"{seconds:.0f} seconds"
