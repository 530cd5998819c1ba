import pytest

from crypto.errors import ParameterError, PolicyError
from crypto.parties import SERVER
from crypto.randomness import SYSTEM
from crypto.session.thresholds import (
    check_cohort,
    choose_at_random,
    count_colluders,
    describe_colluders,
    plan_threshold,
)


@pytest.mark.parametrize(
    ("clients", "threshold"), [(3, 3), (4, 3), (5, 4), (6, 5), (10, 7), (30, 21), (31, 21)]
)
def test_signed_protocols_take_two_thirds(clients, threshold):
    assert plan_threshold(clients) == threshold


@pytest.mark.parametrize(("clients", "threshold"), [(3, 3), (4, 3), (5, 3), (30, 16), (31, 16)])
def test_unsigned_protocols_take_a_majority(clients, threshold):
    assert plan_threshold(clients, signed=False) == threshold


@pytest.mark.parametrize("clients", range(3, 60))
def test_the_default_bears_colluders_beside_a_server_that_deviates(clients):
    threshold = plan_threshold(clients)
    colluders = count_colluders(clients, threshold, signed=True)
    assert 2 * threshold > clients + colluders
    assert 2 * threshold <= clients + colluders + 1
    assert colluders >= max(1, clients // 3 - 1)


def test_colluders_by_hand():
    assert [count_colluders(5, t, signed=True) for t in (3, 4, 5)] == [0, 2, 4]
    assert [count_colluders(5, t, signed=False) for t in (1, 3, 5)] == [0, 2, 4]
    with pytest.raises(ParameterError, match=r"no majority of 10 clients.*take 6 or more"):
        count_colluders(10, 5, signed=True)


def test_a_signed_protocol_that_bears_not_even_the_server_is_refused():
    assert plan_threshold(10, 6) == 6
    assert plan_threshold(10, 3, signed=False) == 3
    with pytest.raises(ParameterError, match="no majority"):
        plan_threshold(10, 5)


def test_thresholds_must_be_possible():
    for clients, threshold in ((2, None), (0, None), (5, 2), (5, 1), (5, 6), (5, 0)):
        for signed in (True, False):
            with pytest.raises(ParameterError):
                plan_threshold(clients, threshold, signed=signed)


def test_cohorts_are_most_of_the_consortium_unless_agreed_otherwise():
    for cohort in (51, 52, 100):
        check_cohort(cohort, 100)
    check_cohort(3, 0)
    check_cohort(10, 100, least=10)
    for cohort, registered, least in ((50, 100, None), (3, 100, None), (9, 100, 10), (2, 3, 1)):
        with pytest.raises(PolicyError) as caught:
            check_cohort(cohort, registered, least)
        assert caught.value.culprit == SERVER


def test_choices_are_uniform_without_repetition():
    counts = dict.fromkeys("abcd", 0)
    for _ in range(2000):
        chosen = choose_at_random(list(counts), 2, SYSTEM)
        assert len(set(chosen)) == 2
        for candidate in chosen:
            counts[candidate] += 1
    # Each is chosen with probability 1/2: six standard deviations of 2000 draws are 134.
    assert all(abs(count - 1000) < 134 for count in counts.values())


def test_all_are_chosen_if_there_are_no_more():
    assert set(choose_at_random([1, 2], 5, SYSTEM)) == {1, 2}
    assert choose_at_random([], 3, SYSTEM) == ()
    assert choose_at_random([1, 2], 0, SYSTEM) == ()
    assert choose_at_random([1, 2], -1, SYSTEM) == ()


@pytest.mark.parametrize(
    ("colluders", "named"), [(0, "0 clients"), (1, "1 client"), (2, "2 clients"), (9, "9 clients")]
)
def test_colluders_are_told_in_words(colluders, named):
    signed, unsigned = (describe_colluders(colluders, signed=signed) for signed in (True, False))
    assert signed == f"the server, even if it deviates, and up to {named} learn the sum alone"
    assert unsigned == (
        f"if all follow the protocol, the server and up to {named} learn the sum alone"
    )
