"""Holders of the system key outside a session's cohort, who help the server to decrypt.

Eleven clients have a share, five of which decrypt. The server invites six of them and tells two
pairs of these different sums; the three colluders, all outside the cohort, answer both.
"""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from crypto.elgamal.discrete_log import DiscreteLog
from crypto.elgamal.encryption import Ciphertext, add_all
from crypto.errors import ConsistencyError, PolicyError
from crypto.groups.secp256k1 import SECP256K1
from crypto.primitives.signatures import SIGNATURE_BYTES, SigningIdentity
from crypto.protocols.dkg.session import generate_key
from crypto.protocols.elgamal_sum.authority import (
    KeyAuthority,
    KeyDelivery,
    announce,
    open_share,
    read_key,
)
from crypto.protocols.elgamal_sum.client import ElGamalClient
from crypto.protocols.elgamal_sum.messages import (
    DecryptionRequest,
    EncryptedVector,
    PartialDecryptions,
)
from crypto.protocols.elgamal_sum.parameters import ElGamalParameters, ElGamalPolicy
from crypto.protocols.elgamal_sum.server import ElGamalServer
from crypto.randomness import SYSTEM
from crypto.session.thresholds import count_colluders, plan_threshold

HOLDERS = tuple(range(1, 12))
COHORT = HOLDERS[:6]
COLLUDERS = (7, 8, 9)
THRESHOLD = 5
VICTIM = 6


@dataclass(frozen=True)
class CohortPolicy(ElGamalPolicy):
    """Holds the threshold against the cohort alone."""

    def check(self, num_clients, num_holders, announced, num_registered=0):
        super().check(num_clients, num_clients, announced, num_registered)


class Cast:
    def __init__(self, policy, holders=HOLDERS, threshold=THRESHOLD):
        identities = {c: SigningIdentity.generate() for c in HOLDERS}
        registry = {c: identity.verify_key for c, identity in identities.items()}
        dealer = SigningIdentity.generate()
        self.clients = {
            c: ElGamalClient(c, SECP256K1, identities[c], registry, dealer.verify_key, policy)
            for c in HOLDERS
        }
        receivers = {c: self.clients[c].agreement_key for c in holders}
        self.delivery = KeyAuthority(SECP256K1, dealer).deal(receivers, threshold)
        self.registry, self.threshold = registry, threshold

    def serve(self, delivery=None):
        return ElGamalServer(
            COHORT,
            ElGamalParameters(1, 50, self.threshold, proofs=False),
            1,
            delivery or self.delivery,
            DiscreteLog(SECP256K1, 300),
            self.registry,
        )

    def share(self, client):
        announced = self.delivery.announcement
        sealed, keys = self.delivery.sealed_shares[client], self.clients[client]._agreement_keys
        return open_share(sealed, announced, client, keys, read_key(announced, SECP256K1))


def open_two_sums(policy):
    """Return what the server and its colluders find for the victim's value, which is 6."""
    cast = Cast(policy)
    server, parts, uploads = cast.serve(), {}, {}
    for client, data in server.invite().items():
        parts[client], answer = cast.clients[client].join(data)
        server.receive(client, answer)
    for client, data in server.request_uploads().items():
        sealed = parts[client].upload(data, np.array([client]))
        uploads[client] = EncryptedVector.from_bytes(sealed[:-SIGNATURE_BYTES])
    key, sums = read_key(cast.delivery.announcement, SECP256K1), []
    for helpers, senders in (((1, 2), COHORT), ((3, 4), COHORT[:-1])):
        chosen = [uploads[c] for c in senders]
        receipts = tuple(upload.receipt() for upload in chosen)
        signatures = tuple(upload.receipt_signature for upload in chosen)
        request = DecryptionRequest(server.session_id, receipts, signatures).to_bytes()
        halves = [(SECP256K1.decode(u.c1s), SECP256K1.decode(u.c2s)) for u in chosen]
        total = add_all([Ciphertext(*pair) for pair in halves], SECP256K1)
        partials = {}
        for helper in helpers:
            sealed = parts[helper].decrypt(request)
            answer = PartialDecryptions.from_bytes(sealed[:-SIGNATURE_BYTES])
            partials[parts[helper]._share.point] = SECP256K1.decode(answer.powers)
        for colluder in COLLUDERS:
            share = cast.share(colluder)
            partials[share.point] = share.partially_decrypt(total.c1, SECP256K1)
        sums.append(key.decrypt(total, partials, DiscreteLog(SECP256K1, 300)))
    return sums[0] - sums[1]


def test_a_threshold_that_suits_the_cohort_alone_gives_a_value_away():
    assert plan_threshold(len(COHORT)) == THRESHOLD
    assert count_colluders(len(COHORT), THRESHOLD, signed=True) == len(COLLUDERS)
    assert open_two_sums(CohortPolicy()) == VICTIM


def test_the_threshold_is_held_against_all_who_have_a_share():
    with pytest.raises(PolicyError, match="threshold=5 is no majority of 11") as caught:
        open_two_sums(ElGamalPolicy())
    assert caught.value.culprit == "server"


@pytest.mark.parametrize(("threshold", "accepted"), [(6, False), (7, False), (8, True)])
def test_a_majority_of_the_holders_is_less_than_was_agreed_to(threshold, accepted):
    cast = Cast(ElGamalPolicy(), holders=HOLDERS, threshold=threshold)
    data = cast.serve().invite()[1]
    if accepted:
        cast.clients[1].join(data)
        return
    with pytest.raises(PolicyError, match=f"threshold {threshold} of 11 clients"):
        cast.clients[1].join(data)


def test_whoever_is_in_the_cohort_has_a_share():
    cast = Cast(ElGamalPolicy(), holders=(1, 2, 3, 4, 5, 7))
    with pytest.raises(PolicyError, match="no share of the system key") as caught:
        cast.clients[1].join(cast.serve().invite()[1])
    assert caught.value.culprit == "server"


@pytest.mark.parametrize("holders", [COHORT, (*COHORT, 7), HOLDERS])
def test_clients_know_who_made_a_key_with_them(holders):
    # Nobody signs the announcement of a key that clients made: the server could leave some out.
    cast = Cast(ElGamalPolicy(threshold=6), threshold=6)
    made = generate_key(HOLDERS, 6, SECP256K1)
    cast.clients[1].hold(made.key, made.shares[1], made.clients, made.epoch)
    announced = replace(announce(made.key, made.clients, SYSTEM, made.epoch), clients=holders)
    data = cast.serve(KeyDelivery(announced, frozenset(HOLDERS))).invite()[1]
    if holders == HOLDERS:
        cast.clients[1].join(data)
        return
    with pytest.raises(ConsistencyError, match="other holders") as caught:
        cast.clients[1].join(data)
    assert caught.value.culprit == "server"
