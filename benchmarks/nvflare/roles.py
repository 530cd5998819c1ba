"""What the benchmark's job names: double masking over NVFlare, and nothing else."""

import asyncio
import json
import os
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
from crypto.session.apart.participant import Call, Participant
from crypto.session.consortium import EnrolledConsortium
from crypto.session.sum_roles import VectorShape
from nvflare.apis.executor import Executor
from nvflare.apis.fl_constant import ReturnCode
from nvflare.apis.impl.controller import Controller, Task
from nvflare.apis.shareable import Shareable, make_reply
from tff_health.federation.carrier.greeting import Greeting
from tff_health.federation.consortium.credentials import (
    find_member,
    server_credentials,
    site_credentials,
)
from tff_health.federation.consortium.registry import read_registry
from tff_health.federation.nvflare.engine_post import EnginePost
from tff_health.federation.nvflare.hub import AuxHub
from tff_health.federation.nvflare.line import AuxConnector

STUDY = bytes(32)
LABEL = "sum"
BITS = 28
_DEADLINE = 300.0


def vector_of(client: int, length: int) -> NDArray[np.uint64]:
    """What a client gives, in every session."""
    rng = np.random.default_rng(client)
    return rng.integers(0, 1 << BITS, length, dtype=np.uint64)


class Settings:
    """What the programs are told by their environment: folder, sites, length, sessions."""

    def __init__(self) -> None:
        self.folder = Path(os.environ["BENCH_FOLDER"])
        self.sites = int(os.environ["BENCH_SITES"])
        self.length = int(os.environ["BENCH_LENGTH"])
        self.sessions = int(os.environ["BENCH_SESSIONS"])
        self.registry = read_registry(self.folder / "ca/registry.json")


class SumController(Controller):
    """The server: runs the sessions, and writes what they took into `result.json`."""

    def start_controller(self, fl_ctx: Any) -> None:
        self._post = EnginePost(fl_ctx.get_engine())

    def stop_controller(self, fl_ctx: Any) -> None:
        pass

    def process_result_of_unknown_task(self, *_: Any, **__: Any) -> None:
        pass

    def control_flow(self, abort_signal: Any, fl_ctx: Any) -> None:
        del abort_signal
        self.broadcast(Task("study", Shareable()), fl_ctx, min_responses=0)
        settings = Settings()
        found = asyncio.run(self._serve(settings))
        path = settings.folder / "result.json"
        path.with_suffix(".new").write_text(json.dumps(found))
        path.with_suffix(".new").rename(path)

    async def _serve(self, settings: Settings) -> dict[str, Any]:
        registry, clients = settings.registry, range(1, settings.sites + 1)
        credentials = server_credentials(settings.folder / "ca/server", registry)
        hub = AuxHub(self._post, credentials, STUDY, lambda: registry)
        hub.start()
        protocol = DoubleMasking(consortium=EnrolledConsortium(registry.verify_keys, party=SERVER))
        wanted = sum(vector_of(client, settings.length) for client in clients) % (1 << BITS)

        def work(asking: Session) -> dict[str, Any]:
            while len(asking.present) < settings.sites:
                asking.wait(0.05)
            seconds, right, shape = [], True, VectorShape(settings.length, BITS)
            for number in range(1, settings.sessions + 1):
                start = time.perf_counter()
                result = protocol.serve(asking, LABEL, clients, shape, round_id=number)
                seconds.append(time.perf_counter() - start)
                right &= np.array_equal(result.sum, wanted)
                right &= result.survivors == tuple(clients)
            echoes = []
            for _ in range(20):
                start = time.perf_counter()
                asked: dict[Any, bytes] = dict.fromkeys(clients, b"x" * 300)
                got = sum(1 for reply in asking.ask("echo", "echo", asked) if reply.data)
                echoes.append(time.perf_counter() - start)
                right &= got == settings.sites
            return {"seconds": seconds, "right": bool(right), "echoes": echoes}

        try:
            return await Conductor(hub, _DEADLINE).run(work)
        finally:
            await hub.close("the benchmark is over")


class SumExecutor(Executor):
    """A site: gives the same vector in every session."""

    def execute(self, task_name: str, shareable: Any, fl_ctx: Any, abort_signal: Any) -> Any:
        del task_name, shareable, abort_signal
        asyncio.run(self._take_part(fl_ctx))
        return make_reply(ReturnCode.OK)

    async def _take_part(self, fl_ctx: Any) -> None:
        settings, name = Settings(), fl_ctx.get_identity_name()
        connector = AuxConnector(EnginePost(fl_ctx.get_engine()))
        credentials = site_credentials(settings.folder / name, settings.registry)
        client = find_member(settings.folder / name, settings.registry).party
        consortium = EnrolledConsortium(
            settings.registry.verify_keys, party=client, own=credentials.identity
        )
        member = DoubleMasking(consortium=consortium).member(client)
        given, number = vector_of(client, settings.length), 1

        def answer(call: Call) -> bytes | None:
            nonlocal number
            found = member.tasks(LABEL)[f"{LABEL}/sum"](call)
            if call.stage == "unmasking":
                number += 1
                member.expect(Expected.of(number, b"", given))
            return found

        member.expect(Expected.of(number, b"", given))
        participant = Participant({f"{LABEL}/sum": answer, "echo": lambda call: call.data})
        greeting = Greeting.of(STUDY, settings.registry.digest)
        while number <= settings.sessions:
            try:
                async with connector.connect("the server", credentials, greeting) as line:
                    await participant.serve(line)
            except LinkLostError:
                await asyncio.sleep(0.1)
