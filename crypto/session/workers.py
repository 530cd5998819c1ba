"""Clients' steps on all cores: forked processes, each of which takes the steps of its own clients.

Threads would not do: most of a step is Python, the products of `gmpy2`, the key agreements and the
key streams of `cryptography`, all of which keep the interpreter to themselves. A worker is forked
from the process that holds the session, so it has clients and vectors without a copy, and keeps its
clients' parts from stage to stage. What a client is told and answers goes through pipes.

Workers end with their session, however that ends: they are killed and waited for. A worker whose
parent is gone reads the end of its pipe and ends by itself; one that dies ends the session.
"""

import json
import os
import struct
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, Self

from crypto import errors
from crypto.errors import AbortError, CryptoError, LostWorkerError, ProtocolError
from crypto.operations import Operation
from crypto.parties import ClientId
from crypto.processes import end_child, fork_child, pipe
from crypto.session.cost_record import CostRecord
from crypto.session.opened_rounds import MemoryJournal
from crypto.session.steps import Answer, Asked, Outcome, Steps, in_turn

LEAST_SECONDS: Final = 0.4
"""Of clients' work in a session that is worth forks, which cost about 0.1 s of processor time."""

_LENGTHS: Final = struct.Struct("<QQ")


class TellingJournal(MemoryJournal):
    """A journal that a worker keeps for a client, and tells the process that forked it.

    Attributes:
        untold: rounds and sessions that were recorded since they were last told.
    """

    def __init__(self) -> None:
        super().__init__()
        self.untold: list[tuple[int, bytes]] = []

    def record(self, round_id: int, session_id: bytes) -> None:
        """Keep that a session opens a round's sum."""
        super().record(round_id, session_id)
        self.untold.append((round_id, session_id))

    def tell(self) -> list[tuple[int, bytes]]:
        """Return what is untold, once."""
        told, self.untold = self.untold, []
        return told


@dataclass(frozen=True)
class Team:
    """What workers need of the session that they are forked for.

    Attributes:
        record: of what the session costs.
        answer: runs a client's step.
        journals: client -> where it keeps the rounds that it opens.
        first: the stage whose steps are taken in this process: what clients keep beyond a session
            they learn in it.
        processes: how many workers there are; 1 for none.
    """

    record: CostRecord
    answer: Answer
    journals: Mapping[ClientId, TellingJournal]
    first: str
    processes: int


@contextmanager
def steps_of(team: Team) -> Iterator[Steps]:
    """Take the steps of one session on several cores, or in turn.

    Raises:
        LostWorkerError: by its steps, if a worker has died.
    """
    alone = in_turn(team.record, team.answer)
    if team.processes == 1:
        yield alone
        return
    with ExitStack() as stack:
        workers: list[_Worker] = []

        def take(stage: str, asked: Asked) -> Iterator[tuple[ClientId, Outcome]]:
            if stage == team.first:
                yield from alone(stage, asked)
                return
            if not workers:
                for _ in range(team.processes):
                    workers.append(stack.enter_context(_Worker.forked(team, workers)))
            yield from _take(team, workers, stage, asked)

        yield take


def _take(
    team: Team, workers: Sequence["_Worker"], stage: str, asked: Asked
) -> Iterator[tuple[ClientId, Outcome]]:
    whose = {client: workers[i % len(workers)] for i, client in enumerate(sorted(team.journals))}
    for worker in workers:
        worker.ask(stage, [(c, data) for c, data in asked if whose[c] is worker])
    for client, _ in asked:
        yield client, whose[client].outcome(stage, client)


