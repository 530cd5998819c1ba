"""A party's end of sessions with a server that is apart: it answers requests, each once."""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from crypto.errors import MalformedMessageError, ReplayError, WrongTimeError
from crypto.parties import SERVER
from crypto.session.apart.envelopes import Answer, RefusedRequest, Request
from crypto.session.apart.links import Line

_KEPT_SESSIONS: Final = 256
_MOST_MICROSECONDS: Final = 2**32 - 1


@dataclass(frozen=True)
class Call:
    """A request as a role sees it.

    Attributes:
        token: names the session among those of the server; 16 bytes.
        stage: of the role's protocol.
        data: the server's message.
    """

    token: bytes
    stage: str
    data: bytes = field(repr=False)


Task: TypeAlias = Callable[[Call], bytes | None]
"""What a party's role does with a call: it returns its message, or None if it has none to send."""

Notice: TypeAlias = Callable[[str, str, Exception], None]
"""Is told of the task and stage of a request that was refused, and why."""


def ignore(task: str, stage: str, error: Exception) -> None:
    """Keep nothing of a refusal."""


class Participant:
    """Answers the server's requests on one line, one after the other.

    Roles take their steps in a thread, so that the line stays alive meanwhile. Whatever they refuse
    is told to the server, who then need not wait. To the last request, if it comes again, the last
    reply is sent again as it was: the connection may have been lost in between.

    Args:
        tasks: name -> the role that does it.
        notice: is told of refusals, for the party's own log.

    Attributes:
        replies: how many it has sent, on all lines.
    """

    def __init__(self, tasks: Mapping[str, Task], notice: Notice = ignore) -> None:
        self._tasks = dict(tasks)
        self._notice = notice
        self.replies = 0
        self._steps: OrderedDict[bytes, int] = OrderedDict()
        self._last: tuple[bytes, bytes] = b"", b""

    async def serve(self, line: Line) -> None:
        """Answer until the connection is gone.

        What was answered on an earlier line is not answered again on a new one.

        Args:
            line: to the server.

        Raises:
            LinkLostError: when the connection is gone.
        """
        while True:
            data = await line.receive()
            try:
                request = Request.from_bytes(data)
            except MalformedMessageError as error:
                self._notice("", "", error)  # there is nothing that an answer could name
                continue
            digest = hashlib.sha256(data).digest()
            if digest != self._last[0]:
                self._last = digest, await self._answer(request)
            await line.send(self._last[1])
            self.replies += 1

    async def _answer(self, request: Request) -> bytes:
        start = time.perf_counter()
        try:
            self._admit(request)
            call = Call(request.token, request.stage, request.data)
            answer = await asyncio.to_thread(self._tasks[request.task], call)
        except Exception as error:  # a role that fails must not leave the server waiting
            self._notice(request.task, request.stage, error)
            return RefusedRequest.of(request, error).to_bytes()
        spent = min(int(1e6 * (time.perf_counter() - start)), _MOST_MICROSECONDS)
        return Answer(request.token, request.step, spent, answer or b"").to_bytes()

    def _admit(self, request: Request) -> None:
        """Refuse a task that nobody has, and a step that was taken, or is behind one that was."""
        if request.task not in self._tasks:
            raise WrongTimeError(f"no role here does {request.task!r} now", SERVER)
        if request.step <= self._steps.get(request.token, 0):
            raise ReplayError("a request that was answered before", SERVER)
        self._steps[request.token] = request.step
        self._steps.move_to_end(request.token)
        while len(self._steps) > _KEPT_SESSIONS:
            self._steps.popitem(last=False)
