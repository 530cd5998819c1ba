"""How a site, or an authority, stays connected to the server: it comes back, with patience."""

import asyncio
import logging
import random
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from crypto.session.apart.links import Line, LinkLostError
from crypto.session.apart.participant import Participant
from tff_health.federation.carrier.greeting import Greeting
from tff_health.federation.carrier.limits import Traffic
from tff_health.federation.carrier.line import connect
from tff_health.federation.consortium.credentials import Credentials
from tff_health.federation.errors import RefusedError

log = logging.getLogger(__name__)
_SHORTEST, _LONGEST = 0.5, 30.0
_LASTED = 60.0


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

    Raises:
        RefusedError: if the server refuses this party, or the reverse, for good.
    """
    wait, told, loop = _SHORTEST, "", asyncio.get_running_loop()
    while True:
        begun, replies = loop.time(), participant.replies
        try:
            async with (connecting or connect)(
                address, credentials, greeting, traffic=traffic
            ) as line:
                log.info("connected to %s", address)
                told = ""
                await participant.serve(line)
        except (LinkLostError, RefusedError) as error:
            if isinstance(error, RefusedError) and error.is_final:
                raise
            if str(error) != told:
                log.warning("%s; trying again", error)
            told = str(error)
        was_of_use = participant.replies > replies or loop.time() - begun > _LASTED
        wait = _SHORTEST if was_of_use else min(2 * wait, _LONGEST)
        await asyncio.sleep(wait * random.uniform(0.5, 1.0))
