"""The program of one party of a deployed secure sum: `python -m benchmarks.federation.party`.

Arguments: folder of the consortium, "server" or the name of a site, the server's port, number of
sites, coordinates, bits of the modulus, sessions. The server prints a line of JSON: its seconds of
each session, whether all sums were right, and the most memory that it held beyond what it had
before the first session.
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crypto.parties import SERVER
from crypto.protocols.masking.session import DoubleMasking
from crypto.session.apart.conductor import Conductor, Session
from crypto.session.apart.links import LinkLostError
from crypto.session.apart.member import Expected
from crypto.session.apart.participant import Participant
from crypto.session.consortium import EnrolledConsortium
from crypto.session.sum_roles import VectorShape
from tff_health.federation.carrier.greeting import Greeting
from tff_health.federation.carrier.hub import GrpcHub
from tff_health.federation.carrier.line import connect
from tff_health.federation.consortium.credentials import (
    find_member,
    server_credentials,
    site_credentials,
)
from tff_health.federation.consortium.registry import Registry, read_registry
from tff_health.federation.errors import RefusedError

STUDY = bytes(32)
LABEL = "sum"
DEADLINE = 300.0


def vector_of(client: int, length: int, bits: int) -> NDArray[np.uint64]:
    """What a client gives, in every session."""
    rng = np.random.default_rng(client)
    return rng.integers(0, 1 << bits, length, dtype=np.uint64)


def plain_sum(clients: range, length: int, bits: int) -> NDArray[np.uint64]:
    """The sum of what clients give, in the clear."""
    total = np.zeros(length, np.uint64)
    for client in clients:
        total += vector_of(client, length, bits)
    return total & np.uint64((1 << bits) - 1)


async def serve(folder: Path, port: int, sites: int, shape: VectorShape, sessions: int) -> None:
    """Run the sessions, and print what they took."""
    registry = _registry(folder)
    hub = GrpcHub(server_credentials(folder / "ca/server", registry), STUDY, lambda: registry)
    await hub.start(f"localhost:{port}")
    conductor = Conductor(hub, DEADLINE)
    protocol = DoubleMasking(
        consortium=EnrolledConsortium(registry.verify_keys, None, party=SERVER, own=None)
    )
    clients = range(1, sites + 1)
    wanted = plain_sum(clients, shape.length, shape.bits)

    def work(asking: Session) -> dict[str, Any]:
        while len(asking.present) < sites:
            asking.wait(0.05)
        before, seconds, right = _reset_peak(), [], True
        for number in range(1, sessions + 1):
            start = time.perf_counter()
            result = protocol.serve(asking, LABEL, clients, shape, round_id=number)
            seconds.append(time.perf_counter() - start)
            peak = _status("VmHWM")  # the comparison below is not of the session
            right &= bool(np.array_equal(result.sum, wanted))
            right &= result.survivors == tuple(clients)
            del result
        return {"seconds": seconds, "right": right, "memory": peak - before}

    print(json.dumps(await conductor.run(work)), flush=True)
    await hub.close("the benchmark is over")


async def take_part(folder: Path, name: str, port: int, shape: VectorShape, sessions: int) -> None:
    """Give the same vector in every session, until the server is gone."""
    registry = _registry(folder)
    credentials = site_credentials(folder / name, registry)
    client = find_member(folder / name, registry).party
    if not isinstance(client, int):
        raise TypeError(f"{name} is no client")
    consortium = EnrolledConsortium(
        registry.verify_keys, None, party=client, own=credentials.identity
    )
    member = DoubleMasking(consortium=consortium).member(client)
    given = vector_of(client, shape.length, shape.bits)
    number = 1

    def expect() -> None:
        member.expect(Expected.of(number, b"", given))

    def answer(call: Any) -> bytes | None:
        nonlocal number
        found = member.tasks(LABEL)[f"{LABEL}/sum"](call)
        if call.stage == "unmasking":
            number += 1
            expect()
        return found

    expect()
    participant = Participant({f"{LABEL}/sum": answer})
    greeting = Greeting.of(STUDY, registry.digest)
    while True:
        try:
            async with connect(f"localhost:{port}", credentials, greeting) as line:
                await participant.serve(line)
        except RefusedError:
            raise
        except LinkLostError:
            if number > sessions:
                return
            await asyncio.sleep(0.1)


def _registry(folder: Path) -> Registry:
    return read_registry(folder / "ca/registry.json")


def _reset_peak() -> int:
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _status(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    raise KeyError(name)


def main(folder: str, name: str, *numbers: str) -> None:
    """Be one party."""
    port, sites, length, bits, sessions = map(int, numbers)
    shape = VectorShape(length, bits)
    if name == "server":
        asyncio.run(serve(Path(folder), port, sites, shape, sessions))
    else:
        asyncio.run(take_part(Path(folder), name, port, shape, sessions))


if __name__ == "__main__":
    main(*sys.argv[1:])
