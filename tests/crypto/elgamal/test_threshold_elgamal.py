from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto.elgamal.discrete_log import DiscreteLog
from crypto.elgamal.encryption import PublicKey, add_all, decrypt_to_power
from crypto.elgamal.threshold import (
    KeyDealer,
    KeyShare,
    ThresholdKey,
    commitment_at,
    lagrange_base,
)
from crypto.errors import (
    CapacityError,
    ParameterError,
    ShareError,
    ThresholdError,
    WrongTimeError,
)
from crypto.groups.edwards25519 import EDWARDS25519
from crypto.groups.ffdhe import FFDHE2048, FFDHE3072, SafePrimeGroup
from crypto.groups.secp256k1 import SECP256K1
from crypto.primitives.shamir import lagrange_at_zero
from crypto.randomness import TestVectorRandomness

GROUPS = [FFDHE2048, FFDHE3072, EDWARDS25519, SECP256K1]
every_group = pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)


def secret_of(dealing):
    """What the shares together amount to: for tests only."""
    exponents = dealing.key.group.exponents
    shares = dealing.shares[: dealing.key.threshold]
    factors = lagrange_at_zero([share.point for share in shares], exponents)
    pairs = zip(factors, shares, strict=True)
    return sum(factor * share.value for factor, share in pairs) % exponents.modulus


def partials(dealing, c1, holders):
    group = dealing.key.group
    return {
        share.point: share.partially_decrypt(c1, group)
        for share in dealing.shares
        if share.point in holders
    }


@every_group
def test_sums_are_decrypted_by_any_threshold_of_clients(group):
    dealing = KeyDealer(group).deal(3, range(1, 6))
    key = dealing.key
    total = add_all([key.public_key.encrypt(value) for value in (5, 0, 37)], group)
    logarithms = DiscreteLog(group, 100)
    for holders in [*list(combinations(range(1, 6), 3))[::5], (1, 2, 3, 4, 5)]:
        assert key.decrypt(total, partials(dealing, total.c1, holders), logarithms) == 42


@every_group
def test_it_agrees_with_decryption_by_the_secret(group):
    dealing = KeyDealer(group).deal(2, [1, 2, 3])
    secret = secret_of(dealing)
    ciphertext = dealing.key.public_key.encrypt(9)
    assert group.generator_power(secret) == dealing.key.public_key.h
    shared = dealing.key.combine(partials(dealing, ciphertext.c1, (1, 3)))
    assert shared == group.power(ciphertext.c1, secret)
    assert decrypt_to_power(ciphertext, secret, group) == group.generator_power(9)


@every_group
def test_the_papers_order_of_steps_gives_the_same_product(group):
    dealing = KeyDealer(group).deal(3, range(1, 6))
    c1 = dealing.key.public_key.encrypt(1).c1
    helpers = (2, 3, 5)
    lambdas = [
        dealing.shares[point - 1].partially_decrypt(  # (21)
            lagrange_base(c1, point, helpers, group),  # (20)
            group,
        )
        for point in helpers
    ]
    assert group.product(lambdas) == dealing.key.combine(partials(dealing, c1, helpers))  # (22)


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_any_cohort_threshold_and_values(data):
    points = data.draw(st.lists(st.integers(1, 2**32), min_size=1, max_size=8, unique=True))
    threshold = data.draw(st.integers(1, len(points)))
    values = data.draw(st.lists(st.integers(0, 50), max_size=5))
    holders = data.draw(st.permutations(points))[:threshold]
    dealing = KeyDealer(SECP256K1).deal(threshold, points)
    total = add_all(map(dealing.key.public_key.encrypt, values), SECP256K1)
    answers = partials(dealing, total.c1, holders)
    assert dealing.key.decrypt(total, answers, DiscreteLog(SECP256K1, 250)) == sum(values)


def test_fewer_than_the_threshold_are_refused_and_learn_nothing_by_themselves():
    dealing = KeyDealer(SECP256K1).deal(3, range(1, 6))
    ciphertext = dealing.key.public_key.encrypt(4)
    two = partials(dealing, ciphertext.c1, (1, 2))
    with pytest.raises(ThresholdError) as caught:
        dealing.key.combine(two)
    assert (caught.value.found, caught.value.needed) == (2, 3)
    # Those two who combine nevertheless, as if the threshold were 2, get another element.
    weaker = ThresholdKey(dealing.key.public_key, 2, dealing.key.commitments[:2])
    with pytest.raises(CapacityError):
        weaker.decrypt(ciphertext, two, DiscreteLog(SECP256K1, 1000))


