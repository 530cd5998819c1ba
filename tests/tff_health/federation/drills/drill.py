"""A deployment whose programs are those for drills, with blows at chosen points, and its checks."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from tests.tff_health.federation.deployment import ROOT, Deployment
from tests.tff_health.federation.drills.program import KEPT, SLOTS, plain_sums

PROGRAM = "-m", "tests.tff_health.federation.drills.program"
SETTINGS = {"dataset": "digits", "model": "mnist_cnn", "seed": 5}
LONG = bool(os.environ.get("TFF_HEALTH_DRILLS"))
"""Whether drills that take minutes are wanted too."""


class Drill(Deployment):
    """Server, sites and authority as processes; all end with the block.

    Args:
        folder: where they have their files.
        scheme: of the study.
        rounds: of it.
        sites: how many there are.
        stage_seconds: a stage's deadline.
    """

    gathering = 10.0
    """Seconds for which the server waits for sites that are away."""
    listen = ""
    """Where it listens, if that is not where sites look for it."""

    def __init__(self, folder, scheme, rounds, sites=5, stage_seconds=30, **settings):
        self.scheme, self.rounds = scheme, rounds
        settings = {**SETTINGS, "scheme": scheme, "rounds": rounds, **settings}
        super().__init__(folder, settings, sites, stage_seconds)

    @property
    def sites(self):
        return [name for name in self.names if name != "keeper"]

    @property
    def clients(self):
        return self.study.clients

    def start_server(self, blows=()):
        self._start("server", "server", *map(as_json, blows))

    def start(self, name, blows=()):
        role = "authority" if name == "keeper" else "site"
        self._start(name, role, f"{name}.toml", *map(as_json, blows))

    def start_all(self, blows=()):
        """Start everybody, with blows that await sites."""
        self.start_server()
        for name in self.names:
            self.start(name, blows if name != "keeper" else ())

    def _start(self, name, *arguments):
        with (self.folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                self.command(name, arguments),
                cwd=self.folder,
                env={**os.environ, "PYTHONPATH": str(ROOT), **self.environment()},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def command(self, name, arguments):
        """What is started for a program."""
        return [sys.executable, *PROGRAM, *arguments]

    def environment(self):
        """What programs find in their environment beside the usual."""
        threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        return {**threads, "DRILL_GATHERING": str(self.gathering), "DRILL_LISTEN": self.listen}

    def client(self, name):
        """The number of a site."""
        return self.clients[self.sites.index(name)]

    def struck(self, seconds=60):
        """Wait until a program has struck itself dead; forget it, and return its name."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if dead := self.fallen():
                assert len(dead) == 1, dead
                return dead[0]
            time.sleep(0.01)
        raise AssertionError(f"nobody was struck:\n{self.logs()}")

    def fallen(self):
        """The names of programs that have struck themselves dead; they are forgotten."""
        dead = [name for name, one in self._running.items() if one.poll() == -signal.SIGKILL]
        for name in dead:
            del self._running[name]
        return dead

    def has_struck(self, blow):
        return (self.folder / f"struck 0, {blow.name}").exists()

    def assert_running(self, name):
        assert self._running[name].poll() in (None, 0), self.logs()

    def stopped(self, seconds=60):
        """Wait until a program has stopped itself; return its name."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for name, program in self._running.items():
                stat = Path(f"/proc/{program.pid}/stat").read_text()
                if stat.rpartition(")")[2].split()[0] == "T":
                    return name
            time.sleep(0.01)
        raise AssertionError(f"nobody has stopped:\n{self.logs()}")

    def kept(self):
        """What the server has kept of each round."""
        path = self.folder / KEPT
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def wait_for_round(self, number, seconds=60):
        """Wait until a round is kept; return what is."""
        end = time.monotonic() + seconds
        while len(rounds := self.kept()) < number:
            if time.monotonic() > end:
                raise AssertionError(f"round {number} is not kept:\n{self.logs()}")
            time.sleep(0.02)
        return rounds[number - 1]

    def assert_right(self, number, done):
        """Every sum of a round, of which the server has kept so much, is that of its survivors."""
        slots = SLOTS[self.scheme]
        with np.load(self.folder / f"sums-{number}.npz") as found:
            wanted = [] if done["lost"] else plain_sums(done["survivors"], number, slots)
            assert len(found.files) == len(wanted), done
            for place, total in enumerate(wanted):
                np.testing.assert_array_equal(found[f"slot_{place}"], total)

    def assert_over(self):
        """All rounds were kept, with the right sums, and all programs have ended by themselves."""
        assert self.wait("server", 120) == 0, self.logs()
        for name in self.names:
            if name in self._running:
                assert self.wait(name, 30) == 0, self.logs()
        kept = self.kept()
        assert len(kept) == self.rounds
        for number, done in enumerate(kept, start=1):
            self.assert_right(number, done)


def as_json(blow):
    return json.dumps(vars(blow))


def left_over(folder):
    """Processes that run in a folder, or below it."""
    found = []
    for link in Path("/proc").glob("[0-9]*/cwd"):
        try:
            if link.resolve().is_relative_to(folder):
                found.append(int(link.parent.name))
        except OSError:
            pass
    return found


def listeners(port):
    """Whether somebody listens at a port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
