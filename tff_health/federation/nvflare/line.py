"""A site's end of the carrier over NVFlare."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

from crypto.randomness import SYSTEM
from crypto.session.apart.links import LinkLostError
from tff_health.federation.carrier.greeting import Greeting
from tff_health.federation.carrier.limits import PACE, Limits, Pace, Traffic
from tff_health.federation.carrier.stream_line import StreamLine, greet
from tff_health.federation.consortium.credentials import Credentials
from tff_health.federation.errors import FederationError, RefusedError
from tff_health.federation.nvflare.ends import AuxEnd, Direction, wait_in
from tff_health.federation.nvflare.hub import AUX_LIMITS
from tff_health.federation.nvflare.letters import (
    RUN_BYTES,
    STREAM_BYTES,
    TO_SERVER,
    TO_SITE,
    SignedLetter,
)
from tff_health.federation.nvflare.post import (
    ACCEPTED,
    LETTER,
    RUN,
    SERVER_NAME,
    Post,
    PostError,
    refusal,
)

_THREADS: Final = 4
_FRAME_EXTRA: Final = 64


@dataclass(frozen=True)
class _Open:
    """The stream that is open now.

    Attributes:
        end: of this site.
        loop: that reads it.
    """

    end: AuxEnd
    loop: asyncio.AbstractEventLoop


class AuxConnector:
    """Connects a site, or an authority, to the server, one stream at a time.

    Args:
        post: carries letters.
        limits: what it bears.
        pace: how long it waits.
    """

    def __init__(self, post: Post, limits: Limits = AUX_LIMITS, pace: Pace = PACE) -> None:
        self._post = post
        self._limits = limits
        self._pace = pace
        self._open: _Open | None = None
        self._threads = ThreadPoolExecutor(_THREADS, "letters")
        post.listen(LETTER, self._take)

    @asynccontextmanager
    async def connect(
        self,
        address: str,
        credentials: Credentials,
        greeting: Greeting,
        *,
        traffic: Traffic | None = None,
    ) -> AsyncIterator[StreamLine]:
        """Connects to the server, and disconnects in the end.

        Args:
            address: of the study, for errors; NVFlare knows where the server is.
            credentials: of this party; TLS is NVFlare's, so only its signing key is used.
            greeting: what it says of itself.
            traffic: where its messages are counted; None if nobody wants to know.

        Raises:
            LinkLostError: if the server cannot be reached.
            RefusedError: if the server refuses this party, or the reverse, with the reason.
        """
        end = AuxEnd(
            self._post,
            SERVER_NAME,
            await self._ask_for_run(),
            SYSTEM.bytes(STREAM_BYTES),
            out=Direction(TO_SERVER, credentials.entry.name),
            identity=credentials.identity,
            into=Direction(TO_SITE, credentials.server.name),
            key=credentials.server.verify_key,
            threads=self._threads,
            silence=self._pace.silence,
        )
        self._open, line = _Open(end, asyncio.get_running_loop()), None
        try:
            name, pace = f"the server, by NVFlare ({address}),", self._pace
            server = await greet(end, greeting.now(), name, credentials, pace, _no_details)
            line = StreamLine(end, server, self._limits, pace, traffic)
            yield line
        finally:
            if line:
                with suppress(asyncio.CancelledError):
                    await line.close("the site is done", patience=1.0)
            self._open = None
            end.end()

    def close(self) -> None:
        """Sends nothing any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _ask_for_run(self) -> bytes:
        def ask() -> bytes:
            return self._post.send(SERVER_NAME, RUN, b"", self._pace.silence)

        try:
            run = await asyncio.get_running_loop().run_in_executor(self._threads, ask)
        except PostError as error:
            raise LinkLostError(f"the server cannot be reached by NVFlare: {error}") from None
        if len(run) != RUN_BYTES:
            raise LinkLostError("the server's job has not begun yet")
        return run

    def _take(self, data: bytes, peer: str) -> bytes:
        """Takes a letter, in a thread of NVFlare's; returns the answer."""
        del peer  # its signature says whether it is the server's
        try:
            if (now := self._open) is None:
                raise RefusedError("no stream is open here", is_final=False)
            signed = SignedLetter.read(data, self._limits.piece + _FRAME_EXTRA)
            wait_in(now.loop, now.end.put(now.end.open(signed)), self._pace.silence)
            return ACCEPTED
        except FederationError as error:
            return refusal(error)


async def _no_details() -> str:
    return "it takes no letters"
