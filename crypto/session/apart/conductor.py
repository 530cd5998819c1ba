"""The server's end of sessions with parties that are apart: it asks, waits, and tells who is there.

Sessions run in a thread, one after the other, so that their computing never keeps the connections
waiting: `Conductor` belongs to the event loop, `Session` to the thread. Who does not answer until
the deadline is not waited for again until it shows life; who is gone is not waited for at all.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from crypto.errors import AbortError, MalformedMessageError, ParameterError, ProtocolError
from crypto.parties import Party
from crypto.randomness import SYSTEM, Randomness
from crypto.session.apart.envelopes import (
    ENVELOPE_BYTES,
    TOKEN_BYTES,
    Answer,
    RefusedRequest,
    Request,
    read_reply,
)
from crypto.session.apart.links import Arrival, Hub

LARGEST_ANSWER: Final = 1 << 30

_T = TypeVar("_T")


class StoppedError(AbortError):
    """The program that runs the session is ending."""


@dataclass(frozen=True)
class Reply:
    """What a party made of a request.

    Attributes:
        party: who.
        data: the role's message; None if it has nothing to say, or refused.
        seconds: that the step took, as the party says.
        refusal: why it refused, or was refused; None if it did as it was asked.
    """

    party: Party
    data: bytes | None
    seconds: float = 0.0
    refusal: ProtocolError | AbortError | None = None


@dataclass(frozen=True)
class _Step:
    """A request under way.

    Attributes:
        token: of its session.
        number: of the step.
        deadline: in the event loop's time.
        requests: party -> what it was sent.
        waiting: the parties that have neither answered nor gone.
        task: which of the parties' roles was asked.
        stage: of that role's protocol.
        limit: seconds from the start to the deadline.
    """

    token: bytes
    number: int
    deadline: float
    requests: Mapping[Party, bytes] = field(default_factory=dict)
    waiting: set[Party] = field(default_factory=set)
    task: str = ""
    stage: str = ""
    limit: float = 0.0


@dataclass(frozen=True)
class Doing:
    """What a conductor waits for.

    Attributes:
        task: which of the parties' roles was asked.
        stage: of that role's protocol.
        seconds: since it was asked.
        limit: seconds until the deadline, from the start.
        waiting: the parties that have neither answered nor gone.
    """

    task: str
    stage: str
    seconds: float
    limit: float
    waiting: frozenset[Party]


@dataclass(frozen=True)
class Presence:
    """What is known of the parties from what they send.

    Attributes:
        silent: those that missed a deadline, and have shown no life since.
        late: how many answers came too late, of each party.
    """

    silent: set[Party] = field(default_factory=set)
    late: dict[Party, int] = field(default_factory=dict)


class Conductor:
    """Runs sessions over the server's end of a carrier.

    Args:
        hub: that end; nobody else receives from it.
        deadline: seconds that a stage may take, from its opening to the last answer.
        largest_answer: bytes of the longest answer that is read.
        randomness: where the names of sessions come from.

    Raises:
        ParameterError: for a deadline that is not positive.
    """

    def __init__(
        self,
        hub: Hub,
        deadline: float = 60.0,
        *,
        largest_answer: int = LARGEST_ANSWER,
        randomness: Randomness = SYSTEM,
    ) -> None:
        if not deadline > 0:
            raise ParameterError(f"deadline={deadline} must be above 0 seconds")
        self.deadline = deadline
        self._hub = hub
        self._largest = largest_answer
        self._randomness = randomness
        self._presence = Presence()
        self._step: _Step | None = None
        self._listens_since: float | None = None

    @property
    def present(self) -> frozenset[Party]:
        """The parties that are connected, and not `silent`."""
        return self._hub.connected - self._presence.silent

    @property
    def silent(self) -> frozenset[Party]:
        """The parties that are connected, missed a deadline, and have shown no life since."""
        return self._hub.connected & self._presence.silent

    @property
    def doing(self) -> Doing | None:
        """What is waited for now; None for nothing. Ask it in the event loop."""
        step = self._step
        if step is None or not step.waiting:
            return None
        seconds = asyncio.get_running_loop().time() - (step.deadline - step.limit)
        if seconds > step.limit:
            return None
        return Doing(step.task, step.stage, seconds, step.limit, frozenset(step.waiting))

    @property
    def listens(self) -> float | None:
        """Seconds for which it only waits to see who comes; None while it asks. As `doing`."""
        if self._listens_since is None:
            return None
        return asyncio.get_running_loop().time() - self._listens_since

    def late(self, party: Party) -> int:
        """Return how many answers of a party came too late."""
        return self._presence.late.get(party, 0)

    async def run(self, work: Callable[["Session"], _T]) -> _T:
        """Run one session, or several one after the other, in a thread.

        Args:
            work: is given a `Session`, with which it asks the parties.

        Returns:
            What it returns. If this call is cancelled, the session ends at its next request.
        """
        session = Session(self, asyncio.get_running_loop(), self._randomness.bytes(TOKEN_BYTES))
        try:
            return await asyncio.to_thread(work, session)
        except asyncio.CancelledError:
            session.stop()
            raise

    async def listen(self, seconds: float) -> None:
        """Note signs of life, and departures, for some time, while no session runs."""
        loop = asyncio.get_running_loop()
        if self._listens_since is None:
            self._listens_since = loop.time()
        step = _Step(b"", 0, loop.time() + seconds)
        while (arrival := await self._next(step.deadline)) is not None:
            await self._note(step, arrival)

    async def begin(
        self, request: Request, messages: Mapping[Party, bytes], seconds: float | None
    ) -> _Step:
        """Send a step's requests to all who are there.

        Args:
            request: names session, step, task and stage.
            messages: party -> its message.
            seconds: of the deadline; None for the usual one.
        """
        self._listens_since = None
        head = request.token, request.step, request.task, request.stage
        present = self.present
        made: dict[int, bytes] = {}  # what all are told is held once
        requests = {}
        for party, data in messages.items():
            if party in present:
                if id(data) not in made:
                    made[id(data)] = Request(*head, data).to_bytes()
                requests[party] = made[id(data)]
        limit = self.deadline if seconds is None else seconds
        deadline = asyncio.get_running_loop().time() + limit
        for party, data in requests.items():
            await self._hub.send(party, data)
        doing = request.task, request.stage, limit
        self._step = _Step(request.token, request.step, deadline, requests, set(requests), *doing)
        return self._step

    async def next_reply(self, step: _Step) -> Reply | None:
        """Return the next reply to a step; None if nobody is left to wait for, or time is up."""
        while step.waiting:
            arrival = await self._next(step.deadline)
            if arrival is None:
                self._presence.silent.update(step.waiting)
                return None
            reply = await self._note(step, arrival)
            if reply is not None:
                return reply
        return None

    async def _next(self, deadline: float) -> Arrival | None:
        """Return the next arrival; None at the deadline."""
        left = deadline - asyncio.get_running_loop().time()
        with contextlib.suppress(asyncio.TimeoutError):
            return await asyncio.wait_for(self._hub.receive(), max(left, 0.0))
        return None

    async def _note(self, step: _Step, arrival: Arrival) -> Reply | None:
        """Keep what an arrival tells of its sender; return it if it is a reply to the step.

        Whose connection is gone and who has a new one is asked again: it may not have got the
        request, or its answer may be lost. It then gives the same answer, or refuses.
        """
        party, data = arrival.party, arrival.data
        self._presence.silent.discard(party)
        if data is None:
            if party not in self._hub.connected:
                step.waiting.discard(party)
            elif party in step.waiting:
                await self._hub.send(party, step.requests[party])
            return None
        try:
            if len(data) > self._largest + ENVELOPE_BYTES:
                raise MalformedMessageError(
                    f"{len(data)} bytes, and {self._largest} at most are read", party
                )
            envelope = read_reply(data)
        except ProtocolError as error:
            if party not in step.waiting:
                return None
            step.waiting.discard(party)
            return Reply(party, None, refusal=MalformedMessageError(error.what, party))
        if (envelope.token, envelope.step) != (step.token, step.number):
            self._presence.late[party] = self.late(party) + 1
            return None
        if party not in step.waiting:
            return None
        step.waiting.discard(party)
        return _reply(party, envelope)


def _reply(party: Party, envelope: Answer | RefusedRequest) -> Reply:
    if isinstance(envelope, RefusedRequest):
        return Reply(party, None, refusal=envelope.to_error())
    return Reply(party, envelope.data or None, envelope.microseconds / 1e6)


class Session:
    """One session, as the thread that runs it sees it; made by `Conductor.run`."""

    def __init__(self, conductor: Conductor, loop: asyncio.AbstractEventLoop, token: bytes) -> None:
        self._conductor = conductor
        self._loop = loop
        self._token = token
        self._steps = 0
        self._stopped = False

    @property
    def present(self) -> frozenset[Party]:
        """The parties that would be waited for now."""
        return self._conductor.present

    @property
    def silent(self) -> frozenset[Party]:
        """The parties that are connected, missed a deadline, and have shown no life since."""
        return self._conductor.silent

    def wait(self, seconds: float) -> None:
        """Let some time pass, and note signs of life and departures meanwhile.

        Raises:
            StoppedError: if the program is ending.
        """
        self._wait(self._conductor.listen(seconds))

    def stop(self) -> None:
        """Let the next request raise `StoppedError`."""
        self._stopped = True

    def ask(
        self,
        task: str,
        stage: str,
        messages: Mapping[Party, bytes],
        seconds: float | None = None,
    ) -> Iterator[Reply]:
        """Ask parties, all at once, and yield their replies as they come.

        It ends as soon as nobody is left to wait for: all have replied, or are gone, or did not
        answer until the deadline.

        Args:
            task: which of a party's roles is asked.
            stage: the stage of that role's protocol.
            messages: party -> the message to its role.
            seconds: of the deadline; None for the conductor's.

        Raises:
            StoppedError: if the program is ending.
        """
        self._steps += 1
        request = Request(self._token, self._steps, task, stage, b"")
        step = self._wait(self._conductor.begin(request, messages, seconds))
        while (reply := self._wait(self._conductor.next_reply(step))) is not None:
            yield reply

    def _wait(self, coroutine: Coroutine[Any, Any, _T]) -> _T:
        if self._stopped or self._loop.is_closed():
            coroutine.close()
            raise StoppedError("the program is ending")
        try:
            return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()
        except CancelledError as error:
            raise StoppedError("the program is ending") from error
