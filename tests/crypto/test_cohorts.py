import pytest

from crypto.cohorts import choose_at_random, plan_threshold
from crypto.errors import ParameterError
from crypto.randomness import SYSTEM


@pytest.mark.parametrize(("clients", "threshold"), [(3, 2), (4, 3), (5, 3), (30, 16), (31, 16)])
def test_the_planned_threshold_is_a_majority(clients, threshold):
    assert plan_threshold(clients) == threshold
    assert 2 * threshold > clients


def test_other_thresholds_must_be_possible():
    assert plan_threshold(10, 2) == 2
    for clients, threshold in ((2, None), (0, None), (5, 1), (5, 6), (5, 0)):
        with pytest.raises(ParameterError):
            plan_threshold(clients, threshold)


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
