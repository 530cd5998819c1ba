"""A new system key makes the old one void: an older key is never taken again, whoever made it."""

from dataclasses import replace

import pytest

from crypto.errors import ConsistencyError, ReplayError, SignatureError
from crypto.groups.secp256k1 import SECP256K1
from crypto.parties import SERVER
from crypto.primitives.signatures import SigningIdentity
from crypto.protocols.dkg.session import generate_key
from crypto.protocols.elgamal_sum.authority import KeyAuthority, announce
from crypto.protocols.elgamal_sum.client import ElGamalClient
from crypto.protocols.elgamal_sum.messages import Invitation
from crypto.protocols.elgamal_sum.parameters import ElGamalParameters
from crypto.protocols.elgamal_sum.session import ElGamalSum
from crypto.protocols.homomorphic_sum.client import HomomorphicClient
from crypto.protocols.homomorphic_sum.key_holder import KeyHolder
from crypto.protocols.homomorphic_sum.messages import Invitation as HomomorphicInvitation
from crypto.protocols.quality_sum.key_setup import (
    KeySetupServer,
    SystemKeyAuthority,
    SystemKeyReceiver,
)
from crypto.protocols.quality_sum.session import HardenedQualitySum, QualitySum
from crypto.protocols.quality_sum.system_key import HeldKey, SystemKey
from crypto.protocols.sparse_sum.client import SparseClient
from crypto.protocols.sparse_sum.messages import SparseInvitation
from crypto.randomness import SYSTEM
from crypto.vector_schemes.packed_paillier import PackedPaillierScheme
from tests.crypto.conformance import random_vectors

COHORT = (1, 2, 3)
AUTHORITY = SigningIdentity.generate()
IDENTITIES = {client: SigningIdentity.generate() for client in COHORT}
REGISTRY = {client: identity.verify_key for client, identity in IDENTITIES.items()}


def elgamal_clients():
    return {
        c: ElGamalClient(c, SECP256K1, IDENTITIES[c], REGISTRY, AUTHORITY.verify_key)
        for c in COHORT
    }


def deal(authority, clients):
    return authority.deal({c: role.agreement_key for c, role in clients.items()}, 3)


def invite(delivery, client, nonce=None):
    return Invitation(
        nonce or SYSTEM.bytes(16),
        1,
        COHORT,
        ElGamalParameters(1, 10, 3),
        delivery.announcement,
        delivery.signature,
        delivery.sealed_shares.get(client, b""),
    ).to_bytes()


def refuses(error, client, data):
    with pytest.raises(error) as caught:
        client.join(data)
    assert caught.value.culprit == SERVER


def test_an_old_key_of_the_authority_is_never_taken_again():
    clients, authority = elgamal_clients(), KeyAuthority(SECP256K1, AUTHORITY)
    old, new = deal(authority, clients), deal(authority, clients)
    assert (old.announcement.epoch, new.announcement.epoch) == (1, 2)
    client = clients[1]
    for delivery in (old, old, new, new):
        client.join(invite(delivery, 1))
    for _ in range(2):
        refuses(ReplayError, client, invite(old, 1))
        client.join(invite(new, 1))


def test_an_epoch_has_one_key():
    clients = elgamal_clients()
    one, two = (deal(KeyAuthority(SECP256K1, AUTHORITY), clients) for _ in range(2))
    clients[1].join(invite(one, 1))
    refuses(ConsistencyError, clients[1], invite(two, 1))
    clients[1].join(invite(one, 1))


def test_the_authoritys_signature_binds_the_epoch():
    clients = elgamal_clients()
    old = deal(KeyAuthority(SECP256K1, AUTHORITY), clients)
    newer = deal(KeyAuthority(SECP256K1, AUTHORITY, last_epoch=4), clients)
    assert newer.announcement.epoch == 5
    clients[1].join(invite(newer, 1))
    raised = replace(old, announcement=replace(old.announcement, epoch=6))
    refuses(SignatureError, clients[1], invite(raised, 1))


def test_a_refused_key_voids_nothing():
    clients = elgamal_clients()
    old = deal(KeyAuthority(SECP256K1, AUTHORITY), clients)
    clients[1].join(invite(old, 1))
    other = deal(KeyAuthority(SECP256K1, SigningIdentity.generate(), last_epoch=1), clients)
    refuses(SignatureError, clients[1], invite(other, 1))
    clients[1].join(invite(old, 1))


def generated(client, made):
    client.hold(made.key, made.shares[client.client_id], made.clients, made.epoch)
    return announce(made.key, made.clients, SYSTEM, made.epoch)


def test_generated_and_dealt_keys_share_their_epochs():
    clients, authority = elgamal_clients(), KeyAuthority(SECP256K1, AUTHORITY)
    client, dealt = clients[1], deal(authority, clients)
    client.join(invite(dealt, 1))
    with pytest.raises(ReplayError):
        generated(client, generate_key(COHORT, 3, SECP256K1))
    made = generate_key(COHORT, 3, SECP256K1, epoch=2)
    announced = replace(dealt, announcement=generated(client, made), sealed_shares={})
    client.join(invite(announced, 1))
    refuses(ReplayError, client, invite(dealt, 1))
    for epoch in (1, 3):
        wrong = replace(announced, announcement=replace(announced.announcement, epoch=epoch))
        refuses(ReplayError if epoch == 1 else ConsistencyError, client, invite(wrong, 1))
    deal(authority, clients)
    client.join(invite(deal(authority, clients), 1))
    refuses(ReplayError, client, invite(announced, 1))


