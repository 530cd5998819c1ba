"""A secure sum of sites that are programs of their own, beside the same session in one process."""

import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.federation.party import plain_sum, vector_of
from crypto.protocols.masking.session import DoubleMasking
from tff_health.federation.consortium import enrolment
from tff_health.federation.consortium.digests import spoken

ROOT = Path(__file__).parents[2]
BITS = 28
_LIMIT = 500.0


def in_one_process(sites: int, length: int, sessions: int) -> list[float]:
    """Seconds of each session with all roles in this process."""
    clients = range(1, sites + 1)
    vectors = {client: vector_of(client, length, BITS) for client in clients}
    wanted = plain_sum(clients, length, BITS)
    protocol, seconds = DoubleMasking(), []
    for number in range(1, sessions + 1):
        start = time.perf_counter()
        result = protocol.sum(vectors, BITS, round_id=number)
        seconds.append(time.perf_counter() - start)
        if not np.array_equal(result.sum, wanted):
            raise ValueError("the sum in one process is not the plain one")
    return seconds


def deployed(sites: int, length: int, sessions: int) -> dict[str, Any]:
    """What the server of a deployed session says; every party is a process, with TLS between."""
    with tempfile.TemporaryDirectory() as folder:
        names = enrolled(Path(folder), sites)
        numbers = [str(n) for n in (free_port(), sites, length, BITS, sessions)]
        with processes() as start:
            party = "benchmarks.federation.party", folder
            server = start(*party, "server", *numbers, cwd=ROOT, stdout=subprocess.PIPE, text=True)
            for name in names:
                start(*party, name, *numbers, cwd=ROOT)
            told, _ = server.communicate(timeout=_LIMIT)
        found: dict[str, Any] = json.loads(told)
    if not found["right"]:
        raise ValueError("the deployed sum is not the plain one")
    return found


def enrolled(folder: Path, sites: int) -> list[str]:
    """Founds a consortium; returns the names of its sites."""
    names = [f"site-{number}" for number in range(1, sites + 1)]
    enrolment.found_consortium(folder / "ca", "bench", ("localhost",))
    for name in names:
        request = enrolment.enrol(folder / name, name)
        enrolment.sign(folder / "ca", request, spoken(request.digest))
    return names


def free_port() -> int:
    """Returns a port at which nobody listens."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextmanager
def processes() -> Iterator[Any]:
    """Yields what starts a module of Python with arguments; all end with the block."""
    started: list[subprocess.Popen[str]] = []

    def start(module: str, *arguments: str, **options: Any) -> Any:
        one = subprocess.Popen(
            [sys.executable, "-m", module, *arguments], start_new_session=True, **options
        )
        started.append(one)
        return one

    try:
        yield start
    finally:
        for one in started:
            with suppress(ProcessLookupError):
                os.killpg(one.pid, signal.SIGKILL)
            one.wait()


def compare(sites: int, length: int, pairs: int, sessions: int) -> dict[str, Any]:
    """Both, in turn, a few times.

    Returns:
        medians of their seconds, of the ratio of each pair with the lowest and the highest, and
        the most memory that a server held, in bytes and in vectors of 8 bytes a coordinate.
    """
    alone, apart, ratios, memory = [], [], [], 0
    for _ in range(pairs):
        # The first session of each makes tables and connections, and is not counted.
        one = statistics.median(in_one_process(sites, length, sessions + 1)[1:])
        found = deployed(sites, length, sessions + 1)
        two = statistics.median(found["seconds"][1:])
        alone.append(one)
        apart.append(two)
        ratios.append(two / one)
        memory = max(memory, found["memory"])
    return {
        "one process": statistics.median(alone),
        "deployed": statistics.median(apart),
        "ratio": statistics.median(ratios),
        "range": (min(ratios), max(ratios)),
        "memory": memory,
        "vectors": memory / (8 * length),
        "packed vectors": memory / (length * BITS / 8),
    }
