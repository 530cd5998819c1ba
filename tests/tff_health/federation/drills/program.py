"""Programs of a study for drills: numbers in place of training, all else as in the product.

Usage: python -m tests.tff_health.federation.drills.program ROLE [FILE] [BLOW ...]

ROLE is server, site or authority, in the folder of a `Deployment`. A blow is a `Blow` as JSON.
"""

import asyncio
import json
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from crypto.parties import AUTHORITY, SERVER
from crypto.session.apart.conductor import Conductor
from crypto.session.apart.participant import Participant
from tff_health.federation.carrier.greeting import Greeting
from tff_health.federation.carrier.hub import GrpcHub
from tff_health.federation.consortium.credentials import (
    find_member,
    server_credentials,
    site_credentials,
)
from tff_health.federation.consortium.registry import read_registry
from tff_health.federation.programs import running
from tff_health.federation.programs.connection import stay, until_over
from tff_health.federation.programs.parties import (
    needs_authority,
    protocol_of,
    roles_by_label,
)
from tff_health.federation.rounds.announcements import Announcements
from tff_health.federation.rounds.helper_rounds import HelperRounds
from tff_health.federation.rounds.messages import TRAIN, RoundClosed, RoundOffer
from tff_health.federation.rounds.offered_sums import OfferedSums
from tff_health.federation.rounds.purpose import TRAINING
from tff_health.federation.rounds.server_rounds import Patience, ServerRounds
from tff_health.federation.rounds.site_rounds import Rules, SiteRounds, Training, Watcher
from tff_health.federation.site.site_file import read_party, read_site
from tff_health.federation.site.state import SiteState
from tff_health.federation.study import read_study
from tff_health.secure_aggregation.slots import Slot

LENGTH = 2000
FEW = 40
COUNT = Slot("bitwidth", 2, (), np.dtype(np.int32))
QUALITY = Slot("max_input", 101, (), np.dtype(np.int64))
RESIDUES = Slot("modular", 1 << 16, (LENGTH,), np.dtype(np.int64))
NUMBERS = Slot("bitwidth", 1 << 16, (LENGTH,), np.dtype(np.int64))
METRICS = Slot("bitwidth", 1 << 16, (8,), np.dtype(np.int64))
SLOTS = {
    "bonawitz": [METRICS, COUNT, RESIDUES],
    "zhang": [METRICS, QUALITY, COUNT, RESIDUES],
    "zhang_hardened": [METRICS, COUNT, QUALITY, RESIDUES],
    "fang": [METRICS, COUNT, NUMBERS],
    "fedopt": [COUNT, Slot("modular", 1 << 16, (FEW,), np.dtype(np.int64))],
}
MODEL = b"the weights of round %d"
KEPT = "rounds.jsonl"
STAY_SECONDS = 60.0


def contribution(client, number, slots):
    """What a client has trained in a round: tensors that follow from both."""
    rng = np.random.default_rng([client, number])
    return [rng.integers(0, slot.bound, slot.shape).astype(slot.dtype) for slot in slots]


def plain_sums(clients, number, slots):
    """The sums of some clients' tensors, in the clear."""
    found = []
    for place, slot in enumerate(slots):
        total = sum(contribution(c, number, slots)[place].astype(np.int64) for c in clients)
        found.append(total % slot.bound if slot.kind == "modular" else total)
    return found


@dataclass(frozen=True)
class Blow:
    """A signal that a program sends itself, at one point of one round.

    Attributes:
        round_number: the round.
        task: what is asked of a party, without the protocol's label: "sum", "round" and the like.
        stage: of the task.
        moment: before the step (of the server: before it asks), between (the first reply has come),
            or after (the step is taken, and its answer has not left).
        signal: its name.
        times: how many programs are struck: those that come there first.
    """

    round_number: int
    task: str
    stage: str
    moment: str
    signal: str = "SIGKILL"
    times: int = 1

    def strike(self):
        """Strike this program, unless as many were struck as are to be."""
        for number in range(self.times):
            try:
                Path(f"struck {number}, {self.name}").touch(exist_ok=False)
            except FileExistsError:
                continue
            print("struck:", self.name, flush=True)
            os.kill(os.getpid(), getattr(signal, self.signal))
            return

    @property
    def name(self):
        where = f"round {self.round_number}, {self.task}, {self.stage}, {self.moment}"
        return f"{self.signal} in {where}".replace("/", ":")


