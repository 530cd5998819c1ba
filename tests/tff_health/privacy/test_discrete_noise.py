"""Shares of discrete noise: how much, where, and that they add up."""

import math

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from tff_health.privacy.discrete_noise import add_discrete_noise

BITS, SHAPE = 16, (100, 200)


def draw(sensitivity=1.0, multiplier=0.5, shares=4, value=0.0):
    [found] = add_discrete_noise(
        *([tf.fill(SHAPE, value)], tf.constant(sensitivity), multiplier, shares, BITS)
    )
    return found.numpy().astype(np.float64) * 2**BITS


def expected(sensitivity, multiplier, shares):
    """Half a step of rounding for each of two sums and coordinates widens the sensitivity."""
    return multiplier * (sensitivity * 2**BITS + math.sqrt(math.prod(SHAPE))) / math.sqrt(shares)


def test_it_lies_on_the_grid_around_the_value():
    found = draw(value=0.25)
    np.testing.assert_array_equal(found, np.rint(found))
    deviation = expected(1.0, 0.5, 4)
    assert abs(found.mean() - 0.25 * 2**BITS) < 4 * deviation / math.sqrt(found.size)


def test_its_standard_deviation_is_that_of_one_share():
    found, wanted = draw().std(), expected(1.0, 0.5, 4)
    assert 0.98 * wanted < found < 1.02 * wanted  # and so neither 2/3 nor 3/2 of it


def test_shares_add_up_to_the_noise_that_is_accounted_for():
    total = sum(draw() for _ in range(4))
    wanted = expected(1.0, 0.5, 1)
    assert 0.98 * wanted < total.std() < 1.02 * wanted
    # Kolmogorov and Smirnov: a Gaussian, as far as 20,000 draws can tell.
    assert stats.kstest(total.ravel() / wanted, "norm").pvalue > 1e-3


def test_small_noise_is_scaled_for_what_rounding_adds():
    """Without room for rounding, noise on a coarse grid would be too small."""
    found = draw(sensitivity=2.0**-BITS, multiplier=1.0, shares=1).std()
    assert found > 0.98 * math.sqrt(math.prod(SHAPE))


def test_no_noise_only_rounds():
    found = draw(multiplier=0.0, value=0.3)
    np.testing.assert_array_equal(found, np.full(SHAPE, np.rint(0.3 * 2**BITS)))


@pytest.mark.parametrize("times", [2])
def test_every_call_draws_anew(times):
    first, *others = [draw() for _ in range(times)]
    assert all(not np.array_equal(first, other) for other in others)
