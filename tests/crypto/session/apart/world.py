"""Parties of a consortium that are apart, over the carrier in memory: for tests of the driver."""

import asyncio
import contextlib

import numpy as np

from crypto.parties import AUTHORITY, SERVER
from crypto.primitives.signatures import SigningIdentity
from crypto.protocols.elgamal_sum.session import ElGamalSum
from crypto.protocols.masking.session import DoubleMasking
from crypto.protocols.masking.topology import RegularGraph
from crypto.protocols.pairwise_masking.session import PairwiseMasking
from crypto.protocols.quality_sum.parameters import Contribution
from crypto.protocols.quality_sum.session import HardenedQualitySum, QualitySum
from crypto.protocols.verified_sum.joint import VerifiedQualitySum
from crypto.protocols.verified_sum.masking import VerifiedDoubleMasking
from crypto.session.apart.conductor import Conductor
from crypto.session.apart.links import LinkLostError
from crypto.session.apart.member import Expected
from crypto.session.apart.memory import MemoryHub
from crypto.session.apart.participant import Participant
from crypto.session.consortium import EnrolledConsortium
from crypto.session.sum_roles import VectorShape
from tests.crypto.protocols.homomorphic_sum.test_session import TinyHomomorphicSum
from tests.crypto.protocols.paillier_sum.test_session import TinyPaillierSum
from tests.crypto.protocols.sparse_sum.test_session import TinySparseSum

LENGTH, BITS = 9, 8
MAX_QUALITY = 3
LABEL = "study"
BINDING = bytes(range(32))


def _sum(kind, **options):
    return lambda consortium: kind(consortium=consortium, **options)


PROTOCOLS = {
    "masking": _sum(DoubleMasking),
    "masking, sparse graph": _sum(
        DoubleMasking, topology=RegularGraph(dropout_rate=0.1, collusion_rate=0.1)
    ),
    "masking, unsigned": _sum(DoubleMasking, signed=False),
    "pairwise masking": _sum(PairwiseMasking),
    "pairwise masking, own keys": _sum(PairwiseMasking, key_setup="dkg"),
    "elgamal, authority": _sum(ElGamalSum, proofs=False),
    "elgamal, key generation": _sum(ElGamalSum, key_setup="dkg", proofs=False),
    "paillier": _sum(TinyPaillierSum),
    "homomorphic": _sum(TinyHomomorphicSum),
    "sparse": _sum(TinySparseSum),
    "quality": _sum(QualitySum),
    "quality, key generation": _sum(QualitySum, key_setup="dkg"),
    "hardened quality": _sum(HardenedQualitySum),
    "hardened quality, authority": _sum(HardenedQualitySum, key_setup="authority"),
    "verified masking": _sum(VerifiedDoubleMasking),
    "verified quality": _sum(VerifiedQualitySum),
}
WITH_AUTHORITY = [
    "pairwise masking",
    "elgamal, authority",
    "paillier",
    "homomorphic",
    "sparse",
    "quality",
    "hardened quality, authority",
    "verified quality",
]
NEEDS_ALL = ["homomorphic", "sparse"]


def is_joint(name):
    return "quality" in name


class World:
    """A server, clients and an authority, each with what it alone knows.

    Use it within a running event loop: `async with World("masking", range(5)) as world`.
    """

    def __init__(self, name, clients=range(5), deadline=30.0, journals=None, length=LENGTH):
        self.name, self.clients = name, tuple(clients)
        self.identities = {c: SigningIdentity.generate() for c in (*self.clients, AUTHORITY)}
        self.registry = {c: self.identities[c].verify_key for c in self.clients}
        self.hub = MemoryHub()
        self.conductor = Conductor(self.hub, deadline)
        self.server = self.roles(SERVER)
        self.length = length
        self.journals = journals or {}
        self.members, self.participants, self.notices = {}, {}, []
        self._tasks = {}
        rng = np.random.default_rng(7)
        high = 2**BITS
        self.vectors = {c: rng.integers(0, high, length, dtype=np.uint64) for c in self.clients}
        self.qualities = {c: int(rng.integers(0, MAX_QUALITY + 1)) for c in self.clients}

    def roles(self, party):
        own = self.identities.get(party)
        authority = self.identities[AUTHORITY].verify_key
        return PROTOCOLS[self.name](
            EnrolledConsortium(self.registry, authority, party=party, own=own)
        )

    async def __aenter__(self):
        for client in self.clients:
            self.start(client)
        self.start_authority()
        return self

    async def __aexit__(self, *_):
        for party in list(self._tasks):
            self.stop(party)
        await asyncio.sleep(0)

    def start(self, client):
        """Let a client begin, with nothing but its identity, its journal and its data."""
        member = self.roles(client).member(client, self.journals.get(client))
        self.members[client] = member
        self._serve(client, member.tasks(LABEL))

    def start_authority(self):
        self._serve(AUTHORITY, self.roles(AUTHORITY).authority_tasks(LABEL))

    def stop(self, party):
        """End a party as the end of its program would."""
        self.hub.cut(party)
        if (task := self._tasks.pop(party, None)) is not None:
            task.cancel()

    def reconnect(self, party):
        """Cut a party's line, and let it go on over a new one with all that it knows."""
        task = self._tasks[party]
        self._run(party, self.participants[party])
        task.cancel()

    def hang(self, party):
        self.hub.hang(party)

    def wake(self, party):
        self.hub.wake(party)

    def _serve(self, party, tasks):
        participant = Participant(tasks, lambda *what: self.notices.append((party, *what)))
        self.participants[party] = participant
        self._run(party, participant)

    def _run(self, party, participant):
        line = self.hub.line(party)

        async def serve():
            with contextlib.suppress(LinkLostError):
                await participant.serve(line)

        self._tasks[party] = asyncio.create_task(serve())

    def expect(self, round_id=1, binding=BINDING, clients=None):
        for client in self.clients if clients is None else clients:
            given = self.vectors[client]
            if is_joint(self.name):
                given = Contribution(given, self.qualities[client])
            self.members[client].expect(Expected.of(round_id, binding, given))

    async def sum(self, round_id=1, binding=BINDING, cohort=None):
        # What opens a verified sum needs more bits than these vectors do.
        shape = VectorShape(self.length, 20 if "verified" in self.name else BITS)
        options = {"round_id": round_id, "binding": binding}
        if is_joint(self.name):
            options["max_quality"] = MAX_QUALITY
        asked = self.clients if cohort is None else cohort
        return await self.conductor.run(
            lambda asking: self.server.serve(asking, LABEL, asked, shape, **options)
        )

    def assert_right(self, result, survivors=None):
        if survivors is not None:
            assert result.survivors == tuple(sorted(survivors))
        total = np.zeros(self.length, np.uint64)
        for client in result.survivors:
            total += self.vectors[client]
        mask = np.uint64(2**BITS - 1)
        np.testing.assert_array_equal(result.sum & mask, total & mask)
        if is_joint(self.name):
            assert result.quality_sum == sum(self.qualities[c] for c in result.survivors)


def run(coroutine, seconds=60):
    """Run a test's coroutine; one that waits longer has hung."""
    return asyncio.run(asyncio.wait_for(coroutine, seconds))
