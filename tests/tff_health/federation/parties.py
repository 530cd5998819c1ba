"""A consortium in a folder, and both ends of the carrier, for tests."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from tff_health.federation.carrier.greeting import Greeting
from tff_health.federation.carrier.hub import GrpcHub
from tff_health.federation.carrier.limits import Limits, Pace
from tff_health.federation.carrier.line import connect
from tff_health.federation.consortium import credentials, enrolment
from tff_health.federation.consortium.digests import spoken
from tff_health.federation.consortium.registry import read_registry

ROOT = Path(__file__).parents[3]
STUDY = b"s" * 32
QUICK = Pace(beat=0.2, silence=1.0, probe=0.5)
SMALL = Limits(
    message=3_000_000,
    piece=10_000,
    memory=2_000_000,
    largest=1_000_000,
    queued=20_000_000,
    waiting=4,
)


@dataclass(frozen=True)
class Consortium:
    folder: Path

    @classmethod
    def found(cls, folder, *names, host="localhost", consortium="tests"):
        enrolment.found_consortium(folder / "ca", consortium, (host,))
        found = cls(folder)
        for name in names:
            found.enrol(name)
        return found

    def enrol(self, name, **options):
        request = enrolment.enrol(self.folder / name, name)
        return enrolment.sign(self.folder / "ca", request, spoken(request.digest), **options)

    @property
    def registry(self):
        return read_registry(self.folder / "ca" / enrolment.REGISTRY)

    @property
    def server(self):
        return credentials.server_credentials(self.folder / "ca" / "server", self.registry)

    def site(self, name):
        return credentials.site_credentials(self.folder / name, self.registry)

    def greeting(self, study=STUDY, decoding=b""):
        return Greeting.of(study, self.registry.digest, decoding)

    @contextlib.asynccontextmanager
    async def hub(self, limits=SMALL, pace=QUICK, address="localhost:0", **options):
        hub = GrpcHub(self.server, STUDY, lambda: self.registry, limits, pace, **options)
        port = await hub.start(address)
        try:
            yield hub, f"localhost:{port}"
        finally:
            await hub.close("the test is over", patience=1.0)

    def line(self, address, name, limits=SMALL, pace=QUICK, greeting=None, site=None, traffic=None):
        site = site or self.site(name)
        return connect(address, site, greeting or self.greeting(), limits, pace, traffic)


def with_key_of(site, other):
    """The credentials of one site with the TLS key of another."""
    return replace(site, key=other.key)


def run(work, seconds=30):
    async def limited():
        async with asyncio.timeout(seconds):
            return await work

    return asyncio.run(limited())


async def until(condition, seconds=10):
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


@contextlib.contextmanager
def process(*arguments, **options):
    """A program in a process group of its own, which ends with the block."""
    command = [sys.executable, *map(str, arguments)]
    options = {"stdout": subprocess.PIPE, "text": True, **options}
    with subprocess.Popen(command, cwd=ROOT, start_new_session=True, **options) as child:
        try:
            yield child
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
