import math
from collections import OrderedDict

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_federated as tff

from crypto.encoding.fixed_point import FixedPoint
from crypto.errors import CapacityError, ParameterError
from tests.tff_health.clear_sums import clear_context
from tff_health.aggregators.fixed_point_mean import (
    FixedPointMean,
    WeightedFixedPointMean,
    WeightEncoding,
)
from tff_health.errors import RunError

ENCODING = FixedPoint(16, 4.0)
CLIENTS = 5
WEIGHTS = WeightEncoding(largest=50.0, decimals=2)
VALUE = OrderedDict(
    b=tff.TensorType(np.float32, (3,)), a=[tff.TensorType(np.float32, (2, 2)), np.float32]
)
SIZE = 8


@pytest.fixture(scope="module")
def run(tff_context):
    context = clear_context(tff_context)

    def call(computation, *arguments):
        with tff.framework.get_context_stack().install(context):
            return computation(*arguments)

    return call


@pytest.fixture(scope="module", params=["residues", "integers"])
def unweighted(run, request):
    factory = FixedPointMean(ENCODING, CLIENTS, modular=request.param == "residues")
    process = factory.create(tff.to_type(VALUE))
    return lambda *updates: run(process.next, (), list(updates))


@pytest.fixture(scope="module")
def weighted(run):
    factory = WeightedFixedPointMean(ENCODING, CLIENTS, WEIGHTS)
    process = factory.create(tff.to_type(VALUE), tff.to_type(np.float32))
    return lambda updates, weights: run(process.next, (), list(updates), list(weights))


def update(seed, scale=1.0):
    rng = np.random.default_rng(seed)
    b, a0, a1 = (rng.normal(0, scale, shape).astype(np.float32) for shape in ((3,), (2, 2), ()))
    return OrderedDict(b=b, a=[a0, a1])


def changed(value, leaf):
    return OrderedDict(b=np.array([leaf, *value["b"][1:]], np.float32), a=value["a"])


def numpy_mean(updates, weights):
    """The mean of what `crypto.encoding.fixed_point` encodes, in float64 and rounded once."""
    total = sum(
        w * np.concatenate([ENCODING.encode(ENCODING.clip(np.ravel(t))[0]) for t in flat(u)])
        for u, w in zip(updates, weights, strict=True)
    )
    return (ENCODING.decode(total) / sum(weights)).astype(np.float32)


def flat(value):
    return [value["b"], *value["a"]]


def joined(value):
    return np.concatenate([np.ravel(tensor) for tensor in flat(value)])


MEASURED = OrderedDict(
    weight_sum=np.float32,
    clipped_coordinates=np.int32,
    non_finite_updates=np.int32,
    modulus_bits=np.int32,
    payload_bytes=np.int64,
)


@pytest.mark.parametrize("weight", [None, np.float32, np.int32, np.int64])
def test_types(weight):
    if weight is None:
        process = FixedPointMean(ENCODING, CLIENTS).create(tff.to_type(VALUE))
    else:
        factory = WeightedFixedPointMean(ENCODING, CLIENTS, WEIGHTS)
        process = factory.create(tff.to_type(VALUE), tff.to_type(weight))
    nothing = tff.FederatedType((), tff.SERVER)
    parameter = OrderedDict(state=nothing, update=tff.FederatedType(VALUE, tff.CLIENTS))
    if weight is not None:
        parameter["weight"] = tff.FederatedType(weight, tff.CLIENTS)
    assert process.is_weighted == (weight is not None)
    assert process.next.type_signature == tff.FunctionType(
        parameter,
        tff.templates.MeasuredProcessOutput(
            nothing, tff.FederatedType(VALUE, tff.SERVER), tff.FederatedType(MEASURED, tff.SERVER)
        ),
    )


@pytest.mark.parametrize("num_clients", [1, 2, CLIENTS])
def test_a_plain_mean_equals_numpy(unweighted, num_clients):
    updates = [update(seed) for seed in range(num_clients)]
    output = unweighted(*updates)
    np.testing.assert_array_equal(joined(output.result), numpy_mean(updates, [1] * num_clients))
    assert isinstance(output.result, OrderedDict)
    bits = FixedPointMean(ENCODING, CLIENTS).modulus_bits
    assert output.measurements["modulus_bits"] == bits == 22
    assert output.measurements["payload_bytes"] == math.ceil(SIZE * bits / 8)
    assert output.measurements["clipped_coordinates"] == 0
    assert output.measurements["weight_sum"] == num_clients


def test_a_weighted_mean_equals_numpy(weighted):
    updates = [update(seed) for seed in range(4)]
    output = weighted(updates, [0.126, 3.0, 50.0, 0.0])
    np.testing.assert_array_equal(joined(output.result), numpy_mean(updates, [13, 300, 5000, 0]))


