"""Four clients, a server and a key holder, driven by hand."""

from functools import cache

import numpy as np

from crypto.primitives.signatures import SIGNATURE_BYTES, SigningIdentity
from crypto.protocols.homomorphic_sum.client import HomomorphicClient
from crypto.protocols.homomorphic_sum.key_holder import KeyHolder
from crypto.protocols.homomorphic_sum.messages import DecryptionOrder, EncryptedUpload, Invitation
from crypto.protocols.homomorphic_sum.server import HomomorphicServer
from crypto.randomness import SYSTEM
from crypto.vector_schemes.packed_paillier import PackedPaillierScheme
from crypto.vector_schemes.scheme import VectorPlan

SCHEME = PackedPaillierScheme(512)
CLIENTS = (0, 1, 2, 3)
PLAN = VectorPlan(3, 20, len(CLIENTS))


class KeptScheme(PackedPaillierScheme):
    """Makes one key only, so that tests are fast."""

    @cache  # noqa: B019
    def generate(self, *args):
        return super().generate(*args)


KEPT = KeptScheme(512)


class Cast:
    def __init__(self, signed=True):
        self.identities = {c: SigningIdentity.generate() if signed else None for c in CLIENTS}
        self.registry = {c: i.verify_key for c, i in self.identities.items()} if signed else None
        self.dealer = SigningIdentity.generate() if signed else None
        self.trusted = self.dealer.verify_key if signed else None
        self.holder = KeyHolder(KEPT, self.dealer, self.registry)
        self.clients = {c: HomomorphicClient(c, SCHEME, self.identities[c]) for c in CLIENTS}
        self.server = self.new_server()
        self.session_id = self.server.session_id
        self.parts = {}
        self.vectors = {c: np.array([c, 10 * c, 2**20 - 1], np.uint64) for c in CLIENTS}

    def new_server(self):
        invitation = Invitation(
            SYSTEM.bytes(16),
            round_id=1,
            cohort=CLIENTS,
            length=PLAN.length,
            value_bits=PLAN.value_bits,
            signed=self.registry is not None,
            announcement=self.holder.announcement,
            key_signature=self.holder.signature,
        )
        return HomomorphicServer(invitation, self.holder.public_key, self.registry)

    def invitation(self, **changes):
        return Invitation(**{**vars(self.server.invitation), **changes})

    def join(self, client, invitation):
        return self.clients[client].join(invitation.to_bytes(), self.trusted)

    def set_up(self):
        """Run key setup."""
        for client, data in self.server.invite().items():
            self.parts[client], answer = self.clients[client].join(data, self.trusted)
            self.server.receive(client, answer)
        return self

    def request(self):
        """Open the upload; return the request, which is the same for all."""
        return next(iter(self.server.request_uploads().values()))

    def upload(self):
        """Run all up to the end of the upload."""
        request = self.set_up().request()
        self.uploads = {}
        for client in CLIENTS:
            data = self.parts[client].upload(request, self.vectors[client])
            self.uploads[client] = data
            self.server.receive(client, data)
        self.honest_order = self.server.order_decryption()
        return self

    def vector(self, client):
        """Return what a client uploaded."""
        body = self.uploads[client]
        return EncryptedUpload.from_bytes(body[:-SIGNATURE_BYTES]).vector

    def order(self, **changes):
        """Return an order for the key holder with some fields replaced."""
        honest = DecryptionOrder.from_bytes(self.honest_order)
        return DecryptionOrder(**{**vars(honest), **changes})
