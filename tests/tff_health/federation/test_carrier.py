"""Messages of any length between server and sites, and what each side notices of the other."""

import asyncio
import time

import pytest

from crypto.session.apart.links import LinkLostError
from tests.tff_health.federation.parties import SMALL, Consortium, run, until
from tff_health.federation.carrier.limits import Traffic


@pytest.fixture(scope="module")
def consortium(tmp_path_factory):
    return Consortium.found(tmp_path_factory.mktemp("consortium"), "one", "two")


def test_messages_of_every_length_come_whole_and_in_order(consortium):
    lengths = [0, 1, 9_991, 9_992, 9_993, 10_000, 20_001, 2_999_999, 3_000_000, 5]
    messages = [bytes([i]) * length for i, length in enumerate(lengths)]

    async def work():
        async with consortium.hub() as (hub, address), consortium.line(address, "one") as line:
            for message in messages:
                await hub.send(1, message)
                await line.send(message)
            for message in messages:
                assert await line.receive() == message
                arrival = await hub.receive()
                assert (arrival.party, arrival.data) == (1, message)
            assert hub.traffic == {1: Traffic(sum(lengths), sum(lengths))}
            assert hub._room.taken == 0

    run(work())


def test_parties_are_whom_their_certificates_name(consortium):
    async def work():
        async with (
            consortium.hub() as (hub, address),
            consortium.line(address, "two") as two,
            consortium.line(address, "one") as one,
        ):
            assert hub.connected == {1, 2}
            await hub.send(1, b"to one")
            await hub.send(2, b"to two")
            await hub.send(3, b"to nobody")
            assert (await one.receive(), await two.receive()) == (b"to one", b"to two")
            await two.send(b"from two")
            assert (await hub.receive()).party == 2

    run(work())


def test_a_departure_follows_the_last_message(consortium):
    async def work():
        async with consortium.hub() as (hub, address):
            async with consortium.line(address, "one") as line:
                await line.send(b"last")
            assert (await hub.receive()).data == b"last"
            arrival = await hub.receive()
            assert (arrival.party, arrival.data) == (1, None)
            assert not hub.connected
            await hub.send(1, b"without effect")

    run(work())


def test_a_line_says_why_it_is_lost_after_what_had_come(consortium):
    async def work():
        async with consortium.hub() as (hub, address), consortium.line(address, "one") as line:
            await hub.send(1, b"last")
            await hub.close("maintenance until noon")
            assert await line.receive() == b"last"
            for _ in range(2):
                with pytest.raises(LinkLostError, match="maintenance until noon"):
                    await line.receive()
            await line.send(b"without effect")

    run(work())


def test_a_site_comes_back(consortium):
    traffic = Traffic()

    async def work():
        async with consortium.hub() as (hub, address):
            for round_number in range(3):
                async with consortium.line(address, "one", traffic=traffic) as line:
                    await line.send(bytes([round_number]))
                    assert (await hub.receive()).data == bytes([round_number])
                assert (await hub.receive()).data is None
            assert hub.traffic == {1: Traffic(sent=0, received=3)}

    run(work())
    assert traffic == Traffic(sent=3, received=0)


def test_heartbeats_keep_an_idle_connection(consortium):
    async def work():
        async with consortium.hub() as (hub, address), consortium.line(address, "one") as line:
            await asyncio.sleep(1.6)  # more than the longest silence
            await line.send(b"still here")
            assert (await hub.receive()).data == b"still here"

    run(work())


def test_no_server_is_a_lost_link(consortium):
    async def work():
        with pytest.raises(LinkLostError, match="cannot be reached"):
            async with consortium.line("localhost:9", "one"):
                pass

    run(work())


def test_many_large_messages_are_kept_in_files_and_not_in_memory(consortium, tmp_path):
    # Four messages of 3 MB each, and room for 2 MB.
    async def work():
        async with (
            consortium.hub(spool=tmp_path) as (hub, address),
            consortium.line(address, "one") as one,
            consortium.line(address, "two") as two,
        ):
            for line, value in ((one, b"1"), (two, b"2")):
                for _ in range(2):
                    await line.send(value * SMALL.message)
            await until(lambda: hub._inbox._queue.qsize() == 4)
            assert hub._room.taken <= SMALL.memory
            for _ in range(4):
                arrival = await hub.receive()
                assert arrival.data == str(arrival.party).encode() * SMALL.message
            assert hub._room.taken == 0
            assert not [*tmp_path.iterdir()]

    run(work())


def test_who_sends_faster_than_is_read_waits(consortium):
    async def work():
        async with consortium.hub() as (hub, address), consortium.line(address, "one") as line:
            for i in range(30):
                await line.send(bytes([i]) * 25_000)
            await asyncio.sleep(1.5)  # the party is not taken for silent meanwhile
            assert hub._inbox._queue.qsize() == SMALL.waiting
            for i in range(30):
                assert (await hub.receive()).data == bytes([i]) * 25_000

    run(work())


def test_who_reads_nothing_is_cut_off(consortium):
    async def work():
        async with consortium.hub() as (hub, address), consortium.line(address, "one") as line:
            # The line's own inbox is full after four messages, and it reads no more.
            start = time.monotonic()
            for _ in range(20):
                await hub.send(1, bytes(900_000))
            arrival = await hub.receive()
            assert arrival.data is None
            assert time.monotonic() - start < 5
            assert not hub.connected
            with pytest.raises(LinkLostError):
                for _ in range(21):
                    await line.receive()

    run(work())


def test_what_waits_for_a_slow_reader_is_bounded(consortium, caplog):
    async def work():
        async with consortium.hub() as (hub, address), consortium.line(address, "one"):
            for _ in range(40):
                await hub.send(1, bytes(900_000))
            assert (await hub.receive()).data is None
            assert "too slowly" in caplog.text

    run(work())
