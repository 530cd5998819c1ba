"""One stream, as both of its ends keep it: read, written, watched, and ended with a reason.

Heartbeats go both ways. Whoever hears nothing for a while, or cannot get rid of a piece, takes the
other side for gone: that finds a process that was stopped, or a link that was cut without a word.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final, Protocol

import grpc

from tff_health.federation.carrier.assembly import Assembly, Parcel, Room
from tff_health.federation.carrier.frames import (
    FrameError,
    FrameKind,
    farewell,
    frame,
    pieces,
    read_farewell,
    split,
)
from tff_health.federation.carrier.limits import Limits, Pace, Traffic

_GONE: Final = "the connection is gone"


class End(Protocol):
    """One end of a stream of gRPC, a server's or a client's."""

    async def read(self) -> Any:
        """Return the next frame, or `grpc.aio.EOF`."""
        ...

    async def write(self, message: bytes, /) -> None:
        """Write a frame; waits as long as the other side takes nothing."""
        ...


class EndedError(Exception):
    """A stream has ended; the text says why."""


class Stream:
    """Carries messages over one stream until it ends.

    Args:
        end: the stream; both sides have greeted each other.
        deliver: is given each message that comes; the stream is not read on until it returns.
        room: in which messages are put together.
        limits: what the stream bears.
        pace: how long it waits.
        traffic: where its messages are counted.

    Attributes:
        reason: why the stream has ended.
    """

    def __init__(
        self,
        end: End,
        deliver: Callable[[Parcel], Awaitable[None]],
        room: Room,
        limits: Limits,
        pace: Pace,
        traffic: Traffic,
    ) -> None:
        self._end = end
        self._deliver = deliver
        self._limits = limits
        self._pace = pace
        self._assembly = Assembly(limits.message, room)
        self._messages: deque[bytes] = deque()
        self._queued = 0
        self._owed: dict[FrameKind, bytes] = {}
        self._farewell = b""
        self._last_words = ""
        self.reason = _GONE
        self._work = asyncio.Event()
        self._alive = asyncio.Event()
        self._stop = asyncio.Event()
        self._ended = asyncio.Event()
        self._traffic = traffic

    def send(self, message: bytes) -> None:
        """Queues a message; without effect once the stream ends."""
        if self._stop.is_set() or self._farewell:
            return
        if self._queued + len(message) > self._limits.queued:
            self.stop(f"it takes its messages too slowly: {self._queued:,} bytes wait already")
            return
        self._queued += len(message)
        self._messages.append(message)
        self._work.set()

    async def run(self) -> None:
        """Keeps the stream going until it ends."""
        works = (self._read(), self._write(), self._beat(), self._stopped())
        tasks = [asyncio.ensure_future(work) for work in works]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            self.reason = _why(done)
        finally:
            for task in tasks:
                task.cancel()
            try:
                await asyncio.gather(*tasks, return_exceptions=True)
            finally:
                self.release()

    def release(self) -> None:
        """Gives up what the stream holds; also if it never ran."""
        self._stop.set()
        self._assembly.drop()
        self._messages.clear()
        self._ended.set()

    def stop(self, reason: str) -> None:
        """Ends the stream at once."""
        self._last_words = self._last_words or reason
        self._stop.set()

    async def close(self, reason: str, *, is_final: bool, patience: float) -> None:
        """Ends the stream after the messages that are queued, and tells the other side why.

        Args:
            reason: for people.
            is_final: whether the other side had better not come back by itself.
            patience: seconds after which it ends at once.
        """
        self._last_words = self._last_words or reason
        self._farewell = self._farewell or farewell(reason, is_final=is_final)
        self._work.set()
        try:
            async with asyncio.timeout(patience):
                await self._ended.wait()
        except TimeoutError:
            self.stop(reason)
            await self._ended.wait()

    async def is_alive(self, patience: float) -> bool:
        """Asks the other side for a sign of life; whether it came in so many seconds."""
        self._alive.clear()
        self._owe(FrameKind.PING)
        waiting = [asyncio.ensure_future(e.wait()) for e in (self._alive, self._ended)]
        await asyncio.wait(waiting, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        return self._alive.is_set() and not self._stop.is_set()

    async def _read(self) -> None:
        while True:
            data = await self._read_frame()
            kind, content = split(data)
            self._alive.set()
            match kind:
                case FrameKind.PING:
                    self._owe(FrameKind.PONG)
                case FrameKind.PONG | FrameKind.BEAT:
                    pass
                case FrameKind.FAREWELL:
                    raise EndedError(read_farewell(content)[0])
                case FrameKind.GREETING:
                    raise FrameError("a second greeting")
                case _:
                    parcel = self._assembly.take(kind, content)
                    if parcel is not None:
                        self._traffic.received += parcel.length
                        await self._deliver(parcel)

    async def _read_frame(self) -> bytes:
        try:
            async with asyncio.timeout(self._pace.silence):
                data = await self._end.read()
        except TimeoutError:
            raise EndedError(f"it was silent for {self._pace.silence:g} seconds") from None
        if data is grpc.aio.EOF:
            raise EndedError("the other side closed the connection")
        return bytes(data)

    async def _write(self) -> None:
        begun: Iterator[bytes] = iter(())
        while True:
            data = self._next_owed() or next(begun, b"")
            if not data and self._messages:
                message = self._messages.popleft()
                self._queued -= len(message)
                self._traffic.sent += len(message)
                begun = pieces(message, self._limits.piece)
                continue
            if not data and self._farewell:
                await self._write_frame(self._farewell)
                raise EndedError(self._last_words)
            if data:
                await self._write_frame(data)
            else:
                self._work.clear()
                await self._work.wait()

    async def _write_frame(self, data: bytes) -> None:
        try:
            async with asyncio.timeout(self._pace.silence):
                await self._end.write(data)
        except TimeoutError:
            raise EndedError(
                f"it took nothing for {self._pace.silence:g} seconds of what was sent to it"
            ) from None

    async def _beat(self) -> None:
        while True:
            self._owe(FrameKind.BEAT)
            await asyncio.sleep(self._pace.beat)

    async def _stopped(self) -> None:
        await self._stop.wait()
        raise EndedError(self._last_words)

    def _owe(self, kind: FrameKind) -> None:
        self._owed[kind] = frame(kind)
        self._work.set()

    def _next_owed(self) -> bytes:
        return self._owed.popitem()[1] if self._owed else b""


def _why(done: set[asyncio.Task[None]]) -> str:
    """Says why a stream has ended, by those of its works that ended."""
    reasons = [_reason(task) for task in done]
    return next((reason for reason in reasons if reason != _GONE), _GONE)


def _reason(task: asyncio.Task[None]) -> str:
    error = None if task.cancelled() else task.exception()
    match error:
        case EndedError():
            return str(error)
        case FrameError():
            return f"it sent {error}"
        case grpc.RpcError() | grpc.aio.BaseError() | asyncio.InvalidStateError() | None:
            return _GONE
        case OSError():
            return f"there is no room for its messages: {error.strerror}"
        case _:
            raise error