def test_one_share_of_two_fits_every_secret():
    # In a group of eleven elements the claim can be counted out; a secret is never 0.
    group = SafePrimeGroup("mod 23", 23)
    seen = {share: set() for share in range(11)}
    for label in range(2000):
        randomness = TestVectorRandomness(label.to_bytes(2, "little"))
        dealing = KeyDealer(group, randomness).deal(2, [1, 2])
        seen[dealing.shares[0].value].add(secret_of(dealing))
    assert all(secrets == set(range(1, 11)) for secrets in seen.values())


def test_a_false_partial_decryption_shifts_the_sum_unnoticed():
    # Why partial decryptions are proved: with delta_1 = 2, a client that adds 1 takes 2 away.
    dealing = KeyDealer(SECP256K1).deal(2, [1, 2, 3])
    ciphertext = dealing.key.public_key.encrypt(4)
    answers = partials(dealing, ciphertext.c1, (1, 2))
    answers[1] = SECP256K1.multiply_by_generator(answers[1])
    assert dealing.key.decrypt(ciphertext, answers, DiscreteLog(SECP256K1, 1000)) == 2


def test_a_random_partial_decryption_leads_nowhere():
    dealing = KeyDealer(SECP256K1).deal(2, [1, 2, 3])
    ciphertext = dealing.key.public_key.encrypt(4)
    answers = partials(dealing, ciphertext.c1, (1, 2))
    answers[1] = SECP256K1.generator_power(SECP256K1.random_exponent())
    with pytest.raises(CapacityError):
        dealing.key.decrypt(ciphertext, answers, DiscreteLog(SECP256K1, 1000))


def test_a_sum_beyond_the_bound_is_an_error():
    dealing = KeyDealer(SECP256K1).deal(1, [1])
    ciphertext = dealing.key.public_key.encrypt(101)
    answers = partials(dealing, ciphertext.c1, (1,))
    with pytest.raises(CapacityError):
        dealing.key.decrypt(ciphertext, answers, DiscreteLog(SECP256K1, 100))


@every_group
def test_shares_fit_the_commitments_and_others_do_not(group):
    key, shares = (dealing := KeyDealer(group).deal(3, [1, 2, 7])).key, dealing.shares
    for share in shares:
        key.check_share(share)
        assert key.verification_key(share.point) == group.generator_power(share.value)
    for wrong in (
        KeyShare(shares[0].point, (shares[0].value + 1) % group.order),
        KeyShare(shares[0].point, shares[1].value),
        KeyShare(5, shares[0].value),
    ):
        with pytest.raises(ShareError):
            key.check_share(wrong)


def test_a_dealer_deals_once_and_forgets():
    dealer = KeyDealer(SECP256K1)
    dealing = dealer.deal(2, [1, 2])
    secret = secret_of(dealing)
    assert secret not in vars(dealer).values()
    with pytest.raises(WrongTimeError):
        dealer.deal(2, [1, 2])


@pytest.mark.parametrize(
    ("threshold", "points"), [(0, [1, 2]), (3, [1, 2]), (1, [0, 1]), (1, [1, 1]), (1, [])]
)
def test_bad_dealings_are_refused(threshold, points):
    with pytest.raises(ParameterError):
        KeyDealer(SECP256K1).deal(threshold, points)


def test_keys_that_contradict_themselves_are_refused():
    group = SECP256K1
    h, other = group.generator_power(5), group.generator_power(6)
    for threshold, commitments in ((2, (h,)), (0, ()), (1, (other,))):
        with pytest.raises(ParameterError):
            ThresholdKey(PublicKey(group, h), threshold, commitments)


def test_points_are_positive_and_shares_do_not_print():
    with pytest.raises(ParameterError):
        KeyShare(0, 5)
    dealing = KeyDealer(SECP256K1).deal(1, [1])
    assert str(dealing.shares[0].value) not in repr(dealing) + repr(dealing.shares)


def test_commitments_are_evaluated_like_polynomials():
    group = SafePrimeGroup("mod 23", 23)
    commitments = [group.generator_power(value) for value in (3, 5, 2)]
    for point in range(1, 8):
        expected = group.generator_power(3 + 5 * point + 2 * point**2)
        assert commitment_at(commitments, point, group) == expected