class Blows:
    """Those that await a program; all who have the same share them."""

    def __init__(self, texts):
        self.all = [Blow(**json.loads(text)) for text in texts]
        self.round_number = 0

    def strike(self, task, stage, moment):
        wanted = self.round_number, tail(task), stage, moment
        for blow in self.all:
            if (blow.round_number, blow.task, blow.stage, blow.moment) == wanted:
                blow.strike()

    def around(self, name, task):
        """A task of a participant, with blows before and after it."""

        def struck(call):
            if call.stage == TRAIN:
                self.round_number = RoundOffer.from_bytes(call.data).round_id
            self.strike(name, call.stage, "before")
            answer = task(call)
            self.strike(name, call.stage, "after")
            return answer

        return struck


def tail(task):
    """A task's name without the label of its protocol."""
    return task.partition("/")[2] or task


class Asking:
    """A session, with blows around what the server asks, and a note of how long it waited."""

    def __init__(self, session, blows):
        self._session, self._blows = session, blows
        self.waits = {}

    def __getattr__(self, name):
        return getattr(self._session, name)

    def ask(self, task, stage, messages, seconds=None):
        self._blows.strike(task, stage, "before")
        start = time.monotonic()
        for reply in self._session.ask(task, stage, messages, seconds):
            yield reply
            self._blows.strike(task, stage, "between")
        waited = time.monotonic() - start
        self.waits[stage] = max(waited, self.waits.get(stage, 0.0))
        self._blows.strike(task, stage, "after")


async def server(blows):
    study, registry = read_study(Path("study.toml")), read_registry(Path("ca/registry.json"))
    protocol = protocol_of(study, registry, SERVER, None)
    credentials = server_credentials(Path("ca/server"), registry)
    hub = GrpcHub(credentials, study.digest, lambda: read_registry(Path("ca/registry.json")))
    await hub.start(os.environ["DRILL_LISTEN"] or study.section.server)
    conductor = Conductor(hub, study.section.stage_seconds)
    try:
        await conductor.run(
            lambda session: all_rounds(Asking(session, blows), study, protocol, blows)
        )
    finally:
        await hub.close("the server stops")
    return 0


def all_rounds(asking, study, protocol, blows):
    """Run the rounds that are missing; each is kept before the sites are told how it ended."""
    slots, clients = SLOTS[study.config.run.scheme], study.clients
    needed = [AUTHORITY] if needs_authority(protocol) else []
    rounds = ServerRounds(
        asking,
        protocol,
        slots,
        study.digest,
        fewest=study.plan.survivors,
        patience=Patience(study.section.training_seconds, float(os.environ["DRILL_GATHERING"])),
        needed=needed,
        tell=tell,
    )
    announcements = Announcements(asking, study.digest, [*clients, *needed], tell)
    kept = [json.loads(line) for line in read(KEPT).splitlines() if line]
    if kept:
        announcements.close(RoundClosed.from_bytes(bytes.fromhex(kept[-1]["closed"])))
    for number in range(len(kept) + 1, study.config.training.rounds + 1):
        blows.round_number, asking.waits = number, {}
        done = rounds.run(MODEL % number, number, lambda _: clients)
        closed = RoundClosed(number, done.binding, done.survivors, bytes(32), bool(done.lost))
        arrays = {f"slot_{place}": one for place, one in enumerate(done.sums)}
        np.savez(f"sums-{number}.npz", **arrays)
        record = {
            "cohort": done.cohort,
            "survivors": done.survivors,
            "lost": done.lost,
            "attempts": 1 + done.aborted_attempts,
            "waits": asking.waits,
            "closed": closed.to_bytes().hex(),
        }
        with Path(KEPT).open("a") as file:
            file.write(json.dumps(record) + "\n")
            file.flush()
            os.fsync(file.fileno())
        print(f"round {number}: kept", flush=True)
        announcements.close(closed)
    announcements.end(study.config.training.rounds, bytes(32))
    announcements.stay(STAY_SECONDS)


