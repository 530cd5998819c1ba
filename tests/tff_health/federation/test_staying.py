"""How long a site waits before it connects again."""

import asyncio
import contextlib

import pytest

from crypto.session.apart.links import LinkLostError
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