class _Worker:
    """One worker, as the process that forked it sees it.

    Args:
        team: whose clients it has.
        process: its number.
        requests: to it.
        replies: from it.
    """

    def __init__(self, team: Team, process: int, requests: BinaryIO, replies: BinaryIO) -> None:
        self._team = team
        self._process = process
        self._requests = requests
        self._replies = replies

    @classmethod
    @contextmanager
    def forked(cls, team: Team, others: Sequence[Self]) -> Iterator[Self]:
        """Fork a worker, and end it afterwards."""
        requests, replies = pipe(), pipe()
        process = fork_child(lambda: _be_worker(team, requests, replies, others))
        requests[0].close()
        replies[1].close()
        worker = cls(team, process, requests[1], replies[0])
        try:
            yield worker
        finally:
            worker.end()

    def ask(self, stage: str, asked: Asked) -> None:
        """Ask for the steps of its clients."""
        with self._noticing_death():
            head = json.dumps({"stage": stage, "clients": [client for client, _ in asked]})
            _write(self._requests, head, b"")
            for _, data in asked:
                _write(self._requests, "", data)
            self._requests.flush()

    def outcome(self, stage: str, client: ClientId) -> Outcome:
        """Return what became of the next step, and put on record what it cost."""
        with self._noticing_death():
            head, data = _read(self._replies)
        reply = json.loads(head)
        counted = Counter({Operation(name): n for name, n in reply["operations"].items()})
        self._team.record.add_counted_work(client, stage, reply["seconds"], counted)
        for round_id, session in reply["opened"]:
            self._team.journals[client].record(round_id, bytes.fromhex(session))
        if reply["error"] is None:
            return data if reply["answers"] else None
        error = _error(**reply["error"])
        if isinstance(error, (ProtocolError, AbortError)):
            return error
        raise error

    def end(self) -> None:
        """Kill it, if it has not ended, and wait for that."""
        end_child(self._process)
        for end in (self._requests, self._replies):
            with suppress(BrokenPipeError):
                end.close()

    def leave(self) -> None:
        """Close this end of its pipes; run by a process that inherited them."""
        for end in (self._requests, self._replies):
            os.close(end.fileno())

    @contextmanager
    def _noticing_death(self) -> Iterator[None]:
        try:
            yield
        except (EOFError, BrokenPipeError) as error:
            raise LostWorkerError(
                f"process {self._process}, which took clients' steps, has ended"
            ) from error


def _be_worker(
    team: Team,
    requests: tuple[BinaryIO, BinaryIO],
    replies: tuple[BinaryIO, BinaryIO],
    others: Sequence[_Worker],
) -> None:
    """Take steps until nobody asks any more."""
    os.close(requests[1].fileno())
    os.close(replies[0].fileno())
    for other in others:
        other.leave()
    for journal in team.journals.values():
        journal.tell()
    while True:
        _serve(team, requests[0], replies[1])


def _serve(team: Team, requests: BinaryIO, replies: BinaryIO) -> None:
    """Take the steps of one stage."""
    head, _ = _read(requests)
    request = json.loads(head)
    asked = [(client, _read(requests)[1]) for client in request["clients"]]
    for client, data in asked:
        _reply(team, replies, request["stage"], client, data)
    replies.flush()


def _reply(team: Team, replies: BinaryIO, stage: str, client: ClientId, data: bytes) -> None:
    answer, error = None, None
    record = team.record.alone()
    try:
        with record.work(client, stage):
            answer = team.answer(stage, client, data)
    except Exception as raised:  # also what should never be: the session is to end with it
        error = {"kind": type(raised).__name__, "text": str(raised), "fields": _fields(raised)}
    costs = record.costs()
    head = json.dumps(
        {
            "answers": answer is not None,
            "error": error,
            "seconds": costs.client_seconds,
            "operations": {row.operation: row.count for row in costs.operations},
            "opened": [[number, session.hex()] for number, session in team.journals[client].tell()],
        }
    )
    _write(replies, head, answer or b"")


def _fields(error: Exception) -> dict[str, Any]:
    return dict(vars(error)) if isinstance(error, CryptoError) else {}


def _error(kind: str, text: str, fields: Mapping[str, Any]) -> Exception:
    """Return an error as a worker raised it."""
    declared = getattr(errors, kind, None)
    if not (isinstance(declared, type) and issubclass(declared, CryptoError)):
        return RuntimeError(f"{kind} in a worker: {text}")
    error = declared.__new__(declared, text)
    vars(error).update(fields)
    return error


def _write(end: BinaryIO, head: str, data: bytes) -> None:
    end.write(_LENGTHS.pack(len(head), len(data)) + head.encode("ascii"))
    end.write(data)


def _read(end: BinaryIO) -> tuple[str, bytes]:
    head, data = _LENGTHS.unpack(_exactly(end, _LENGTHS.size))
    return _exactly(end, head).decode("ascii"), _exactly(end, data)


def _exactly(end: BinaryIO, size: int) -> bytes:
    data = end.read(size)
    if len(data) != size:
        raise EOFError
    return data
