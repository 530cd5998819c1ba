"""What a client insists on before it takes part in a key generation."""

import pytest

from crypto.errors import (
    ForeignMessageError,
    MalformedMessageError,
    ParameterError,
    PolicyError,
    ReplayError,
    WrongTimeError,
)
from crypto.groups.secp256k1 import SECP256K1
from crypto.parties import SERVER
from crypto.primitives.signatures import SigningIdentity
from crypto.protocols.dkg.client import DkgClient
from crypto.protocols.dkg.messages import Invitation
from crypto.protocols.dkg.policy import GenerationPolicy
from crypto.protocols.dkg.server import DkgServer
from crypto.protocols.dkg.session import generate_key
from tests.crypto.protocols.dkg.test_session import assert_usable

CONSORTIUM = tuple(range(1, 10))
IDENTITIES = {client: SigningIdentity.generate() for client in CONSORTIUM}
REGISTRY = {client: identity.verify_key for client, identity in IDENTITIES.items()}


def client(policy=None, *, threshold=2, signed=True, registry=None):
    identity = IDENTITIES[1] if signed else None
    registry = registry if registry is not None else REGISTRY if signed else None
    return DkgClient(1, SECP256K1, threshold, identity, registry, policy=policy)


def invitation(**changes):
    fields = {
        "nonce": bytes(16),
        "epoch": 1,
        "cohort": CONSORTIUM,
        "threshold": 5,
        "group": "secp256k1",
        "signed": True,
    } | changes
    return Invitation(**fields).to_bytes()


def refuses(error, invited, data):
    with pytest.raises(error) as caught:
        invited.advertise(data)
    assert caught.value.culprit == SERVER
    with pytest.raises(WrongTimeError):
        invited.deal(b"")


def test_the_consortium_with_a_majority_is_accepted():
    assert client().advertise(invitation())


@pytest.mark.parametrize("threshold", [2, 3, 4])
def test_no_majority_is_refused(threshold):
    refuses(PolicyError, client(), invitation(threshold=threshold))


@pytest.mark.parametrize(
    ("colluders", "threshold", "size"), [(0, 5, 9), (1, 6, 9), (2, 6, 9), (3, 7, 9), (9, 10, 9)]
)
def test_the_threshold_must_bear_the_colluders(colluders, threshold, size):
    policy = GenerationPolicy(colluders=colluders)
    assert policy.least_threshold(size) == threshold
    refuses(PolicyError, client(policy), invitation(threshold=threshold - 1))
    if threshold <= size:
        assert client(policy).advertise(invitation(threshold=threshold))


@pytest.mark.parametrize(
    "cohort", [CONSORTIUM[:5], (*CONSORTIUM, 10), (1, 2, 3, 4, 5, 6, 7, 8, 20)], ids=str
)
def test_another_cohort_than_the_consortium_is_refused(cohort):
    error = MalformedMessageError if len(cohort) > 9 else PolicyError
    refuses(error, client(), invitation(cohort=cohort, threshold=len(cohort)))


@pytest.mark.parametrize("signed", [True, False])
def test_the_policys_own_cohort_is_the_only_one(signed):
    agreed = CONSORTIUM[:5]
    policy = GenerationPolicy(frozenset(agreed))
    data = invitation(cohort=agreed, threshold=3, signed=signed)
    assert client(policy, signed=signed).advertise(data)
    for cohort in (CONSORTIUM, CONSORTIUM[:4], (1, 2, 3, 4, 6)):
        data = invitation(cohort=cohort, threshold=len(cohort), signed=signed)
        error = MalformedMessageError if len(cohort) > 5 else PolicyError
        refuses(error, client(policy, signed=signed), data)


def test_strangers_are_refused_though_the_policy_names_them():
    few = {c: REGISTRY[c] for c in CONSORTIUM[:6]}
    policy = GenerationPolicy(frozenset(CONSORTIUM))
    refuses(PolicyError, client(policy, registry=few), invitation())


@pytest.mark.parametrize("epoch", [1, 6, 7])
def test_an_epoch_must_be_later_than_that_of_the_key_at_hand(epoch):
    refuses(ReplayError, client(GenerationPolicy(last_epoch=7)), invitation(epoch=epoch))
    assert client(GenerationPolicy(last_epoch=7)).advertise(invitation(epoch=8))


def test_other_groups_thresholds_and_unsigned_sessions_are_refused():
    refuses(PolicyError, client(), invitation(group="ffdhe2048"))
    refuses(PolicyError, client(threshold=7), invitation(threshold=6))
    refuses(PolicyError, client(), invitation(signed=False))
    refuses(PolicyError, client(signed=False), invitation())


def test_other_clients_invitations_and_second_ones_are_refused():
    refuses(ForeignMessageError, client(), invitation(cohort=CONSORTIUM[1:]))
    invited = client()
    invited.advertise(invitation())
    with pytest.raises(WrongTimeError):
        invited.advertise(invitation())


@pytest.mark.parametrize("signed", [True, False])
def test_clients_make_no_key_by_twos(signed):
    def listed(*clients):
        return b"".join(number.to_bytes(4, "little") for number in (len(clients), *clients))

    three = invitation(cohort=(1, 2, 3), threshold=2, signed=signed)
    pair = three.replace(listed(1, 2, 3), listed(1, 2))
    assert len(pair) == len(three) - 4
    policy = GenerationPolicy(frozenset((1, 2)))
    registry = {c: REGISTRY[c] for c in (1, 2)} if signed else None
    role = client(policy, signed=signed, registry=registry)
    refuses(MalformedMessageError, role, pair)
    with pytest.raises(ParameterError, match="3 are the least"):
        DkgServer((1, 2), 2, SECP256K1, registry)


@pytest.mark.parametrize("numbers", [{"colluders": -1}, {"last_epoch": -1}])
def test_impossible_policies(numbers):
    with pytest.raises(ParameterError):
        GenerationPolicy(**numbers)


def test_small_thresholds_are_for_parties_that_follow_the_protocol():
    with pytest.raises(ParameterError):
        generate_key(CONSORTIUM, 3, SECP256K1)
    assert_usable(generate_key(CONSORTIUM, 3, SECP256K1, signed=False))
    lenient = GenerationPolicy(frozenset(CONSORTIUM), majority_required=False)
    assert_usable(generate_key(CONSORTIUM, 3, SECP256K1, policy=lenient))
    with pytest.raises(ParameterError):
        generate_key(CONSORTIUM, 5, SECP256K1, policy=GenerationPolicy(colluders=1))


def test_the_epoch_is_part_of_what_clients_confirm():
    made = generate_key(CONSORTIUM[:3], 2, SECP256K1, epoch=4)
    assert made.epoch == 4
    for wrong in (0, -1, 2**64):
        with pytest.raises(ParameterError):
            generate_key(CONSORTIUM[:3], 2, SECP256K1, epoch=wrong)
    ids = {Invitation.from_bytes(invitation(epoch=e)).session_id() for e in (1, 2)}
    assert len(ids) == 2
