"""One end of a stream whose frames travel as letters, each of which is answered before the next."""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, Final

import grpc

from crypto.primitives.signatures import SigningIdentity, VerifyKey
from tff_health.federation.carrier.stream import EndedError
from tff_health.federation.errors import RefusedError
from tff_health.federation.nvflare.letters import Letter, SignedLetter
from tff_health.federation.nvflare.post import ACCEPTED, LETTER, Post, PostError, reason

_MOST_WAITING: Final = 4
"""Frames that wait to be read; then the sender gets its answer later."""


@dataclass(frozen=True)
class Direction:
    """How letters go one way.

    Attributes:
        purpose: of their signatures.
        sender: the sender's name in the registry.
    """

    purpose: str
    sender: str


class AuxEnd:
    """A `tff_health.federation.carrier.stream.End` over a post.

    Args:
        post: carries letters.
        target: where they go.
        run: of the server.
        stream: of the site.
        out: how letters go out.
        identity: signs them.
        into: how letters come in.
        key: with which these are checked.
        threads: in which letters are sent.
        silence: seconds after which a letter that has no answer is lost.
    """

    def __init__(
        self,
        post: Post,
        target: str,
        run: bytes,
        stream: bytes,
        *,
        out: Direction,
        identity: SigningIdentity,
        into: Direction,
        key: VerifyKey,
        threads: Executor,
        silence: float,
    ) -> None:
        self._post = post
        self._target = target
        self._head = run, stream
        self._out = out
        self._identity = identity
        self._into = into
        self._key = key
        self._threads = threads
        self._silence = silence
        self._sent = 0
        self._taken = 0
        self._frames: asyncio.Queue[bytes | None] = asyncio.Queue(_MOST_WAITING)
        self._ended = False

    async def read(self) -> Any:
        """Returns the next frame, or `grpc.aio.EOF`."""
        frame = await self._frames.get()
        return grpc.aio.EOF if frame is None else frame

    async def write(self, message: bytes, /) -> None:
        """Sends a frame; waits until the other side has taken it.

        Raises:
            EndedError: if it does not, with the reason.
        """
        letter = Letter(*self._head, self._out.sender, self._sent, bytes(message))
        self._sent += 1
        try:
            await _in(self._threads, lambda: self._send(letter))
        except PostError as error:
            raise EndedError(str(error)) from None

    def open(self, signed: SignedLetter) -> Letter:
        """Returns a letter that has come, if it belongs here; run in any thread.

        Raises:
            RefusedError: if it does not.
        """
        letter = signed.open(self._into.purpose, self._key)
        if (letter.run, letter.stream, letter.sender) != (*self._head, self._into.sender):
            raise RefusedError("a letter for another stream")
        return letter

    async def put(self, letter: Letter) -> None:
        """Takes a letter from `open`; waits until there is room for it.

        Raises:
            RefusedError: if it is not the next one, or the stream has ended.
        """
        if self._ended:
            raise RefusedError("the stream has ended")
        if letter.number != self._taken:
            raise RefusedError(f"letter {letter.number}, where {self._taken} is the next")
        self._taken += 1
        await self._frames.put(letter.frame)

    def end(self) -> None:
        """Takes no further letters."""
        self._ended = True
        while not self._frames.empty():
            self._frames.get_nowait()
        self._frames.put_nowait(None)

    def _send(self, letter: Letter) -> None:
        data = letter.sign(self._out.purpose, self._identity)
        answer = self._post.send(self._target, LETTER, data, self._silence)
        if answer != ACCEPTED:
            raise PostError(reason(answer))


async def _in(threads: Executor, work: Callable[[], None]) -> None:
    await asyncio.get_running_loop().run_in_executor(threads, work)


def wait_in(
    loop: asyncio.AbstractEventLoop | None, work: Coroutine[Any, Any, None], seconds: float
) -> None:
    """Has an event loop do something, and waits for it; run in any other thread.

    Args:
        loop: the loop; None if it does not run any more.
        work: what it is to do.
        seconds: after which it is given up.

    Raises:
        RefusedError: if the loop has ended, or time is up; else as the work.
    """
    if loop is None or loop.is_closed():
        work.close()
        raise RefusedError("nobody is here any more", is_final=False)
    future = asyncio.run_coroutine_threadsafe(work, loop)
    try:
        future.result(seconds)
    except TimeoutError:
        future.cancel()
        raise RefusedError("what was sent before is not read yet", is_final=False) from None
