from collections import OrderedDict

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_federated as tff

from crypto.encoding.fixed_point import FixedPoint
from tests.tff_health.clear_sums import clear_context
from tff_health.aggregators.compressed_mean import CompressedMean
from tff_health.aggregators.fixed_point_mean import FixedPointMean
from tff_health.local import sparse_binary

VALUE = OrderedDict(b=tff.TensorType(np.float32, [5]), a=tff.TensorType(np.float32, [3, 5]))
SIZE, SHARE = 20, 0.15


def slow_compress(vector, count):
    """The rule as the source writes it."""
    falling = sorted(range(len(vector)), key=lambda i: -vector[i])
    positive, negative = falling[:count], falling[::-1][:count]
    means = np.mean(vector[positive]), -np.mean(vector[negative])
    kept, value = (positive, means[0]) if means[0] >= means[1] else (negative, -means[1])
    dense = np.zeros_like(vector)
    dense[kept] = value
    return dense


def random_vector(seed, size=SIZE):
    return np.random.default_rng(seed).normal(0.01, 1, size).astype(np.float32)


@pytest.mark.parametrize("count", [1, 3, 200])
@pytest.mark.parametrize("seed", range(6))
def test_the_larger_side_is_kept_and_levelled(seed, count):
    vector = random_vector(seed, 200)
    compressed = sparse_binary.compress(tf.constant(vector), count / 200)
    assert len(set(compressed.positions.numpy())) == count
    dense = compressed.dense(200).numpy()
    np.testing.assert_allclose(dense, slow_compress(vector, count), rtol=1e-5)
    assert len(set(dense[dense != 0])) <= 1


def test_zeros_stay_zeros():
    compressed = sparse_binary.compress(tf.zeros([7]), 0.3)
    assert not compressed.dense(7).numpy().any()


@pytest.mark.parametrize(
    ("size", "share", "count"), [(100, 0.01, 1), (306_063, 0.01, 3061), (10, 0.01, 1), (10, 1, 10)]
)
def test_a_share_is_at_least_one_coordinate(size, share, count):
    assert sparse_binary.num_kept(size, share) == count


def test_structures_come_back():
    value = OrderedDict(b=tf.range(5.0), a=[tf.reshape(tf.range(6.0), (2, 3)), tf.constant(9.0)])
    flat = sparse_binary.flatten(value)
    assert flat.shape == (12,)
    tf.nest.map_structure(
        np.testing.assert_array_equal, sparse_binary.unflatten(flat, value), value
    )


@pytest.fixture(scope="module")
def run(tff_context):
    context = clear_context(tff_context)

    def call(computation, *arguments):
        with tff.framework.get_context_stack().install(context):
            return computation(*arguments)

    return call


@pytest.fixture(scope="module")
def factory():
    return CompressedMean(FixedPointMean(FixedPoint(16, 4.0), 10), SHARE)


@pytest.fixture(scope="module")
def process(factory):
    return factory.create(tff.to_type(VALUE))


def update(seed):
    vector = random_vector(seed)
    return OrderedDict(b=vector[:5], a=vector[5:].reshape(3, 5))


def joined(value):
    return np.concatenate([np.ravel(tensor) for tensor in tf.nest.flatten(value)])


def test_type(factory, process):
    assert factory.modulus_bits == FixedPointMean(FixedPoint(16, 4.0), 10).modulus_bits
    result = process.next.type_signature.result
    assert result.result == tff.FederatedType(VALUE, tff.SERVER)
    assert result.measurements.member["update_positions"] == tff.TensorType(np.int32, [3])
    assert process.initialize.type_signature.result.member["lost"].shape == (SIZE,)


def test_what_compression_loses_is_not_lost(process, run):
    state, sent, means = run(process.initialize), np.zeros(SIZE), np.zeros(SIZE)
    for number in range(5):
        updates = [update(100 * number + client) for client in range(3)]
        output = run(process.next, state, updates)
        state, found = output.state, joined(output.result)
        positions = output.measurements["update_positions"]
        assert set(np.flatnonzero(found)) == set(positions)
        assert len(set(found[positions])) == 1
        sent += found
        means += np.mean([joined(value) for value in updates], axis=0)
        np.testing.assert_allclose(sent + state["lost"], means, atol=1e-4)
    assert np.abs(state["lost"]).max() > 0.01
