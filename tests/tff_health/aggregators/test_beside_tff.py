"""Where TFF 0.87's own secure means surprise, and ours do not.

Each test holds TFF's number beside ours, so that it tells when TFF changes.
"""

import numpy as np
import pytest
import tensorflow_federated as tff

from crypto.encoding.fixed_point import FixedPoint
from tests.tff_health.clear_sums import clear_context
from tff_health.aggregators.fixed_point_mean import WeightedFixedPointMean, WeightEncoding

VALUE = tff.TensorType(np.float32, (2,))
WEIGHT = tff.TensorType(np.float32)
ENCODING = FixedPoint(20, 8.0)
HALF_A_QUANTUM = 2.0**-21
UPDATE = np.array([0.6, -0.3], np.float32)


@pytest.fixture(scope="module")
def rounds(tff_context):
    """Runs rounds of a factory's process on the same values; returns their outputs."""
    context = clear_context(tff_context)

    def run(process, values, weights, number=1):
        outputs = []
        with tff.framework.get_context_stack().install(context):
            state = process.initialize()
            for _ in range(number):
                outputs.append(process.next(state, values, weights))
                state = outputs[-1].state
        return outputs

    return run


@pytest.fixture(scope="module")
def tffs():
    return tff.learning.secure_aggregator().create(VALUE, WEIGHT)


@pytest.fixture(scope="module")
def ours():
    return WeightedFixedPointMean(ENCODING, 4, WeightEncoding(10**6)).create(VALUE, WEIGHT)


def test_clients_with_many_examples_do_not_shrink_the_first_means(rounds, tffs, ours):
    values, weights = [UPDATE] * 4, [1000.0] * 4
    first, _, third = (output.result for output in rounds(tffs, values, weights, 3))
    np.testing.assert_allclose(first, [0.1, -0.1], atol=0.01)  # clipped at 100 examples
    np.testing.assert_allclose(third, UPDATE, atol=0.01)
    (output,) = rounds(ours, values, weights)
    np.testing.assert_allclose(output.result, UPDATE, atol=HALF_A_QUANTUM)


@pytest.mark.parametrize("examples", [1, 7, 100, 1000, 60_000, 10**6])
def test_weights_of_any_size_are_exact(rounds, ours, examples):
    rng = np.random.default_rng(examples)
    values = [rng.uniform(-7.5, 7.5, 2).astype(np.float32) for _ in range(4)]
    weights = [float(max(1, examples // part)) for part in (1, 2, 3, 5)]
    wanted = np.average(np.array(values, np.float64), axis=0, weights=weights)
    (output,) = rounds(ours, values, weights)
    # The mean is rounded once more, to float32.
    np.testing.assert_allclose(output.result, wanted, rtol=2**-23, atol=HALF_A_QUANTUM)


def test_a_client_with_nan_does_not_shift_the_mean(rounds, tffs, ours):
    values, weights = [UPDATE, UPDATE, UPDATE, np.array([np.nan, 0], np.float32)], [1.0] * 4
    (output,) = rounds(tffs, values, weights)
    assert np.isfinite(output.result).all()  # nothing tells that one of the four was broken
    assert np.abs(output.result - UPDATE).max() > 0.1
    assert output.measurements["zeroed_count"] == 0
    (output,) = rounds(ours, values, weights)
    np.testing.assert_allclose(output.result, UPDATE, atol=HALF_A_QUANTUM)
    assert output.measurements["non_finite_updates"] == 1
    assert output.measurements["weight_sum"] == 3


def test_a_client_that_is_left_out_leaves_the_denominator_too(rounds, tffs, ours):
    values, weights = [UPDATE, UPDATE, UPDATE, np.array([1e9, 0], np.float32)], [1.0] * 4
    (output,) = rounds(tffs, values, weights)
    assert output.measurements["zeroed_count"] == 1
    np.testing.assert_allclose(output.result, UPDATE * 3 / 4, atol=0.01)
    values[3] = np.array([np.inf, 0], np.float32)
    (output,) = rounds(ours, values, weights)
    np.testing.assert_allclose(output.result, UPDATE, atol=HALF_A_QUANTUM)


def test_a_client_of_weight_0_decides_nothing(rounds, tffs, ours):
    values, weights = [UPDATE, UPDATE, UPDATE, np.array([np.nan, 0], np.float32)], [1.0] * 3 + [0.0]
    (output,) = rounds(tffs, values, weights)
    assert output.result[0] < -10  # three clients said 0.6
    (output,) = rounds(ours, values, weights)
    np.testing.assert_allclose(output.result, UPDATE, atol=HALF_A_QUANTUM)
    (output,) = rounds(tffs, [UPDATE] * 4, [0.0] * 4)
    assert np.isnan(output.result).all()
    (output,) = rounds(ours, [UPDATE] * 4, [0.0] * 4)
    assert not output.result.any()  # nobody counts, so nothing moves
