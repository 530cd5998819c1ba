"""Roles for tests that drive a session by hand, stage by stage."""

import numpy as np

from crypto.encoding.residues import ResidueSum
from crypto.primitives.aead import encrypt_once
from crypto.primitives.shamir import Reconstructor
from crypto.primitives.signatures import SigningIdentity
from crypto.protocols.masking.client import MaskingClient
from crypto.protocols.masking.client_session import MaskingClientSession
from crypto.protocols.masking.keys import adds_pairwise_mask, share_binding
from crypto.protocols.masking.messages import DealtPair, DeliveredShares, MaskedVector
from crypto.protocols.masking.parameters import ClientPolicy, MaskingParameters
from crypto.protocols.masking.peers import commit_to_pair
from crypto.protocols.masking.server import MaskingServer
from crypto.protocols.masking.topology import CompleteGraph
from crypto.session.signing import split_signed
from tests.crypto.conformance import random_vectors

LENGTH, BITS = 20, 24


class Cast:
    """Clients 1..n, their identities and vectors, and a server, at the start of a session.

    `round_class` replaces the clients' part in the session by a test double.
    """

    def __init__(
        self,
        count=5,
        *,
        signed=True,
        threshold=None,
        round_class=MaskingClientSession,
        parameters=None,
        policy=None,
    ):
        topology = CompleteGraph(threshold)
        self.signed = signed
        self.cohort = tuple(range(1, count + 1))
        self.parameters = parameters or MaskingParameters.plan(
            count, LENGTH, BITS, topology, signed
        )
        self.identities = {c: SigningIdentity.generate() for c in self.cohort}
        self.registry = {c: identity.verify_key for c, identity in self.identities.items()}
        policy = policy or ClientPolicy(topology, signatures_required=signed)
        self.clients = {
            c: MaskingClient(c, self.identities[c], self.registry, policy) for c in self.cohort
        }
        self.vectors = random_vectors(self.cohort, LENGTH, BITS)
        self.server = MaskingServer(self.cohort, self.parameters, 1, self.registry)
        self.round_class = round_class
        self.parts = {}
        self.advertised = {}
        self.dealt = {}
        self.delivered = {}
        self.uploads = {}

    def advertise(self):
        for client, data in self.server.invite().items():
            part, answer = self.clients[client].join(data)
            part.__class__ = self.round_class
            self.parts[client] = part
            self.advertised[client] = answer
            self.server.receive(client, answer)
        return self

    def share(self):
        self.advertise()
        for client, data in self.server.publish_keys().items():
            self.dealt[client] = self.parts[client].share_keys(data)
            self.server.receive(client, self.dealt[client])
        return self

    def upload(self, without=()):
        self.share()
        self.delivered = self.server.deliver_shares()
        for client, data in self.delivered.items():
            self.uploads[client] = self.parts[client].masked_input(data, self.vectors[client])
            if client not in without:
                self.server.receive(client, self.uploads[client])
        return self

    def confirm(self):
        self.upload()
        for client, data in self.server.announce_survivors().items():
            self.server.receive(client, self.parts[client].confirm_survivors(data))
        return self

    def open(self, kind, data):
        return split_signed(kind, data, self.signed)[0]

    def members(self, client):
        """The clients whose masks one client used."""
        delivered = DeliveredShares.from_bytes(self.delivered[client])
        return [peer for peer, _ in delivered.ciphertexts]

    def upload_under_masks(self, client):
        total = ResidueSum(LENGTH, BITS)
        total.add_packed(self.open(MaskedVector, self.uploads[client]).packed)
        return total


def dealt_pair(key, session_id, dealer, holder, pair):
    """What a dealer sends for one holder, under the key of the channel between them."""
    ciphertext = encrypt_once(key, pair.to_bytes(), share_binding(session_id, dealer, holder))
    commitments = commit_to_pair(session_id, dealer, holder, pair)
    return DealtPair(ciphertext, *commitments).to_bytes()


def reconstruct(shares, cohort, threshold):
    """Client -> share to the secret, as a server would."""
    by_point = {cohort.index(client) + 1: share for client, share in shares.items()}
    return Reconstructor().reconstruct(by_point, threshold)


def remove_mask(total, owner, peer, seed):
    """Take the mask that `owner` shares with `peer` off the upload of `owner`."""
    if adds_pairwise_mask(owner, peer):
        total.subtract_mask(seed)
    else:
        total.add_mask(seed)


def is_unmasked(total, vector):
    return bool(np.array_equal(total.to_array(), vector))