def tell(line):
    print(line, flush=True)


class Drawn(Training):
    """Numbers in place of training."""

    def __init__(self, client, slots):
        self._client, self._slots = client, slots

    def contribute(self, model, number):
        if not model.startswith(MODEL % number):
            raise ValueError("another model than the server's")
        return contribution(self._client, number, self._slots)

    def keep(self, number):
        pass


class SiteRules(Rules):
    def __init__(self, site, state):
        self._site, self._ledger = site, state.ledger

    def check_round(self, number):
        self._ledger.spend(self._site.study.digest, number, None, time.time())

    def check_cohort(self, size, threshold):
        self._site.policy.check_cohort(size, threshold)

    def summed(self, number, *, is_checked):
        pass


class Teller(Watcher):
    def __init__(self, loop):
        self.over, self._loop = asyncio.Event(), loop

    def training(self, number):
        print(f"round {number}: training", flush=True)

    def trained(self, number):
        pass

    def closed(self, number, closed):
        print(f"round {number}: closed", flush=True)

    def ended(self, ended):
        self._loop.call_soon_threadsafe(self.over.set)


async def site(path, blows):
    site = read_site(path)
    credentials = site_credentials(site.folder, site.registry)
    client = find_member(site.folder, site.registry).party
    state = SiteState.open(site.folder, site.policy)
    slots = SLOTS[site.study.config.run.scheme]
    protocol = protocol_of(site.study, site.registry, client, credentials.identity)
    labels = {id(one): label for label, one in protocol.by_label.items()}
    sessions = {labels[id(s.protocol)]: s for s in protocol.sessions(slots)}
    digest = site.study.digest
    members = {
        label: roles.member(client, state.journal.of(digest, label))
        for label, roles in roles_by_label(protocol).items()
        if label in sessions
    }
    watcher, rules = Teller(asyncio.get_running_loop()), SiteRules(site, state)
    sums = OfferedSums(TRAINING, sessions, members)
    rounds = SiteRounds(client, digest, sums, Drawn(client, slots), rules, watcher)
    tasks = {name: blows.around(name, task) for name, task in rounds.tasks().items()}
    await stayed(site, tasks, credentials, watcher.over)
    state.close()
    return 0


async def authority(path, blows):
    party = read_party(path)
    credentials = site_credentials(party.folder, party.registry)
    protocol = protocol_of(party.study, party.registry, AUTHORITY, credentials.identity)
    tasks = {}
    for label, one in roles_by_label(protocol).items():
        tasks |= one.authority_tasks(label)
    over, loop = asyncio.Event(), asyncio.get_running_loop()
    struck = {name: blows.around(name, task) for name, task in tasks.items()}
    told = HelperRounds(
        party.study.digest, lambda _: None, lambda _: loop.call_soon_threadsafe(over.set)
    )
    await stayed(party, struck | told.tasks(), credentials, over)
    return 0


async def stayed(file, tasks, credentials, over):
    greeting = Greeting.of(file.study.digest, file.registry.digest)
    staying = stay(Participant(tasks, note), file.study.section.server, credentials, greeting)
    await until_over(staying, over)


def note(task, stage, error):
    print(f"refused {task}, {stage}: {type(error).__name__}: {error}", flush=True)


def read(name):
    path = Path(name)
    return path.read_text() if path.exists() else ""


def main(role, *arguments):
    running.show_log()
    if role == "server":
        return running.run(lambda: server(Blows(arguments)), "interrupted")
    path, *texts = arguments
    program = {"site": site, "authority": authority}[role]
    return running.run(lambda: program(Path(path), Blows(texts)), "interrupted")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
