"""Roles of pairwise masking for tests that drive a session by hand, stage by stage."""

from crypto.protocols.masking.parameters import MaskingParameters
from crypto.protocols.masking.topology import CompleteGraph
from crypto.protocols.pairwise_masking.authority import KeyAuthority
from crypto.protocols.pairwise_masking.client import PairwiseClient
from crypto.protocols.pairwise_masking.server import PairwiseServer
from tests.crypto.conformance import random_vectors

LENGTH, BITS = 20, 24


class Cast:
    """Clients 1..n with their vectors and a server, at the start of a session."""

    def __init__(self, count=5, *, dealt=True):
        self.cohort = tuple(range(1, count + 1))
        self.parameters = MaskingParameters.plan(count, LENGTH, BITS, CompleteGraph(), False)
        self.clients = {c: PairwiseClient(c, dealt=dealt) for c in self.cohort}
        self.vectors = random_vectors(self.cohort, LENGTH, BITS)
        self.server = PairwiseServer(self.cohort, self.parameters, 1, dealt=dealt)
        self.dealt = KeyAuthority(self.server.invitation).deal() if dealt else {}
        self.parts = {}
        self.up = {}

    def join(self):
        for client, data in self.dealt.items():
            self.clients[client].take_keys(data)
        for client, data in self.server.invite().items():
            self.parts[client], answer = self.clients[client].join(data)
            self.up[client] = answer
            self.server.receive(client, answer)
        return self

    def share(self):
        self.join()
        for client, data in self.server.publish_keys().items():
            self.up[client] = self.parts[client].share_keys(data)
            self.server.receive(client, self.up[client])
        return self

    def upload(self, without=()):
        self.share()
        for client, data in self.server.deliver_shares().items():
            self.up[client] = self.parts[client].masked_input(data, self.vectors[client])
            if client not in without:
                self.server.receive(client, self.up[client])
        return self

    def recover(self, without=()):
        self.upload(without)
        for client, data in self.server.announce_dropped().items():
            self.up[client] = self.parts[client].recover(data)
            self.server.receive(client, self.up[client])
        return self
