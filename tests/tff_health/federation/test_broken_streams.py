"""Streams whose gRPC call breaks in each of the ways in which it does: an end with a reason."""

import asyncio

import grpc
import pytest

from tests.tff_health.federation.parties import QUICK, SMALL, run
from tff_health.federation.carrier.assembly import Room
from tff_health.federation.carrier.frames import farewell
from tff_health.federation.carrier.stream import Stream, Traffic

ERRORS = [
    grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, (), ()),
    grpc.aio.UsageError("RPC already finished"),
    grpc.aio.InternalError("a batch failed"),
    asyncio.InvalidStateError("RPC already finished."),
]


class Broken:
    """An end at which something is read first, if anything; then all that is done fails."""

    def __init__(self, error, first=None):
        self.error, self.first = error, first

    async def read(self):
        if self.first is not None:
            first, self.first = self.first, None
            return first
        await asyncio.sleep(0 if self.error is None else 10)
        raise self.error

    async def write(self, message):
        raise self.error


def stream(end):
    async def deliver(parcel):
        pass

    return Stream(end, deliver, Room(1000, 1000), SMALL, QUICK, Traffic())


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_a_call_that_breaks_is_a_connection_that_is_gone(error):
    async def work():
        broken = stream(Broken(error))
        await broken.run()
        assert broken.reason == "the connection is gone"

    run(work())


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_a_reason_that_was_told_is_kept_although_the_call_breaks(error):
    async def work():
        broken = stream(Broken(error, farewell("the study is over", is_final=False)))
        await broken.run()
        assert broken.reason == "the study is over"

    run(work())


def test_an_error_of_the_program_itself_is_none_of_the_connection():
    async def work():
        with pytest.raises(ZeroDivisionError):
            await stream(Broken(ZeroDivisionError())).run()

    run(work())
