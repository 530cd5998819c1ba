"""How long a site waits before it connects again."""

import asyncio
import contextlib
import math

import pytest

from crypto.session.apart.links import LinkLostError
from tff_health.federation.errors import GaveUpError
from tff_health.federation.programs import connection


class Served:
    """A participant that answers as many requests on each line as it is told."""

    def __init__(self, answers):
        self.answers, self.replies = iter(answers), 0

    async def serve(self, line):
        self.replies += next(self.answers)
        raise LinkLostError("the server stops")


def waits(monkeypatch, answers):
    """The longest times that it may wait after each of its lines."""
    found = []

    @contextlib.asynccontextmanager
    async def connect(*_, traffic):
        yield None

    async def sleep(seconds):
        found.append(seconds)
        if len(found) == len(answers):
            raise asyncio.CancelledError

    monkeypatch.setattr(connection, "connect", connect)
    monkeypatch.setattr(connection.random, "uniform", lambda low, high: high)
    monkeypatch.setattr(connection.asyncio, "sleep", sleep)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(connection.stay(Served(answers), "localhost:1", None, None))
    return found


def test_it_waits_twice_as_long_each_time_and_at_most_half_a_minute(monkeypatch):
    assert waits(monkeypatch, [0] * 7) == [1, 2, 4, 8, 16, 30, 30]


def test_it_comes_back_at_once_to_a_server_that_has_asked_something_of_it(monkeypatch):
    assert waits(monkeypatch, [0, 0, 3, 0, 1]) == [1, 2, 0.5, 1, 0.5]


def gone(*_, traffic):
    raise LinkLostError("nobody listens there")


def test_it_gives_up_after_as_long_as_it_is_told(monkeypatch, caplog):
    monkeypatch.setattr(connection, "connect", gone)
    monkeypatch.setattr(connection, "_SHORTEST", 0.05)
    participant = Served([])

    async def work():
        loop = asyncio.get_running_loop()
        start = loop.time()
        with pytest.raises(GaveUpError, match=r"localhost:1 .*for 1 sec.*nobody listens there"):
            await connection.stay(participant, "localhost:1", None, None, give_up_after=0.7)
        return loop.time() - start

    assert 0.7 <= asyncio.run(work()) < 5
    assert "nobody listens there; trying again, for 1 seconds at most" in caplog.text
    assert GaveUpError.exit_code == 3


def test_it_says_every_hour_that_it_still_waits_and_for_how_long(caplog):
    absence, error = connection._Absence("host:1", 86_400.0, 0.0), LinkLostError("nobody there")
    for minute in range(0, 180, 10):
        absence.goes_on(error, 60.0 * minute)
    assert [record.getMessage() for record in caplog.records] == [
        "nobody there; trying again, for 24.0 hours at most",
        "nobody there; trying again, in vain for 1.0 hours so far, for 23.0 hours at most",
        "nobody there; trying again, in vain for 2.0 hours so far, for 22.0 hours at most",
    ]
    absence.since = math.inf  # it is there again
    absence.goes_on(error, 200_000.0)
    with pytest.raises(GaveUpError, match=r"24\.0 hours"):
        absence.goes_on(error, 286_400.0)
