"""A site's end of the carrier: one stream that it opens outward."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import grpc

from crypto.parties import SERVER
from crypto.session.apart.links import LinkLostError
from tff_health.federation.carrier.assembly import Parcel, Room
from tff_health.federation.carrier.channel import METHOD, channel_credentials, channel_options
from tff_health.federation.carrier.frames import FrameError, FrameKind, read_farewell, split
from tff_health.federation.carrier.greeting import Greeting
from tff_health.federation.carrier.inbox import Inbox
from tff_health.federation.carrier.limits import LIMITS, PACE, Limits, Pace
from tff_health.federation.carrier.stream import Stream
from tff_health.federation.consortium.credentials import Credentials
from tff_health.federation.errors import RefusedError


class GrpcLine:
    """A `crypto.session.apart.links.Line` over gRPC; made by `connect`.

    Attributes:
        server: what the server has said of itself.
    """

    def __init__(self, call: Any, server: Greeting, limits: Limits, pace: Pace) -> None:
        self.server = server
        self._inbox = Inbox(limits.waiting)
        room = Room(limits.waiting * limits.message, limits.message)  # it has one server alone
        self._stream = Stream(call, self._deliver, room, limits, pace)
        self._is_gone = False
        self._running = asyncio.create_task(self._run())

    async def send(self, data: bytes) -> None:
        """Queue a message for the server; without effect if the connection is gone."""
        self._stream.send(data)

    async def receive(self) -> bytes:
        """Return the server's next message; waits until there is one.

        Raises:
            LinkLostError: if the connection is gone, and nothing that came before is left to read.
        """
        if not self._is_gone:
            _, parcel = await self._inbox.get()
            if parcel is not None:
                return parcel.take()
            self._is_gone = True
        raise LinkLostError(self._stream.reason)

    async def close(self, reason: str, *, patience: float = 5.0) -> None:
        """Ends the connection after the messages that are queued, and tells the server why."""
        await self._stream.close(reason, is_final=False, patience=patience)

    async def _run(self) -> None:
        try:
            await self._stream.run()
        finally:
            self._inbox.depart(SERVER)

    async def _deliver(self, parcel: Parcel) -> None:
        await self._inbox.put(SERVER, parcel)


@asynccontextmanager
async def connect(
    address: str,
    credentials: Credentials,
    greeting: Greeting,
    limits: Limits = LIMITS,
    pace: Pace = PACE,
) -> AsyncIterator[GrpcLine]:
    """Connects to the server, and disconnects in the end.

    Args:
        address: host:port of the server, whose certificate must be for this host.
        credentials: the site's.
        greeting: what it says of itself.
        limits: what it bears.
        pace: how long it waits.

    Raises:
        LinkLostError: if the server cannot be reached, or its certificate is not what it must be.
        RefusedError: if the server refuses the site, or the site the server, with the reason.
    """
    options = channel_options(limits)
    async with grpc.aio.secure_channel(address, channel_credentials(credentials), options) as chan:
        call = chan.stream_stream(METHOD)()
        line = None
        try:
            server = await _greet(call, greeting.now(), address, credentials, pace)
            line = GrpcLine(call, server, limits, pace)
            yield line
        finally:
            if line:
                with suppress(asyncio.CancelledError):
                    await line.close("the site is done", patience=1.0)
            call.cancel()


async def _greet(
    call: Any, greeting: Greeting, address: str, credentials: Credentials, pace: Pace
) -> Greeting:
    try:
        async with asyncio.timeout(pace.silence):
            # Read before it is written, as a refusal may come earlier than that.
            first = asyncio.ensure_future(call.read())
            try:
                with suppress(grpc.RpcError, asyncio.InvalidStateError):
                    await call.write(greeting.to_frame())
                data = await first
            finally:
                first.cancel()
            if data is grpc.aio.EOF:
                raise LinkLostError(f"{address} closed the connection: {await _details(call)}")
            kind, content = split(bytes(data))
            if kind == FrameKind.FAREWELL:
                reason, is_final = read_farewell(content)
                raise RefusedError(f"{address} refuses: {reason}", is_final=is_final)
            server = Greeting.from_content(kind, content)
            greeting.check_answer(server, credentials.server.verify_key)
    except TimeoutError:
        raise LinkLostError(f"{address} gave no answer in {pace.silence:g} seconds") from None
    except FrameError as error:
        raise RefusedError(f"{address} sent {error}") from None
    except (grpc.RpcError, asyncio.InvalidStateError):
        raise LinkLostError(f"{address} cannot be reached: {await _details(call)}") from None
    if problem := greeting.problem(server, "the server"):
        raise RefusedError(problem)
    return server


async def _details(call: Any) -> str:
    if not call.done():
        call.cancel()
    return " ".join(str(await call.details() or "no reason is known").split())[:300]
