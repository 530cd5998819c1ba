"""Robust rules against slow obvious twins, and against rows that are anything."""

import statistics

import numpy as np
import pytest
from scipy.optimize import minimize

from tff_health.robust.rules import combine, geometric_median, num_trimmed, trimmed_mean

RULES = ("mean", "median", "trimmed_mean", "geometric_median")
ROBUST = RULES[1:]


def rows(count=7, length=5, seed=0):
    return np.random.default_rng(seed).normal(size=(count, length))


def test_the_median_is_that_of_each_coordinate():
    for count in range(1, 8):
        given = rows(count)
        found = combine("median", given, np.ones(count), 0.2)
        assert found.tolist() == [statistics.median(column) for column in given.T.tolist()]


@pytest.mark.parametrize("count", range(1, 9))
def test_a_trimmed_mean_leaves_out_the_ends_of_each_coordinate(count):
    given = rows(count)
    for trimmed in range((count - 1) // 2 + 1):
        expected = [statistics.fmean(sorted(c)[trimmed : count - trimmed]) for c in given.T]
        np.testing.assert_allclose(trimmed_mean(given, trimmed), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("count", "share", "expected"),
    [(1, 0.4, 0), (2, 0.4, 0), (3, 0.2, 1), (5, 0.2, 1), (5, 0.21, 2), (10, 0.2, 2), (4, 0.49, 1)],
)
def test_how_many_are_trimmed(count, share, expected):
    assert num_trimmed(count, share) == expected


@pytest.mark.parametrize("count", range(1, 9))
def test_the_geometric_median_has_the_smallest_sum_of_distances(count):
    given = rows(count, 4, seed=count)

    def total(point):
        return np.linalg.norm(given - point, axis=1).sum()

    found = geometric_median(given)
    starts = [given.mean(axis=0), *given]
    best = min(
        minimize(total, s, method="Nelder-Mead", options={"xatol": 1e-9}).fun for s in starts
    )
    assert total(found) <= best + 1e-6
    # In one dimension it is a median.
    line = np.array([[3.0], [1.0], [10.0]])
    np.testing.assert_allclose(geometric_median(line), [3.0], atol=1e-4)


def naive_weiszfeld(given, steps=2000):
    """Algorithm 2 of Pillutla et al., word for word."""
    point = given.mean(axis=0)
    for _ in range(steps):
        weights = 1 / np.maximum(np.linalg.norm(given - point, axis=1), 1e-6)
        point = (weights[:, None] * given).sum(axis=0) / weights.sum()
    return point


@pytest.mark.parametrize("far", [1.0, 1e3, 1e8])
def test_the_fast_steps_are_the_slow_ones(far):
    given = rows(6, 40)
    given[0] *= far
    np.testing.assert_allclose(geometric_median(given), naive_weiszfeld(given), atol=1e-5)


def test_the_mean_weighs_and_the_others_do_not():
    given, weights = rows(3), np.array([1, 10**6, 1])
    expected = (given * weights[:, None]).sum(axis=0) / weights.sum()
    np.testing.assert_allclose(combine("mean", given, weights, 0.2), expected)
    for rule in ROBUST:
        even = combine(rule, given, np.ones(3), 0.2)
        np.testing.assert_array_equal(combine(rule, given, weights, 0.2), even)


@pytest.mark.parametrize("rule", RULES)
def test_equal_rows_are_what_comes_out(rule):
    given = np.tile(rows(1), (5, 1))
    np.testing.assert_allclose(combine(rule, given, np.ones(5), 0.4), given[0], rtol=1e-12)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("bad", [1, 2, 3])
def test_only_a_minority_is_borne(rule, bad):
    """Two bad rows of five move a robust rule no further than good rows lie; three do."""
    given = rows(5, 30)
    given[:bad] = 1e6
    honest = rows(5, 30)[bad:]
    found = combine(rule, given, np.ones(5), 0.4)
    away = np.abs(found - honest.mean(axis=0)).max()
    assert (away < 10) == (rule != "mean" and bad < 3)


def test_unknown_rules_are_refused():
    with pytest.raises(ValueError, match="no rule is called 'krum'"):
        combine("krum", rows(), np.ones(7), 0.2)
