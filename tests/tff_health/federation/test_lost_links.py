"""Processes that are killed or stopped: the other side notices, and goes on."""

import asyncio
import os
import signal
import time

import pytest

from crypto.session.apart.links import LinkLostError
from tests.tff_health.federation.parties import QUICK, Consortium, process, run

PROGRAM = "-m", "tests.tff_health.federation.one_site"


@pytest.fixture(scope="module")
def consortium(tmp_path_factory):
    return Consortium.found(tmp_path_factory.mktemp("consortium"), "one", "two")


@pytest.mark.parametrize(
    ("blow", "within"), [(signal.SIGKILL, QUICK.silence / 2), (signal.SIGSTOP, QUICK.silence + 1)]
)
def test_a_site_that_is_killed_or_stopped(consortium, blow, within):
    async def work():
        async with consortium.hub() as (hub, address), consortium.line(address, "two") as other:
            with process(*PROGRAM, consortium.folder, "one", address) as child:
                assert (await hub.receive()).data == b"here"
                os.kill(child.pid, blow)
                start = time.monotonic()
                arrival = await hub.receive()
                assert (arrival.party, arrival.data) == (1, None)
                assert time.monotonic() - start < within
                await other.send(b"goes on")
                assert (await hub.receive()).data == b"goes on"

    run(work())


def test_a_stopped_site_that_wakes_up_is_told_that_it_is_gone(consortium):
    async def work():
        async with consortium.hub() as (hub, address):
            with process(*PROGRAM, consortium.folder, "one", address, stderr=-1) as child:
                assert (await hub.receive()).data == b"here"
                os.kill(child.pid, signal.SIGSTOP)
                assert (await hub.receive()).data is None
                await hub.send(1, b"for nobody")
                os.kill(child.pid, signal.SIGCONT)
                _, errors = await asyncio.to_thread(child.communicate, timeout=10)
                assert "LinkLostError" in errors
                assert not hub.connected

    run(work())


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGSTOP])
def test_a_server_that_is_killed_or_stopped(consortium, blow):
    async def work(address, child):
        async with consortium.line(address, "one") as line:
            await line.send(b"echo")
            assert await line.receive() == b"echo"
            os.kill(child.pid, blow)
            start = time.monotonic()
            with pytest.raises(LinkLostError):
                await line.receive()
            assert time.monotonic() - start < QUICK.silence + 1

    with process(*PROGRAM, consortium.folder) as child:
        address = child.stdout.readline().strip()
        run(work(address, child))
