"""A site's end of the carrier over gRPC: one stream that it opens outward."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import grpc

from tff_health.federation.carrier.channel import METHOD, channel_credentials, channel_options
from tff_health.federation.carrier.greeting import Greeting
from tff_health.federation.carrier.limits import LIMITS, PACE, Limits, Pace, Traffic
from tff_health.federation.carrier.stream_line import StreamLine, greet
from tff_health.federation.consortium.credentials import Credentials


@asynccontextmanager
async def connect(
    address: str,
    credentials: Credentials,
    greeting: Greeting,
    limits: Limits = LIMITS,
    pace: Pace = PACE,
    traffic: Traffic | None = None,
) -> AsyncIterator[StreamLine]:
    """Connects to the server, and disconnects in the end.

    Args:
        address: host:port of the server, whose certificate must be for this host.
        credentials: the site's.
        greeting: what it says of itself.
        limits: what it bears.
        pace: how long it waits.
        traffic: where its messages are counted; None if nobody wants to know.

    Raises:
        LinkLostError: if the server cannot be reached, or its certificate is not what it must be.
        RefusedError: if the server refuses the site, or the site the server, with the reason.
    """
    options = channel_options(limits)
    async with grpc.aio.secure_channel(address, channel_credentials(credentials), options) as chan:
        call = chan.stream_stream(METHOD)()
        line = None
        try:
            server = await greet(
                call, greeting.now(), address, credentials, pace, lambda: _details(call)
            )
            line = StreamLine(call, server, limits, pace, traffic)
            yield line
        finally:
            if line:
                with suppress(asyncio.CancelledError):
                    await line.close("the site is done", patience=1.0)
            call.cancel()


async def _details(call: Any) -> str:
    if not call.done():
        call.cancel()
    return " ".join(str(await call.details() or "no reason is known").split())[:300]