def setup(epoch, last=0):
    server = KeySetupServer(COHORT, 3, "secp256k1", epoch=epoch)
    authority = SystemKeyAuthority(server.offer, SECP256K1, last_epoch=last)
    dealt = authority.deal()
    return dealt, server.announce(authority.public().key_id)


@pytest.mark.parametrize(("epoch", "last"), [(1, 1), (1, 2), (5, 9)])
def test_a_client_of_a_joint_sum_accepts_later_epochs_only(epoch, last):
    dealt, offers = setup(epoch)
    receiver = SystemKeyReceiver(1, SECP256K1, 3, last)
    receiver.take(dealt[1])
    with pytest.raises(ReplayError):
        receiver.accept(offers[1])
    assert receiver.held is None
    with pytest.raises(ReplayError):
        setup(epoch, last)
    dealt, offers = setup(last + 1, last)
    receiver = SystemKeyReceiver(1, SECP256K1, 3, last)
    receiver.take(dealt[1])
    receiver.accept(offers[1])
    assert receiver.held.system.epoch == last + 1


@pytest.mark.parametrize("kind", [QualitySum, HardenedQualitySum])
@pytest.mark.parametrize("key_setup", ["authority", "dkg"])
def test_a_joint_sums_client_never_goes_back(kind, key_setup):
    protocol = kind(key_setup=key_setup)
    for number, cohort in enumerate((COHORT, (*COHORT, 4)), 1):
        vectors = random_vectors(cohort, 2, 8)
        protocol.sum(vectors, dict.fromkeys(cohort, 1), 8, max_quality=2, round_id=number)
        held = protocol._clients[1]._held
        assert held.system.epoch == number
        if number == 1:
            old = held
    for late in (old, held, HeldKey(replace(old.system, epoch=2), old.share)):
        with pytest.raises(ReplayError):
            protocol._clients[1].hold(late)
    assert protocol._clients[1]._held is held


def test_the_epoch_is_part_of_a_system_keys_name():
    made = generate_key(COHORT, 3, SECP256K1)
    assert SystemKey(made.key, COHORT, 1).key_id != SystemKey(made.key, COHORT, 2).key_id


@pytest.mark.parametrize("key_setup", ["authority", "dkg"])
def test_sums_count_their_epochs(key_setup):
    protocol = ElGamalSum(key_setup=key_setup)
    for number, cohort in enumerate((COHORT, (*COHORT, 4), (*COHORT, 4, 5)), 1):
        protocol.sum(random_vectors(cohort, 1, 4), 4, round_id=number)
        assert protocol._delivery.announcement.epoch == number


def key_holder(epoch, identity=AUTHORITY):
    return KeyHolder(PackedPaillierScheme(512), identity, REGISTRY, epoch=epoch)


KINDS = {
    "dense": (HomomorphicClient, HomomorphicInvitation),
    "sparse": (SparseClient, SparseInvitation),
}


@pytest.fixture(params=KINDS)
def encrypting(request):
    """A client of a sum under a key holder's key, and how it is invited and refuses."""
    role, kind = KINDS[request.param]
    client = role(1, PackedPaillierScheme(512), IDENTITIES[1])

    def join(holder, signer=AUTHORITY, **changes):
        nonce = SYSTEM.bytes(16)
        signed = replace(holder.announcement, **changes)
        fields = (nonce, 1, COHORT, 2, 10, True, signed, holder.signature)
        return client.join(kind(*fields).to_bytes(), signer.verify_key)

    def refuse(error, *args, **changes):
        with pytest.raises(error) as caught:
            join(*args, **changes)
        assert caught.value.culprit == SERVER

    return join, refuse


def test_an_old_key_of_a_key_holder_is_never_taken_again(encrypting):
    join, refuse = encrypting
    old, new = key_holder(1), key_holder(3)
    assert (old.announcement.epoch, new.announcement.epoch) == (1, 3)
    for holder in (old, old, new, new):
        join(holder)
    for _ in range(2):
        refuse(ReplayError, old)
        refuse(ReplayError, key_holder(2))
        refuse(SignatureError, old, epoch=4)  # the signature binds the epoch
        refuse(ConsistencyError, key_holder(3))  # an epoch has one key
        join(new)
    join(key_holder(4))
    refuse(ReplayError, new)


def test_a_refused_key_of_a_key_holder_voids_nothing(encrypting):
    join, refuse = encrypting
    join(key_holder(1))
    other = SigningIdentity.generate()
    refuse(SignatureError, key_holder(9, other))
    join(key_holder(2))
    join(key_holder(1, other), other)  # every key holder counts for itself
    refuse(ReplayError, key_holder(1))