def test_clipping_is_counted(unweighted):
    updates = [update(seed, scale=5.0) for seed in range(3)]
    output = unweighted(*updates)
    expected = sum(ENCODING.clip(joined(u))[1] for u in updates)
    assert output.measurements["clipped_coordinates"] == expected > 0
    np.testing.assert_array_equal(joined(output.result), numpy_mean(updates, [1] * 3))


def test_the_largest_sums_do_not_wrap(weighted, unweighted):
    for sign in (1, -1):
        largest = OrderedDict(
            b=np.full(3, sign * 99, np.float32),
            a=[np.full((2, 2), sign * 99, np.float32), np.float32(sign * 99)],
        )
        for output in (unweighted(*[largest] * CLIENTS), weighted([largest] * CLIENTS, [50.0] * 5)):
            assert joined(output.result).tolist() == [sign * 4.0] * SIZE
            assert output.measurements["clipped_coordinates"] == SIZE * CLIENTS


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_an_update_that_is_not_finite_counts_as_nothing(weighted, unweighted, bad):
    good, broken = [update(1), update(2)], changed(update(3), bad)
    output = unweighted(good[0], broken, good[1])
    np.testing.assert_array_equal(joined(output.result), numpy_mean(good, [1, 1]))
    assert output.measurements["non_finite_updates"] == 1
    assert output.measurements["clipped_coordinates"] == 0
    output = weighted([broken, *good], [7.0, 1.0, 2.0])
    np.testing.assert_array_equal(joined(output.result), numpy_mean(good, [100, 200]))
    assert output.measurements["non_finite_updates"] == 1


def test_without_any_weight_the_mean_is_zero(weighted, unweighted):
    broken = changed(update(0), np.nan)
    for output in (unweighted(broken), weighted([update(1), update(2)], [0.0, 0.0])):
        assert joined(output.result).tolist() == [0.0] * SIZE


def test_more_clients_than_declared_are_refused(unweighted):
    updates = [update(seed) for seed in range(CLIENTS + 1)]
    with pytest.raises(RunError, match="fixed-point mean made for 5 clients was given more"):
        unweighted(*updates)


@pytest.mark.parametrize(
    ("weight", "expected"),
    [
        (0.0, 0),
        (0.004, 0),
        (0.126, 13),
        (49.999, 5000),
        (50.0, 5000),
        (51.0, 5000),
        (np.inf, 5000),
        (-1.0, 0),
        (-np.inf, 0),
        (np.nan, 0),
        (np.int32(7), 700),
        (np.int64(2**62), 5000),
        (np.int32(-3), 0),
    ],
)
def test_weights_are_encoded(weight, expected):
    encoded = WEIGHTS.encode(tf.constant(weight))
    assert encoded.dtype == tf.int64
    assert encoded.numpy() == expected
    assert WEIGHTS.max_weight == 5000


@pytest.mark.parametrize(
    ("largest", "decimals"),
    [(0.0, 0), (-1.0, 2), (math.nan, 0), (math.inf, 0), (1.0, -1), (0.1, 0)],
)
def test_impossible_weight_encodings_are_refused(largest, decimals):
    with pytest.raises(ValueError, match="largest="):
        WeightEncoding(largest, decimals)


def test_overflow_is_refused_when_the_process_is_built():
    fits = WeightedFixedPointMean(FixedPoint(20, 4.0), 100, WeightEncoding(2**32))
    assert fits.modulus_bits == 62
    with pytest.raises(CapacityError, match="62 are there"):
        WeightedFixedPointMean(FixedPoint(20, 4.0), 100, WeightEncoding(2**33))
    with pytest.raises(CapacityError):
        FixedPointMean(FixedPoint(50, 8.0), 2**10)
    with pytest.raises(ParameterError):
        FixedPointMean(ENCODING, 0)


def test_sums_of_62_bits_are_exact(run):
    factory = WeightedFixedPointMean(FixedPoint(20, 4.0), 100, WeightEncoding(2**32))
    process = factory.create(tff.TensorType(np.float32, (2,)), tff.to_type(np.int64))
    values = [np.array([4.0, -4.0], np.float32), np.array([-4.0, -1.0], np.float32)]
    output = run(process.next, (), values, [2**31, 2**31])
    assert output.result.tolist() == [0.0, -2.5]


@pytest.mark.parametrize(
    "kind",
    [np.float64, np.int32, [np.float32, np.float64], tff.TensorType(np.float32, (None,)), ()],
    ids=["float64", "int32", "one float64", "unknown shape", "nothing"],
)
def test_other_updates_are_refused(kind):
    with pytest.raises(TypeError, match="float32"):
        FixedPointMean(ENCODING, CLIENTS).create(tff.to_type(kind))


def test_an_encoding_of_zeros_alone_is_refused():
    with pytest.raises(ValueError, match="clip_range"):
        FixedPointMean(FixedPoint(0, 0.25), CLIENTS)
