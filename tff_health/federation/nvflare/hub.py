"""The server's end of the carrier over NVFlare."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from crypto.randomness import SYSTEM
from tff_health.federation.carrier.limits import PACE, Limits, Pace
from tff_health.federation.carrier.reception import Reception
from tff_health.federation.consortium.credentials import Credentials
from tff_health.federation.consortium.members import Member
from tff_health.federation.consortium.registry import Registry
from tff_health.federation.errors import FederationError, RefusedError
from tff_health.federation.nvflare.ends import AuxEnd, Direction, wait_in
from tff_health.federation.nvflare.letters import (
    RUN_BYTES,
    TO_SERVER,
    TO_SITE,
    Letter,
    SignedLetter,
)
from tff_health.federation.nvflare.post import ACCEPTED, LETTER, RUN, Post, refusal

log = logging.getLogger(__name__)
AUX_LIMITS: Final = Limits(piece=1 << 23)
"""Larger pieces than over gRPC, as each waits for an answer; NVFlare cuts them into 1 MB itself."""
_THREADS: Final = 64
_MOST_STREAMS: Final = 100_000
_FRAME_EXTRA: Final = 64


class AuxHub(Reception):
    """A `crypto.session.apart.links.Hub` over aux messages.

    A member of the registry has the same name there and at NVFlare.

    Args:
        post: carries letters.
        Others as those of `Reception`.
    """

    def __init__(
        self,
        post: Post,
        credentials: Credentials,
        study: bytes,
        registry: Callable[[], Registry],
        limits: Limits = AUX_LIMITS,
        pace: Pace = PACE,
        spool: Path | None = None,
        decoding: bytes = b"",
    ) -> None:
        super().__init__(credentials, study, registry, limits, pace, spool, decoding)
        self._post = post
        self._run = SYSTEM.bytes(RUN_BYTES)
        self._ends: dict[bytes, AuxEnd] = {}
        self._used: set[bytes] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._threads = ThreadPoolExecutor(_THREADS, "letters")
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Begins to take letters; within the event loop that reads them."""
        self._loop = asyncio.get_running_loop()
        self.watch()
        self._post.listen(RUN, lambda _data, _peer: self._run)
        self._post.listen(LETTER, self._take)

    async def close(self, reason: str, *, patience: float = 5.0) -> None:
        """Ends all streams after the messages that are queued; takes no further letters.

        Args:
            reason: that sites are told; they may come back.
            patience: seconds for what is queued.
        """
        await super().close(reason, patience=patience)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._loop = None
        self._threads.shutdown(wait=False, cancel_futures=True)
        self.drop()

    def _take(self, data: bytes, peer: str) -> bytes:
        """Takes a letter, in a thread of NVFlare's; returns the answer."""
        try:
            signed = SignedLetter.read(data, self._limits.piece + _FRAME_EXTRA)
            if signed.letter.sender != peer:
                raise RefusedError(
                    f"a letter of {signed.letter.sender[:40]!r} from NVFlare's client "
                    f"{peer[:40]!r}: a member has the same name in the registry and at NVFlare"
                )
            end = self._ends.get(signed.letter.stream)
            work = end.put(end.open(signed)) if end is not None else self._begin(signed)
            wait_in(self._loop, work, self._pace.silence)
            return ACCEPTED
        except FederationError as error:
            log.warning("refused a letter from NVFlare's client %s: %s", peer[:40], error)
            return refusal(error)

    async def _begin(self, signed: SignedLetter) -> None:
        """Opens a stream for the first letter of a new one."""
        named = signed.letter
        if named.run != self._run or named.number != 0 or named.stream in self._used:
            raise RefusedError("a letter of a stream that there is not, or not any more")
        member = self._registry().named(named.sender)
        letter = signed.open(TO_SERVER, member.verify_key)
        if len(self._used) >= _MOST_STREAMS:
            raise RefusedError(f"there were {_MOST_STREAMS:,} streams: start the server anew")
        self._used.add(letter.stream)
        end = self._ends[letter.stream] = self._end(letter, member)
        task = asyncio.create_task(self._keep(end, letter, member))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await end.put(letter)

    def _end(self, letter: Letter, member: Member) -> AuxEnd:
        return AuxEnd(
            self._post,
            member.name,
            self._run,
            letter.stream,
            out=Direction(TO_SITE, self._credentials.entry.name),
            identity=self._credentials.identity,
            into=Direction(TO_SERVER, member.name),
            key=member.verify_key,
            threads=self._threads,
            silence=self._pace.silence,
        )

    async def _keep(self, end: AuxEnd, letter: Letter, member: Member) -> None:
        try:
            await self.join(end, lambda: member.x509, f"NVFlare's client {member.name}")
        finally:
            del self._ends[letter.stream]
            end.end()
