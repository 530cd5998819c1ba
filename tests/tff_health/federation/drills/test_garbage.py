"""A site with the right keys that sends garbage to the server's program: the rest goes on."""

import asyncio
import json
import subprocess
import time

import pytest

from crypto.session.apart.links import LinkLostError
from tests.tff_health.federation.drills.drill import LONG, Drill
from tests.tff_health.federation.drills.impostor import FRAMES_OF_A_STREAM, Impostor
from tests.tff_health.federation.parties import process
from tff_health.federation.carrier.line import connect
from tff_health.federation.consortium.credentials import site_credentials
from tff_health.federation.consortium.registry import read_registry
from tff_health.federation.errors import RefusedError

pytestmark = [pytest.mark.slow, pytest.mark.drill, pytest.mark.timeout(3000 if LONG else 600)]
FRAMES = 100_000 if LONG else 2_000
FLOOD_SECONDS = 2000 if LONG else 300
MOST = 1_000_000
IMPOSTOR = "hospital-5"


class Open(Drill):
    """A drill whose sites bear any number of rounds a day."""

    rounds_a_day = MOST
    gathering = 0.5

    def start_honest(self):
        self.start_server()
        for name in self.sites:
            if name != IMPOSTOR:
                self.start(name)

    def flooding(self, frames):
        """The impostor as a program that sends so many frames."""
        module = "tests.tff_health.federation.drills.impostor"
        return process("-m", module, self.folder, IMPOSTOR, frames, stderr=subprocess.STDOUT)


@pytest.fixture
def drill(tmp_path):
    with Open(tmp_path, "bonawitz", rounds=MOST) as drill:  # ended when the impostor is done
        drill.start_honest()
        yield drill


def assert_unharmed(drill, since):
    """Rounds went on, each with the sum of all that are honest, and go on now."""
    drill.wait_for_round(max(len(drill.kept()), since) + 3)
    drill.assert_running("server")
    assert_whole(drill)


def assert_whole(drill):
    for number, done in enumerate(drill.kept(), start=1):
        assert done["survivors"] == [1, 2, 3, 4], drill.logs()
        assert not done["lost"]
        assert done["attempts"] == 1
        drill.assert_right(number, done)


def work(coroutine, seconds=500):
    return asyncio.run(asyncio.wait_for(coroutine, seconds))


def test_garbage_frames(drill):
    drill.wait_for_round(1)
    with drill.flooding(FRAMES) as impostor:
        told, _ = impostor.communicate(timeout=FLOOD_SECONDS)
    counted = json.loads(told.splitlines()[-1])
    assert counted["sent"] >= FRAMES
    assert counted["streams"] > FRAMES / FRAMES_OF_A_STREAM
    assert_unharmed(drill, 1)
    log = drill.log("server")
    for reason in ("a frame of the unknown kind", "a second greeting", "a message of"):
        assert f"it sent {reason}" in log
    assert "Traceback" not in log


def test_a_server_ends_in_time_though_garbage_comes(tmp_path):
    with Open(tmp_path, "bonawitz", rounds=60) as drill:
        drill.start_honest()
        drill.wait_for_round(1)
        with drill.flooding(MOST):
            drill.wait_for_round(60, 300)
            start = time.monotonic()
            assert drill.wait("server", 60) == 0, drill.logs()
            assert time.monotonic() - start < 20
        assert_whole(drill)


def test_garbage_under_the_right_names(drill):
    drill.wait_for_round(1)
    work(Impostor(drill.folder, IMPOSTOR).answer_with_noise(40))
    assert_unharmed(drill, 1)
    assert "Traceback" not in drill.log("server")


def test_a_second_stream_of_a_site(drill):
    drill.wait_for_round(1)
    registry = read_registry(drill.folder / "ca/registry.json")
    twin = Impostor(drill.folder, IMPOSTOR)
    twin.credentials = site_credentials(drill.folder / "hospital-2", registry)

    async def join():
        async with connect(twin.address, twin.credentials, twin.greeting):
            pass

    with pytest.raises((RefusedError, LinkLostError), match="a second program runs with the same"):
        work(join())
    assert_unharmed(drill, 1)
    drill.wait_for("server", r"refused .*hospital-2.*connected already")
