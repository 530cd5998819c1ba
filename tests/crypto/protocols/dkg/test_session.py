import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto.elgamal.discrete_log import DiscreteLog
from crypto.elgamal.encryption import add_all
from crypto.errors import (
    MalformedMessageError,
    ParameterError,
    ReplayError,
    ThresholdError,
    WrongTimeError,
)
from crypto.groups.edwards25519 import EDWARDS25519
from crypto.groups.ffdhe import FFDHE2048
from crypto.groups.secp256k1 import SECP256K1
from crypto.parties import SERVER
from crypto.primitives.shamir import interpolate
from crypto.protocols.dkg.session import generate_key
from crypto.protocols.dkg.stages import Stage
from crypto.randomness import TestVectorRandomness
from crypto.session.faults import Alter, Delay, Drop, Duplicate, Fault, Overtake
from crypto.session.secure_sum import SessionAbortedError
from tests.crypto.conformance import ALTERATIONS, Recorder

CLIENTS = (2, 3, 5, 7, 11)
THRESHOLD = 3
VICTIM = 5
STAGES = [stage.value for stage in Stage]
ANSWERED = STAGES[:-1]


def run(**plan):
    return generate_key(CLIENTS, THRESHOLD, SECP256K1, **plan)


def assert_usable(made):
    """Any threshold of shares fits the public key, and they decrypt what it encrypts."""
    group, threshold = made.key.group, made.key.threshold
    shares = list(made.shares.values())
    assert len(shares) >= threshold
    for chosen in (shares[:threshold], shares[-threshold:]):
        secret = interpolate({s.point: s.value for s in chosen}, group.exponents)[0]
        assert group.generator_power(secret) == made.public_key.h
    for client, share in made.shares.items():
        made.key.check_share(share)
        assert made.verification_keys[client] == group.generator_power(share.value)
    total = add_all([made.public_key.encrypt(value) for value in (3, 4)], group)
    partials = {s.point: s.partially_decrypt(total.c1, group) for s in shares}
    assert made.key.decrypt(total, partials, DiscreteLog(group, 20)) == 7


@pytest.mark.parametrize("group", [FFDHE2048, EDWARDS25519, SECP256K1], ids=lambda g: g.name)
@pytest.mark.parametrize("signed", [True, False])
def test_every_group(group, signed):
    made = generate_key(range(3), 2, group, signed=signed)
    assert_usable(made)
    assert set(made.shares) == made.qualified == {0, 1, 2}
    assert made.refusals == ()


