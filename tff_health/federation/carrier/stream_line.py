"""A site's end of a stream to the server, whatever carries it, and what both say first."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import grpc

from crypto.parties import SERVER
from crypto.session.apart.links import LinkLostError
from tff_health.federation.carrier.assembly import Parcel, Room
from tff_health.federation.carrier.frames import FrameError, FrameKind, read_farewell, split
from tff_health.federation.carrier.greeting import Greeting
from tff_health.federation.carrier.inbox import Inbox
from tff_health.federation.carrier.limits import Limits, Pace, Traffic
from tff_health.federation.carrier.stream import End, EndedError, Stream
from tff_health.federation.consortium.credentials import Credentials
from tff_health.federation.errors import RefusedError


class StreamLine:
    """A `crypto.session.apart.links.Line` over a stream on which both have greeted each other.

    Args:
        end: the stream.
        server: what the server has said of itself.
        limits: what the line bears.
        pace: how long it waits.
        traffic: where its messages are counted; None if nobody wants to know.

    Attributes:
        server: what the server has said of itself.
    """

    def __init__(
        self,
        end: End,
        server: Greeting,
        limits: Limits,
        pace: Pace,
        traffic: Traffic | None = None,
    ) -> None:
        self.server = server
        self._inbox = Inbox(limits.waiting)
        room = Room(limits.waiting * limits.message, limits.message)  # it has one server alone
        self._stream = Stream(end, self._deliver, room, limits, pace, traffic or Traffic())
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


async def greet(
    end: End,
    greeting: Greeting,
    address: str,
    credentials: Credentials,
    pace: Pace,
    details: Callable[[], Awaitable[str]],
) -> Greeting:
    """Returns what the server says of itself, after it was told who this is.

    Args:
        end: the new stream.
        greeting: what this program says of itself.
        address: of the server, for errors.
        credentials: of this party.
        pace: how long it waits.
        details: returns why the stream has broken.

    Raises:
        LinkLostError: if there is no answer.
        RefusedError: if the server refuses this party, or the reverse, with the reason.
    """
    try:
        async with asyncio.timeout(pace.silence):
            # Read before it is written, as a refusal may come earlier than that.
            first = asyncio.ensure_future(end.read())
            try:
                with suppress(grpc.RpcError, asyncio.InvalidStateError, EndedError):
                    await end.write(greeting.to_frame())
                data = await first
            finally:
                first.cancel()
            if data is grpc.aio.EOF:
                raise LinkLostError(f"{address} closed the connection: {await details()}")
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
    except (grpc.RpcError, asyncio.InvalidStateError, EndedError):
        raise LinkLostError(f"{address} cannot be reached: {await details()}") from None
    greeting.check_like(server, "the server")
    return server
