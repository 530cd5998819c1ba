"""Secure sums equal TFF's own in-the-clear sums bit for bit: weights, state and metrics."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_federated as tff

from crypto.encoding.fixed_point import FixedPoint
from crypto.protocols.homomorphic_sum.session import HomomorphicSum
from crypto.protocols.masking.session import DoubleMasking
from crypto.vector_schemes.packed_paillier import PackedPaillierScheme
from tests.tff_health.clear_sums import assert_same_bits, clear_context
from tff_health.aggregators.fixed_point_mean import (
    FixedPointMean,
    WeightedFixedPointMean,
    WeightEncoding,
)
from tff_health.aggregators.metric_sums import MetricSums, training_metrics
from tff_health.secure_aggregation.deep_messages import deep_messages
from tff_health.secure_aggregation.protocols import BoundProtocols
from tff_health.secure_aggregation.round_record import RoundAbortedError
from tff_health.secure_aggregation.secure_context import SecureContext
from tff_health.workers.pool import WorkerPool

MOST_CLIENTS = 30
SPEC = (tf.TensorSpec((None, 4)), tf.TensorSpec((None,), tf.int32))


def client_dataset(client):
    rng = np.random.default_rng(client)
    features = rng.normal(size=(5 + client % 3, 4)).astype(np.float32)
    labels = rng.integers(0, 3, len(features)).astype(np.int32)
    return tf.data.Dataset.from_tensor_slices((features, labels)).batch(4)


@tf.autograph.experimental.do_not_convert
def model_fn():
    model = tf.keras.Sequential(
        [tf.keras.layers.InputLayer(4), tf.keras.layers.Dense(3, "linear", True, "zeros")]
    )
    return tff.learning.models.from_keras_model(
        model,
        tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        SPEC,
        metrics=[tf.keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
    )


def build(aggregator, **options):
    weighted = isinstance(aggregator, tff.aggregators.WeightedAggregationFactory)
    algorithm = (
        tff.learning.algorithms.build_weighted_fed_avg
        if weighted
        else tff.learning.algorithms.build_unweighted_fed_avg
    )
    return algorithm(
        model_fn,
        client_optimizer_fn=tff.learning.optimizers.build_sgdm(0.1),
        server_optimizer_fn=tff.learning.optimizers.build_sgdm(1.0, 0.9),
        model_aggregator=aggregator,
        **options,
    )


def private(noise_multiplier):
    return tff.learning.ddp_secure_aggregator(noise_multiplier, expected_clients_per_round=3)


def fixed_point_mean(**options):
    return FixedPointMean(FixedPoint(20, 4.0), MOST_CLIENTS, **options)


def weighted_fixed_point_mean():
    return WeightedFixedPointMean(FixedPoint(16, 1.0), MOST_CLIENTS, WeightEncoding(100, 2))


SECURE_METRICS = {"metrics_aggregator": training_metrics(MetricSums(32, max_examples=100))}
PROCESSES = {
    "secure_aggregator": lambda: build(tff.learning.secure_aggregator()),
    "unweighted secure_aggregator": lambda: build(tff.learning.secure_aggregator(weighted=False)),
    "ddp_secure_aggregator": lambda: build(private(0.0)),
    "ddp_secure_aggregator with noise": lambda: build(private(0.3)),
    "FixedPointMean": lambda: build(fixed_point_mean(), **SECURE_METRICS),
    "FixedPointMean of integers": lambda: build(fixed_point_mean(modular=False), **SECURE_METRICS),
    "WeightedFixedPointMean": lambda: build(weighted_fixed_point_mean(), **SECURE_METRICS),
}


def constant_noise(mean=0.0, stddev=1.0, seed=None):
    return lambda shape, dtype=tf.float32: tf.fill(shape, tf.cast(stddev, dtype) / 4)


@pytest.fixture(scope="module", params=PROCESSES)
def process(request):
    with pytest.MonkeyPatch.context() as patch:
        # Differential privacy seeds its noise and its rounding with the time at which it runs, and
        # draws one number, for its quantile, from TensorFlow's global generator.
        patch.setattr(tf, "timestamp", lambda name=None: tf.constant(1234.5, tf.float64))
        patch.setattr(tf, "random_normal_initializer", constant_noise)
        with deep_messages():  # also where TFF runs it by itself
            yield PROCESSES[request.param]()


@pytest.fixture(scope="module")
def clear(tff_context):
    return clear_context(tff_context)


@pytest.fixture(scope="module")
def secure(tff_context):
    return SecureContext(WorkerPool([tff_context]), BoundProtocols.to_all(DoubleMasking()))


class TinyHomomorphicSum(HomomorphicSum):
    """With a key that is factored in a day, so that tests are fast."""

    LEAST_SECURITY_BITS = 0


@pytest.fixture(scope="module")
def homomorphic(tff_context):
    protocol = BoundProtocols.to_all(TinyHomomorphicSum(PackedPaillierScheme(512)))
    return SecureContext(WorkerPool([tff_context]), protocol)


def run_under(context, computation, *arguments):
    with tff.framework.get_context_stack().install(context):
        return computation(*arguments)


@pytest.mark.parametrize("num_clients", [3, 10, 30])
def test_three_rounds_with_all_clients(process, clear, secure, num_clients):
    data = [client_dataset(client) for client in range(num_clients)]
    found = expected = run_under(clear, process.initialize)
    for _ in range(3):
        one = run_under(secure, process.next, found, data)
        other = run_under(clear, process.next, expected, data)
        assert_same_bits(one, other)
        found, expected = one.state, other.state
        assert secure.last_round.survivors == tuple(range(num_clients))
    weights = process.get_model_weights(found).trainable[0]
    assert np.isfinite(weights).all()
    assert weights.any()


def test_two_rounds_under_homomorphic_encryption(process, clear, homomorphic):
    data = [client_dataset(client) for client in range(4)]
    found = expected = run_under(clear, process.initialize)
    for _ in range(2):
        one = run_under(homomorphic, process.next, found, data)
        other = run_under(clear, process.next, expected, data)
        assert_same_bits(one, other)
        found, expected = one.state, other.state
    stage = homomorphic.stages[-1]
    homomorphic.plan_round(range(4), dropouts={2: stage})
    with pytest.raises(RoundAbortedError, match=stage):
        run_under(homomorphic, process.next, found, data)
    assert homomorphic.last_round.survivors == ()


def test_both_encodings_of_a_mean_come_to_the_same(clear):
    data = [client_dataset(client) for client in range(5)]
    modular, integers = (
        build(fixed_point_mean(modular=modular), **SECURE_METRICS) for modular in (True, False)
    )
    one = run_under(clear, modular.next, run_under(clear, modular.initialize), data)
    other = run_under(clear, integers.next, run_under(clear, integers.initialize), data)
    assert_same_bits(one, other)


def test_three_rounds_with_dropouts_equal_those_of_the_survivors(process, clear, secure):
    stages = secure.stages
    upload = stages.index("masked input")
    clients = [7, 3, 12, 5, 9, 1, 20, 4, 11, 15]  # the data's order is not that of the names
    gone_by_round = [
        {3: stages[0], 20: stages[1]},
        {7: stages[upload], 15: stages[upload + 1]},
        {1: stages[-1], 9: stages[upload], 12: stages[1]},
    ]
    found = expected = run_under(clear, process.initialize)
    for gone in gone_by_round:
        alive = [c for c in clients if c not in gone or stages.index(gone[c]) > upload]
        secure.plan_round(clients, dropouts=gone)
        one = run_under(secure, process.next, found, [client_dataset(c) for c in clients])
        other = run_under(clear, process.next, expected, [client_dataset(c) for c in alive])
        assert secure.last_round.survivors == tuple(sorted(alive))
        assert_same_bits(one, other)
        found, expected = one.state, other.state


@pytest.mark.parametrize(
    ("dtype", "tffs", "right"), [(np.int32, 2147483642, 2147483644), (np.int16, 32762, 32764)]
)
def test_where_tffs_own_integers_overflow_the_sum_is_right(clear, secure, dtype, tffs, right):
    """TFF adds in the values' own type, which wraps before it takes the residue."""
    modulus = np.iinfo(dtype).max

    @tff.federated_computation(tff.FederatedType(dtype, tff.CLIENTS))
    def computation(data):
        return tff.backends.mapreduce.federated_secure_modular_sum(data, dtype(modulus))

    data = [modulus - 1] * 3
    assert 3 * (modulus - 1) % modulus == right
    assert run_under(secure, computation, data) == right
    assert run_under(clear, computation, data) == tffs