@settings(max_examples=8, deadline=None)
@given(st.data())
def test_any_cohort_and_threshold(data):
    clients = data.draw(st.sets(st.integers(0, 2**32 - 1), min_size=3, max_size=6))
    signed = data.draw(st.booleans())
    threshold = data.draw(st.integers(len(clients) // 2 + 1 if signed else 2, len(clients)))
    made = generate_key(clients, threshold, SECP256K1, signed=signed)
    assert_usable(made)
    assert set(made.shares) == clients


def test_the_secret_is_the_sum_of_parts_and_nobodys():
    first, second = run(), run()
    assert first.public_key.h != second.public_key.h
    labelled = [
        generate_key(
            CLIENTS, 3, SECP256K1, signed=False, randomness=TestVectorRandomness(b"repeat")
        )
        for _ in range(2)
    ]
    assert labelled[0].public_key == labelled[1].public_key


def test_shares_do_not_print():
    made = run()
    for share in made.shares.values():
        assert str(share.value) not in repr(made)


@pytest.mark.parametrize("threshold", [0, 1, 2, 6])
def test_impossible_thresholds_are_refused(threshold):
    with pytest.raises(ParameterError):
        generate_key(CLIENTS, threshold, SECP256K1)


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("clients", [(), (1,), (1, 2)])
def test_fewer_than_three_clients_make_no_key(clients, signed):
    with pytest.raises(ParameterError, match="at least 3"):
        generate_key(clients, len(clients), SECP256K1, signed=signed)


def test_doubled_clients_are_refused():
    with pytest.raises(ParameterError):
        generate_key([1, 1, 2], 2, SECP256K1)


# Clients that vanish


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("gone", [(11, 3)])
def test_clients_may_vanish_at_any_stage(stage, gone):
    made = run(dropouts=dict.fromkeys(gone, stage))
    assert_usable(made)
    assert set(made.shares) == set(CLIENTS) - set(gone)
    dealt = STAGES.index(stage) > STAGES.index(Stage.DEALING)
    assert made.qualified == (set(CLIENTS) if dealt else set(CLIENTS) - set(gone))


def test_clients_may_vanish_at_different_stages():
    for first, second in zip(STAGES, STAGES[3:], strict=False):
        assert_usable(run(dropouts={2: second, 7: first}))


@pytest.mark.parametrize("stage", ANSWERED)
def test_below_the_threshold_it_aborts(stage):
    with pytest.raises(SessionAbortedError) as caught:
        run(dropouts=dict.fromkeys((2, 3, 5), stage))
    assert isinstance(caught.value.reason, ThresholdError)
    assert STAGES.index(caught.value.stage) == STAGES.index(stage) + 1


def test_without_the_result_a_client_keeps_no_key():
    made = run(dropouts=dict.fromkeys((2, 3), Stage.RESULT))
    assert set(made.shares) == {5, 7, 11}


# Messages that go astray


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("name", ["session", "extended", "empty", "last byte"])
def test_altered_messages_to_a_client_cost_that_client_only(stage, name):
    fault = Fault(Alter(ALTERATIONS[name]), stage, SERVER, VICTIM)
    made = run(faults=[fault])
    assert_usable(made)
    assert made.refusals
    assert None not in {refusal.error.culprit for refusal in made.refusals}
    assert set(CLIENTS) - {VICTIM} <= set(made.shares)


@pytest.mark.parametrize("stage", ANSWERED)
@pytest.mark.parametrize("name", ["session", "sender", "truncated", "last byte"])
def test_altered_messages_of_a_client_are_refused_and_it_is_named(stage, name):
    made = run(faults=[Fault(Alter(ALTERATIONS[name]), stage, VICTIM, SERVER)])
    assert_usable(made)
    assert {refusal.error.culprit for refusal in made.refusals} == {VICTIM}
    assert VICTIM not in made.shares


@pytest.mark.parametrize("stage", ANSWERED)
def test_duplicates_do_no_harm(stage):
    for sender, receiver in ((VICTIM, SERVER), (SERVER, VICTIM)):
        made = run(faults=[Fault(Duplicate(), stage, sender, receiver)])
        assert_usable(made)
        assert set(made.shares) == set(CLIENTS)
        (refusal,) = made.refusals
        assert isinstance(refusal.error, ReplayError | WrongTimeError)


@pytest.mark.parametrize("stage", ANSWERED)
def test_lost_and_late_messages_are_dropouts(stage):
    late = STAGES[STAGES.index(stage) + 1]
    for action in (Drop(), Delay(late)):
        made = run(faults=[Fault(action, stage, VICTIM, SERVER)])
        assert_usable(made)
        assert VICTIM not in made.shares


def test_order_does_not_matter():
    made = run(faults=[Fault(Overtake())])
    assert_usable(made)
    assert made.refusals == ()


def test_noise_from_everyone_aborts():
    for stage in ANSWERED:
        with pytest.raises(SessionAbortedError) as caught:
            run(faults=[Fault(Alter(lambda data: data[::-1]), stage, receiver=SERVER)])
        assert {type(r.error) for r in caught.value.refusals} == {MalformedMessageError}


@pytest.mark.parametrize("stage", ANSWERED)
def test_messages_of_another_session_are_refused(stage):
    recorder = Recorder()
    run(faults=[Fault(Alter(recorder), stage, VICTIM, SERVER)])
    replay = Fault(Alter(lambda data: recorder.messages[0]), stage, VICTIM, SERVER)
    made = run(faults=[replay])
    assert_usable(made)
    assert {refusal.error.culprit for refusal in made.refusals} == {VICTIM}


def test_bytes_are_the_lengths_of_the_messages():
    up, down = Recorder(), Recorder()
    made = run(faults=[Fault(Alter(up), receiver=SERVER), Fault(Alter(down), sender=SERVER)])
    assert made.costs.bytes_up == sum(map(len, up.messages)) > 0
    assert made.costs.bytes_down == sum(map(len, down.messages)) > 0


def test_no_share_crosses_in_the_clear_when_all_are_honest():
    recorder = Recorder()
    made = run(faults=[Fault(Alter(recorder))])
    everything = b"".join(recorder.messages)
    for share in made.shares.values():
        assert SECP256K1.exponents.encode(share.value) not in everything
