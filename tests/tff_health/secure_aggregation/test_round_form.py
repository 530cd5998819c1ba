"""Computations without a state, with more arguments, with other results: TFF's own results."""

from collections import OrderedDict

import attrs
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_federated as tff

from crypto.protocols.masking.session import DoubleMasking
from tests.tff_health.clear_sums import assert_same_bits, clear_context
from tff_health.secure_aggregation.protocols import BoundProtocols
from tff_health.secure_aggregation.round_form import as_round
from tff_health.secure_aggregation.secure_context import SecureContext
from tff_health.workers.pool import WorkerPool

modular_sum = tff.backends.mapreduce.federated_secure_modular_sum
VECTOR = tff.TensorType(np.int32, (2,))
AT_CLIENTS = tff.FederatedType(VECTOR, tff.CLIENTS)
AT_SERVER = tff.FederatedType(VECTOR, tff.SERVER)
VECTORS = [np.array([i, -i], np.int32) for i in (1, 5, 7, 20)]
FLOATS = [np.array([i, -i], np.float32) for i in (0.5, 1.5, -2.0, 3.0)]
WORDS = [["fever", "cough"], ["fever", "rash", "fever"], ["cough", "fever"], ["ache"]]


@attrs.define(eq=False)
class Output:
    total: object
    both: object


@tff.tensorflow.computation(VECTOR, VECTOR)
def add(a, b):
    return a + b


def words():
    return [tf.data.Dataset.from_tensor_slices(tf.constant(said)) for said in WORDS]


def heavy_hitters():
    computation = tff.analytics.heavy_hitters.iblt.build_iblt_computation(
        capacity=10, string_max_bytes=8, secure_sum_bitwidth=20
    )
    return computation, [[said.batch(1) for said in words()]]


def distinct_words():
    computation = tff.analytics.count_distinct.create_federated_hyperloglog_computation(
        use_secagg=True
    )
    return computation, [words()]


def raw_sum():
    """Of numbers below 0, which the factory clips and shifts."""
    process = tff.aggregators.SecureSumFactory(10, -10).create(VECTOR)
    return process.next, [(), VECTORS]


def raw_modular_sum():
    factory = tff.aggregators.SecureModularSumFactory(modulus=33, symmetric_range=True)
    return factory.create(VECTOR).next, [(), VECTORS]


def raw_weighted_mean():
    process = tff.learning.secure_aggregator().create(
        tff.TensorType(np.float32, (2,)), tff.TensorType(np.float32)
    )
    return process.next, [process.initialize, FLOATS, [1.0, 2.0, 3.0, 4.0]]


def one_number():
    @tff.federated_computation(AT_CLIENTS)
    def computation(data):
        return modular_sum(data, 2**20)

    return computation, [VECTORS]


def several_of_everything():
    @tff.federated_computation(AT_CLIENTS, AT_SERVER, AT_CLIENTS, AT_SERVER)
    def computation(first, more, second, last):
        data = tff.federated_map(add, (first, tff.federated_broadcast(more)))
        total = modular_sum(data, 2**16)
        both = OrderedDict(z=modular_sum(second, 7), a=tff.federated_map(add, (total, last)))
        return Output(total, both)

    return computation, [VECTORS, VECTORS[1], VECTORS[::-1], VECTORS[3]]


def another_state():
    @tff.federated_computation(AT_SERVER, AT_CLIENTS)
    def computation(state, data):
        total = modular_sum(data, 2**16)
        return tff.federated_zip((state, total)), total

    return computation, [VECTORS[0], VECTORS]


@pytest.fixture(scope="module")
def clear(tff_context):
    return clear_context(tff_context)


@pytest.fixture(scope="module")
def secure(tff_context):
    return SecureContext(WorkerPool([tff_context]), BoundProtocols.to_all(DoubleMasking()))


@pytest.mark.parametrize(
    "build",
    [
        *(distinct_words, raw_sum, raw_modular_sum, raw_weighted_mean, one_number),
        *(several_of_everything, another_state),
    ],
)
def test_they_come_to_what_tff_comes_to(build, clear, secure):
    computation, given = build()

    def run(context):
        with tff.framework.get_context_stack().install(context):
            return computation(*(x() if callable(x) else x for x in given))

    found, expected = run(secure), run(clear)
    assert type(found) is type(expected)
    assert_same_bits(found, expected)
    assert secure.last_round.survivors == (0, 1, 2, 3)
    assert secure.last_round.costs.bytes_up > 0


def test_heavy_hitters_are_those_of_tff_and_of_the_survivors_alone(clear, secure):
    computation, (data,) = heavy_hitters()

    def run(context, data):
        with tff.framework.get_context_stack().install(context):
            output = computation(data)
        assert output.num_not_decoded == 0
        names, *counts = output.heavy_hitters, output.heavy_hitters_unique_counts
        counts.append(output.heavy_hitters_counts)  # TFF's hash table gives them in any order
        return output.clients, dict(zip(names, zip(*counts, strict=True), strict=True))

    assert run(secure, data) == run(clear, data)
    secure.plan_round(range(4), dropouts={1: "masked input"})
    clients, counted = run(secure, data)
    assert (clients, counted) == (3, {b"fever": (2, 2), b"cough": (2, 2), b"ache": (1, 1)})


def test_what_is_a_round_stays_as_it_is():
    @tff.federated_computation(AT_SERVER, AT_CLIENTS)
    def computation(state, data):
        return state, modular_sum(data, 8)

    assert as_round(computation).computation is computation


def test_integers_beyond_their_type_need_no_bits(secure):
    @tff.federated_computation(tff.FederatedType(np.int32, tff.CLIENTS))
    def computation(data):
        return tff.federated_secure_sum_bitwidth(data, 62)

    with tff.framework.get_context_stack().install(secure):
        assert computation([2**30, 2**29, 5]) == 2**30 + 2**29 + 5
