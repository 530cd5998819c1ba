"""A site with the right keys that sends garbage to the server's program: the rest goes on."""

import asyncio
import random

import grpc
import pytest

from crypto.session.apart.envelopes import Answer, RefusedRequest, Request
from crypto.session.apart.links import LinkLostError
from tests.tff_health.federation.drills.drill import LONG, Drill
from tff_health.federation.carrier.channel import METHOD, channel_credentials
from tff_health.federation.carrier.frames import FrameKind, frame, pieces
from tff_health.federation.carrier.greeting import Greeting
from tff_health.federation.carrier.line import connect
from tff_health.federation.consortium.credentials import site_credentials
from tff_health.federation.consortium.registry import read_registry
from tff_health.federation.errors import RefusedError

pytestmark = [pytest.mark.slow, pytest.mark.drill, pytest.mark.timeout(3000 if LONG else 600)]
FRAMES = 100_000 if LONG else 2_000
FRAMES_OF_A_STREAM = 20
ROUNDS = 1_000_000  # the server is ended when the impostor is done
IMPOSTOR = "hospital-5"


class Impostor:
    def __init__(self, drill):
        registry = read_registry(drill.folder / "ca/registry.json")
        self.address = drill.study.section.server
        self.credentials = site_credentials(drill.folder / IMPOSTOR, registry)
        self.greeting = Greeting.of(drill.study.digest, registry.digest)
        self.draw = random.Random(20261129)
        self.sent = self.streams = 0

    def frame(self):
        """What no honest program sends, in every form."""
        draw = self.draw
        noise = draw.randbytes(draw.choice((0, 1, 7, 8, 9, 60, 300)))
        token, step = draw.randbytes(16), draw.randrange(2**32)
        return draw.choice(
            (
                lambda: noise,
                lambda: frame(FrameKind.BEGIN, noise),
                lambda: frame(FrameKind.BEGIN, draw.randrange(2**64).to_bytes(8, "little") + noise),
                lambda: frame(FrameKind.MORE, noise),
                lambda: frame(FrameKind.GREETING, noise),
                lambda: frame(FrameKind.PING, noise),
                lambda: next(pieces(noise, 1000)),
                lambda: next(pieces(noise, 1000)),
                lambda: next(pieces(Answer(token, step, 0, noise).to_bytes(), 1000)),
                lambda: next(pieces(Request(token, step, "sum", "upload", noise).to_bytes(), 1000)),
                lambda: next(
                    pieces(
                        RefusedRequest(token, step, "KeyError", draw.randrange(9), "?").to_bytes(),
                        1000,
                    )
                ),
            )
        )()

    async def flood(self, frames):
        """Send so many frames of garbage, on as many streams as the server ends."""
        options = channel_credentials(self.credentials)
        async with grpc.aio.secure_channel(self.address, options) as channel:
            while self.sent < frames:
                call = channel.stream_stream(METHOD)()
                self.streams += 1
                try:
                    await call.write(self.greeting.now().to_frame())
                    await call.read()
                    for _ in range(FRAMES_OF_A_STREAM):
                        await call.write(self.frame())
                        self.sent += 1
                except (grpc.RpcError, asyncio.InvalidStateError):
                    pass
                finally:
                    call.cancel()

    async def answer_with_noise(self, requests):
        """Answer the server's requests with noise under the right names."""
        async with connect(self.address, self.credentials, self.greeting) as line:
            while requests:
                request = Request.from_bytes(await line.receive())
                noise = self.draw.randbytes(self.draw.choice((1, 40, 300, 5000)))
                await line.send(Answer(request.token, request.step, 0, noise).to_bytes())
                requests -= 1


@pytest.fixture
def drill(tmp_path):
    with Drill(tmp_path, "bonawitz", rounds=ROUNDS) as drill:
        drill.gathering = 0.5
        drill.start_server()
        for name in drill.sites:
            if name != IMPOSTOR:
                drill.start(name)
        yield drill


def assert_unharmed(drill, since):
    """Rounds went on, each with the sum of all that are honest, and go on now."""
    last = max(len(drill.kept()), since) + 3
    drill.wait_for_round(last)
    drill.assert_running("server")
    for number in range(1, last + 1):
        done = drill.kept()[number - 1]
        assert done["survivors"] == [1, 2, 3, 4], drill.logs()
        assert not done["lost"]
        assert done["attempts"] == 1
        drill.assert_right(number)


def work(coroutine, seconds=500):
    return asyncio.run(asyncio.wait_for(coroutine, seconds))


def test_garbage_frames(drill):
    drill.wait_for_round(1)
    impostor = Impostor(drill)
    work(impostor.flood(FRAMES))
    assert impostor.sent >= FRAMES
    assert impostor.streams > FRAMES / FRAMES_OF_A_STREAM
    assert_unharmed(drill, 1)
    log = drill.log("server")
    for reason in ("a frame of the unknown kind", "a second greeting", "a message of"):
        assert f"it sent {reason}" in log
    assert "Traceback" not in log


def test_garbage_under_the_right_names(drill):
    drill.wait_for_round(1)
    work(Impostor(drill).answer_with_noise(40))
    assert_unharmed(drill, 1)
    assert "Traceback" not in drill.log("server")


def test_a_second_stream_of_a_site(drill):
    drill.wait_for_round(1)
    registry = read_registry(drill.folder / "ca/registry.json")
    twin = Impostor(drill)
    twin.credentials = site_credentials(drill.folder / "hospital-2", registry)

    async def join():
        async with connect(twin.address, twin.credentials, twin.greeting):
            pass

    with pytest.raises((RefusedError, LinkLostError), match="a second program runs with the same"):
        work(join())
    assert_unharmed(drill, 1)
    drill.wait_for("server", r"refused .*hospital-2.*connected already")
