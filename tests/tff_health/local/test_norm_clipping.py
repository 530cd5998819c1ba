"""Updates clipped in norm, so that what is encoded has a norm within the bound."""

import math

import numpy as np
import pytest
import tensorflow as tf

from crypto.encoding.fixed_point import FixedPoint
from tff_health.local.mean_encoding import MeanEncoding, WeightEncoding

BITS = 16


def encoding(norm_bound, max_weight=1):
    weights = WeightEncoding(max_weight)
    return MeanEncoding(FixedPoint(BITS, 4.0), 3, weights, norm_bound=norm_bound)


def contributed(mean, update, weight=1):
    """The integers of an update, and its weight."""
    tensors = [tf.constant(part, tf.float32) for part in update]
    given = mean.contribute(tensors, tf.constant(weight))
    half = 1 << (mean.modulus_bits - 1)
    flat = np.concatenate([np.asarray(part).reshape(-1).astype(int) for part in given["update"]])
    return (flat + half) % (2 * half) - half, int(given["weight"])


def norm(integers):
    return math.sqrt(sum(int(number) ** 2 for number in integers))


@pytest.mark.parametrize("bound", [0.01, 0.5, 1.0, 3.14159])
@pytest.mark.parametrize("weight", [1, 7])
def test_what_is_encoded_is_within_the_bound_whatever_the_update_is(bound, weight):
    rng, mean = np.random.default_rng(0), encoding(bound, max_weight=9)
    most = math.floor(bound * 2**BITS)
    for scale in (1e-6, bound / 30, bound / 10, 1.0, 1e10):
        update = [rng.normal(size=(20, 30)) * scale, rng.normal(size=(50,)) * scale]
        integers, sent = contributed(mean, update, weight)
        assert norm(integers) <= most * sent
        largest = np.sqrt(sum(np.sum(np.square(np.clip(part, -4, 4))) for part in update))
        if largest > bound:  # clipped, by no more than rounding asks for
            assert norm(integers) > (most - 2 * math.sqrt(650)) * sent


def test_updates_within_the_bound_are_as_they_are():
    rng = np.random.default_rng(0)
    update = [rng.normal(size=300) * 0.01]
    clipped, _ = contributed(encoding(1.0), update)
    plain, _ = contributed(encoding(0.0), update)
    np.testing.assert_array_equal(clipped, plain)
    zeros, _ = contributed(encoding(1.0), [np.zeros(5)])
    assert not zeros.any()


def test_clipped_updates_keep_their_direction_and_other_updates_contribute_zeros():
    update = np.array([3.0, -2.0, 1.0, 0.0])
    integers, _ = contributed(encoding(0.5), [update])
    expected = update / np.linalg.norm(update) * 0.5 * 2**BITS
    np.testing.assert_allclose(integers, expected, atol=3)
    zeros, weight = contributed(encoding(0.5), [np.array([np.nan, 1.0])])
    assert not zeros.any()
    assert weight == 0


def test_a_bound_that_rounding_alone_may_exceed_is_refused():
    with pytest.raises(ValueError, match="rounding alone: raise --norm_bound"):
        encoding(2.0**-BITS).norm_before_rounding(100)
    assert 0 < encoding(1.0).norm_before_rounding(306_063) < 1 - 276 * 2.0**-BITS
