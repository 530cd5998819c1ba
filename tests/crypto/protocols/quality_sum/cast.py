"""Roles for tests that drive a joint session by hand, stage by stage."""

import numpy as np

from crypto.elgamal.discrete_log import DiscreteLog
from crypto.errors import ProtocolError
from crypto.groups.ffdhe import SafePrimeGroup
from crypto.groups.secp256k1 import SECP256K1
from crypto.protocols.masking.session import DoubleMasking
from crypto.protocols.masking.topology import CompleteGraph
from crypto.protocols.pairwise_masking.session import PairwiseMasking
from crypto.protocols.quality_sum.client import QualityClient
from crypto.protocols.quality_sum.key_sources import DealtKeys, Disturbances
from crypto.protocols.quality_sum.parameters import Contribution, QualityParameters
from crypto.protocols.quality_sum.server import QualityServer
from crypto.protocols.quality_sum.stages import Stage
from crypto.randomness import SYSTEM
from tests.crypto.conformance import random_vectors

LENGTH, BITS = 12, 24
TINY = SafePrimeGroup("mod 2039", 2039)  # 2039 = 2 * 1019 + 1 = 7 mod 8, both prime


class Cast:
    """Clients 1..n with vectors and qualities, a server, and a system key that was dealt.

    Masks are pairwise ones, or double ones if `hardened`. Every message stays to be looked at.
    """

    def __init__(
        self,
        count=5,
        *,
        threshold=3,
        hardened=False,
        proofs=False,
        phi=3,
        max_quality=100,
        group=SECP256K1,
        vectors=None,
        qualities=None,
        key_setup="authority",
        client_class=QualityClient,
        randomness=None,
    ):
        self.cohort = tuple(range(1, count + 1))
        self.group = group
        self.vectors = vectors or random_vectors(self.cohort, LENGTH, BITS)
        self.qualities = qualities or {c: (37 * c) % max_quality for c in self.cohort}
        self.parameters = QualityParameters(phi, max_quality, proofs or hardened, hardened)
        if hardened:
            self.masking = DoubleMasking(CompleteGraph(threshold))
        else:
            self.masking = PairwiseMasking(threshold=threshold, key_setup=key_setup)
        masking_parameters = self.masking.plan(self.vectors, BITS)
        masks = {c: self.masking.client(c) for c in self.cohort}
        self.randomness = randomness or dict.fromkeys((*self.cohort, "dealer", "server"), SYSTEM)
        self.clients = {
            c: client_class(
                c,
                masks[c],
                proofs=self.parameters.proofs,
                checked=hardened,
                identity=self.masking.identity(c),
                registry=self.masking.registry,
                randomness=self.randomness[c],
            )
            for c in self.cohort
        }
        source = DealtKeys(group, self.randomness["dealer"])
        self.ready = source.make(self.cohort, threshold, Disturbances({}, ()))
        for client, held in self.ready.held.items():
            self.clients[client].hold(held)
        self.mask_server, self.dealing = self.masking.open(self.cohort, masking_parameters, 1)
        bound = count * max_quality
        self.server = QualityServer(
            self.mask_server,
            self.ready.system,
            self.parameters,
            DiscreteLog(group, bound),
            self.masking.registry,
            self.randomness["server"],
        )
        self.openings = dict(self.server.openings())
        self.parts = {}
        self.refused = []
        self.down = {}
        self.up = {}

    def contribution(self, client):
        return Contribution(self.vectors[client], self.qualities[client])

    def join(self):
        """Let all clients advertise keys."""
        if self.dealing is not None:
            deal, take = self.dealing
            self.down["dealt"] = deal()
            for client, data in self.down["dealt"].items():
                take(client, data)
        self.down["advertise keys"] = self.openings["advertise keys"]()
        self.up["advertise keys"] = {}
        for client, data in self.down["advertise keys"].items():
            self.parts[client], answer = self.clients[client].join(data)
            self.up["advertise keys"][client] = answer
            self.server.receive(client, answer)
        return self

    def step(self, stage, *, without=(), opening=None, note=False):
        """Run one stage; what the clients in `without` send does not arrive.

        What the server refuses is noted if `note` is set, and raised otherwise.
        """
        self.down[stage] = (opening or self.openings[stage])()
        self.up[stage] = {}
        for client, data in self.down[stage].items():
            answer = self.parts[client].step(stage, data, self.contribution(client))
            self.up[stage][client] = answer
            if client in without:
                continue
            try:
                self.server.receive(client, answer)
            except ProtocolError as error:
                if not note:
                    raise
                self.refused.append(error)
        return self

    def upload(self, without=()):
        self.join().step("share keys").step("masked input", without=without)
        return self

    def unmask(self, without=()):
        """Run everything up to theta."""
        self.upload(without)
        stages = list(self.openings)
        for stage in stages[stages.index("masked input") + 1 :]:
            self.step(stage)
        self.server.unmask()
        return self

    def decrypt(self):
        while self.server.needs_help:
            self.step(Stage.DECRYPTION, opening=self.server.request_help, note=True)
        return self.server.totals()


def plain_sums(vectors, qualities, survivors, bits=BITS):
    total = sum(vectors[c].astype(object) for c in survivors) % 2**bits
    return total.astype(np.uint64), sum(qualities[c] for c in survivors)
