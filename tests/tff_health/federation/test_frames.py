"""Frames, and what is made of those that no honest program sends."""

import asyncio
import random

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.session.apart.links import LinkLostError
from tests.tff_health.federation.parties import SMALL, STUDY, Consortium, run, until
from tff_health.federation.carrier.assembly import LEAST_PIECE, Assembly, Room
from tff_health.federation.carrier.channel import METHOD, channel_credentials, server_credentials
from tff_health.federation.carrier.frames import (
    FrameError,
    FrameKind,
    farewell,
    frame,
    pieces,
    read_farewell,
    split,
)
from tff_health.federation.carrier.greeting import Greeting
from tff_health.federation.errors import RefusedError

FUZZED = 100_000
BEGIN, MORE, BEAT = FrameKind.BEGIN, FrameKind.MORE, FrameKind.BEAT


@pytest.fixture(scope="module")
def consortium(tmp_path_factory):
    return Consortium.found(tmp_path_factory.mktemp("consortium"), "one", "two")


def beginning(length, piece=b""):
    return frame(BEGIN, length.to_bytes(8, "little") + piece)


def assembled(frames, most=10**6, memory=10**6):
    room = Room(memory, memory)
    assembly = Assembly(most, room)
    found = [parcel.take() for f in frames if (parcel := assembly.take(*split(f)))]
    assembly.drop()
    assert room.taken == 0
    return found


@given(st.lists(st.binary(max_size=9000), max_size=5), st.integers(LEAST_PIECE, 4096))
def test_messages_survive_being_cut_to_pieces(messages, size):
    frames = [piece for message in messages for piece in pieces(message, size)]
    assert assembled(frames) == messages
    assert assembled(frames, memory=5000) == messages  # some of them in files
    assert max(map(len, frames), default=0) <= size + 9


@pytest.mark.parametrize(
    "frames",
    [
        [b""],
        [b"\x00"],
        [b"\x08"],
        [frame(BEAT, b"?")],
        [frame(BEGIN, b"short")],
        [beginning(10**6 + 1)],
        [beginning(2**64 - 1)],
        [beginning(5, b"longer")],
        [beginning(9000, bytes(5000)), frame(MORE, bytes(4001))],
        [beginning(9000, bytes(5000)), beginning(1, b"1")],
        [beginning(9000, bytes(5000)), frame(MORE)],
        [beginning(9000, bytes(5000)), frame(MORE, b"crumb")],
        [beginning(9000, b"crumb")],
        [frame(MORE, bytes(2000))],
        [beginning(0), frame(MORE, bytes(2000))],
    ],
)
def test_what_no_honest_program_sends(frames):
    with pytest.raises(FrameError):
        assembled(frames)


def test_a_hundred_thousand_random_frames():
    draw = random.Random(1)
    room = Room(50_000, 10_000)
    assembly, refused, taken = Assembly(20_000, room), 0, 0
    valid = [*pieces(bytes(9000), 2000), *pieces(b"", 2000), *pieces(bytes(3000), 2000)]
    for _ in range(FUZZED):
        data = bytearray(draw.choice(valid))
        match draw.randrange(4):
            case 0:
                data = draw.randbytes(draw.randrange(40))
            case 1:
                data[draw.randrange(min(len(data), 10))] = draw.randrange(256)
            case 2:
                del data[draw.randrange(len(data)) :]
        try:
            kind, content = split(bytes(data))
            if kind in (BEGIN, MORE) and (parcel := assembly.take(kind, content)):
                taken += len(parcel.take())
        except FrameError:
            refused += 1
            assembly.drop()
            assembly = Assembly(20_000, room)
        assert room.taken <= 50_000
    assembly.drop()
    assert refused > FUZZED / 10
    assert taken > 10**6
    assert room.taken == 0


def test_a_greeting_is_read_strictly():
    greeting = Greeting.of(b"s" * 32, b"r" * 32)
    data = greeting.to_frame()
    assert Greeting.from_content(*split(data)) == greeting
    draw = random.Random(2)
    for _ in range(2000):
        changed = bytearray(data)
        del changed[draw.randrange(1, len(data)) :]
        with pytest.raises(FrameError):
            Greeting.from_content(*split(bytes(changed)))
        with pytest.raises(FrameError):
            Greeting.from_content(FrameKind.GREETING, memoryview(data[1:] + draw.randbytes(3)))


