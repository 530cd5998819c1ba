"""A consortium whose programs run as processes of their own on loopback: for tests of the whole."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from crypto.parties import AUTHORITY
from tff_health.federation.consortium import enrolment
from tff_health.federation.consortium.digests import spoken
from tff_health.federation.consortium.registry import read_registry
from tff_health.federation.site.state import create_state
from tff_health.federation.study import read_study

ROOT = Path(__file__).parents[3]
WITH_AUTHORITY = ("zhang", "fang", "fedopt")
_SITE = """
[site]
folder = "{name}"
registry = "ca/registry.json"
registry_digest = "{registry}"
study = "study.toml"
study_digest = "{study}"
"""
_POLICY = """
[policy]
schemes = ["bonawitz", "zhang", "zhang_hardened", "fang", "fedopt"]
smallest_cohort = {cohort}
smallest_threshold = {threshold}
colluders = 0
signatures = false
epsilon_budget = inf
rounds_a_day = {rounds}
"""


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class Deployment:
    """Server, sites and, if the scheme has one, an authority; all end with the block.

    Args:
        folder: where they have their files.
        settings: of the study, without clients.
        sites: how many there are.
        stage_seconds: as in the study file.
        own: party -> its own images, the server's too; None for a data set that all have.
        facts: section [facts] of a study on such.
    """

    host = "localhost"
    training_seconds = 120
    smallest_cohort = smallest_threshold = 3
    rounds_a_day = 1000

    def __init__(self, folder, settings, sites=3, stage_seconds=30, own=None, facts=""):
        self.folder, self.settings = folder, settings
        self.own, self.facts = own or {}, facts
        self.port = free_port()
        self.names = [f"hospital-{number}" for number in range(1, sites + 1)]
        self.results = folder / "results"
        self._running = {}
        self._found(stage_seconds)

    def _found(self, stage_seconds):
        ca = self.folder / "ca"
        enrolment.found_consortium(ca, "derm", (self.host,))
        parties = list(range(1, len(self.names) + 1))
        if self.settings["scheme"] in WITH_AUTHORITY:
            self.names.append("keeper")
            parties.append(AUTHORITY)
        for name, party in zip(self.names, parties, strict=True):
            request = enrolment.enrol(self.folder / name, name)
            create_state(self.folder / name)
            enrolment.sign(ca, request, spoken(request.digest), party)
        values = "\n".join(f"{k} = {_toml(v)}" for k, v in self.settings.items())
        clients = [party for party in parties if party != AUTHORITY]
        (self.folder / "study.toml").write_text(
            f'[study]\nname = "try"\nserver = "{self.host}:{self.port}"\nclients = {clients}\n'
            f"stage_seconds = {stage_seconds}\ntraining_seconds = {self.training_seconds}\n"
            f"[settings]\n{values}\n"
            f"{self.facts}"
        )
        registry = read_registry(ca / "registry.json")
        study = read_study(self.folder / "study.toml", self.own.get("server"))
        digests = {"registry": spoken(registry.digest), "study": spoken(study.digest)}
        for name in self.names:
            text = _SITE.format(name=name, **digests)
            bounds = {
                "cohort": self.smallest_cohort,
                "threshold": self.smallest_threshold,
                "rounds": self.rounds_a_day,
            }
            policy = "" if name == "keeper" else _POLICY.format(**bounds)
            if name in self.own:
                text += f'images = "{self.own[name]}"\n'
                policy += f'data_folder = "{self.own[name].parent}"\n'
            (self.folder / f"{name}.toml").write_text(text + policy)
        self.study = study

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for name in list(self._running):
            self.kill(name)

    def start_server(self, *more):
        self._start(
            "server",
            *("server", "study.toml", "--keys=ca/server", "--registry=ca/registry.json"),
            *("--out_dir=results", f"--listen=localhost:{self.port}"),
            *more,
            *([f"--images={self.own['server']}"] if self.own else []),
        )

    def start(self, name):
        self._start(name, "authority" if name == "keeper" else "site", f"{name}.toml")

    def start_all(self):
        self.start_server()
        for name in self.names:
            self.start(name)

    def _start(self, name, *arguments):
        log = (self.folder / f"{name}.log").open("ab")
        with log:
            self._running[name] = subprocess.Popen(
                [sys.executable, "-m", "tff_health.federation", *arguments],
                cwd=self.folder,
                env={**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill(self, name, signum=signal.SIGKILL):
        """End a program and all that it started."""
        program = self._running.pop(name)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(program.pid, signum)
        return program.wait(30)

    def interrupt(self, name):
        program = self._running.pop(name)
        os.kill(program.pid, signal.SIGINT)
        return program.wait(30)

    def signal(self, name, signum):
        os.killpg(self._running[name].pid, signum)

    def wait(self, name, seconds=240):
        """Wait until a program has ended; return its exit code."""
        try:
            return self._running[name].wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{name} has not ended:\n{self.logs()}") from None
        finally:
            if self._running[name].poll() is not None:
                self._running.pop(name)

    def pid(self, name):
        return self._running[name].pid

    def log(self, name):
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def logs(self):
        return "\n".join(f"--- {n}\n{self.log(n)[-3000:]}" for n in ("server", *self.names))

    def wait_for(self, name, pattern, seconds=120):
        """Wait until a program's log has a line."""
        end = time.monotonic() + seconds
        while not (found := re.search(pattern, self.log(name))):
            if time.monotonic() > end or self._running[name].poll() is not None:
                raise AssertionError(f"{name} never said {pattern!r}:\n{self.logs()}")
            time.sleep(0.02)
        return found


def _toml(value):
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)