def test_a_farewell_is_fit_to_be_printed():
    _, content = split(farewell("no\x1b[2J\nmore\N{SNOWMAN}" + "x" * 1000, is_final=True))
    reason, is_final = read_farewell(content)
    assert reason.startswith("no?[2J?more\N{SNOWMAN}xxx")
    assert len(reason) <= 500
    assert is_final
    assert read_farewell(memoryview(b"")) == ("no reason given", False)
    assert read_farewell(memoryview(b"\x00\xff\xfe")) == ("\N{REPLACEMENT CHARACTER}" * 2, False)


def hostile_streams():
    draw = random.Random(3)
    yield "unknown kind", [b"\x63hello"]
    yield "empty frame", [b""]
    yield "second greeting", [Greeting.of(b"s" * 32, b"r" * 32).to_frame()]
    yield "allowed are 3,000,000", [beginning(SMALL.message + 1)]
    yield "more than the 2,000 bytes", [beginning(2000, bytes(1500)), frame(MORE, bytes(1500))]
    yield "is gone", [bytes(SMALL.piece + 1000)]  # larger than gRPC is told to take
    for _ in range(20):
        yield "", [draw.randbytes(draw.randrange(1, 60)) for _ in range(5)]


def test_garbage_ends_its_own_stream_alone(consortium, caplog):
    async def work():
        async with consortium.hub() as (hub, address), consortium.line(address, "two") as other:
            credentials = channel_credentials(consortium.site("one"))
            async with grpc.aio.secure_channel(address, credentials) as channel:
                for reason, frames in hostile_streams():
                    caplog.clear()
                    call = channel.stream_stream(METHOD)()
                    await call.write(consortium.greeting().to_frame())
                    await until(lambda: 1 in hub.connected)
                    for data in frames:
                        try:
                            await call.write(data)
                        except (grpc.RpcError, asyncio.InvalidStateError):
                            break
                    await until(lambda: 1 not in hub.connected)
                    call.cancel()
                    assert reason in caplog.text
                    await other.send(b"served")
                    while (arrival := await hub.receive()).party == 1:
                        assert arrival.data is None or not reason
                    assert arrival.data == b"served"
            assert hub._room.taken == 0

    run(work())


@pytest.mark.parametrize("first", [b"\x01", b"\x63", b"", bytes([1]) + bytes(60), bytes(2000)])
def test_garbage_instead_of_a_greeting(consortium, caplog, first):
    async def work():
        async with consortium.hub() as (hub, address):
            credentials = channel_credentials(consortium.site("one"))
            async with grpc.aio.secure_channel(address, credentials) as channel:
                call = channel.stream_stream(METHOD)()
                await call.write(first)
                kind, content = split(await call.read())
                assert kind == FrameKind.FAREWELL
                assert "one (client 1): sent" in read_farewell(content)[0]
            assert not hub.connected

    run(work())
    assert "refused" in caplog.text


class LyingServer(grpc.GenericRpcHandler):
    """Has the server's keys, greets as it likes, and sends what it likes."""

    def __init__(self, identity, study, frames):
        self.identity = identity
        self.study = study
        self.frames = frames

    def service(self, handler_call_details):
        async def join(requests, context):
            theirs = Greeting.from_content(*split(await context.read()))
            if self.study:
                ours = Greeting.of(self.study, b"r" * 32)
                await context.write(ours.answering(theirs, self.identity).to_frame())
            for data in self.frames:
                await context.write(data)
            await asyncio.sleep(1)

        return grpc.stream_stream_rpc_method_handler(join)


@pytest.mark.parametrize(
    ("study", "frames", "error", "reason"),
    [
        (b"", [b"\x63"], RefusedError, "unknown kind"),
        (b"", [beginning(1, b"1")], RefusedError, "without a greeting"),
        (b"", [Greeting.of(STUDY, b"r" * 32).to_frame()], RefusedError, "has not signed"),
        (b"t" * 32, [], RefusedError, "the server has another study"),
        (STUDY, [beginning(SMALL.message + 1)], LinkLostError, "allowed are 3,000,000"),
        (STUDY, [b"\x63"], LinkLostError, "unknown kind"),
    ],
)
def test_a_lying_server(consortium, study, frames, error, reason):
    async def work():
        server = grpc.aio.server()
        identity = consortium.server.identity
        server.add_generic_rpc_handlers((LyingServer(identity, study, frames),))
        port = server.add_secure_port("localhost:0", server_credentials(consortium.server))
        await server.start()
        try:
            with pytest.raises(error, match=reason):
                async with consortium.line(f"localhost:{port}", "one") as line:
                    await line.receive()
        finally:
            await server.stop(0)

    run(work())
