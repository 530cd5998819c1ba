from collections import OrderedDict

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_health.clear_sums import clear_context
from tff_health.aggregators.metric_sums import MetricSums, training_metrics

BITS, MAX_EXAMPLES = 24, 100
LARGEST = 2**BITS - 1
STEP = 2.0 ** (11 - BITS)  # 16 x 100 needs 11 bits before the point
VALUE = OrderedDict(
    loss=np.float32, hits=np.int32, confusion=tff.TensorType(np.int64, (2,)), precise=np.float64
)


@pytest.fixture(scope="module")
def process():
    return MetricSums(BITS, MAX_EXAMPLES).create(tff.to_type(VALUE))


@pytest.fixture(scope="module")
def total(process, tff_context):
    context = clear_context(tff_context)

    def run(*clients):
        with tff.framework.get_context_stack().install(context):
            return process.next((), [OrderedDict(VALUE | given) for given in clients]).result

    return run


def client(loss=0.0, hits=0, confusion=(0, 0), precise=0.0):
    return {"loss": loss, "hits": hits, "confusion": list(confusion), "precise": precise}


def test_types(process):
    clients, server = tff.FederatedType(VALUE, tff.CLIENTS), tff.FederatedType(VALUE, tff.SERVER)
    nothing = tff.FederatedType((), tff.SERVER)
    assert process.next.type_signature == tff.FunctionType(
        OrderedDict(state=nothing, values=clients),
        tff.templates.MeasuredProcessOutput(nothing, server, nothing),
    )


def test_counts_are_exact(total):
    found = total(*(client(hits=h, confusion=(h, 2 * h)) for h in (0, 7, 12345)))
    assert found["hits"] == 12352
    assert found["confusion"].tolist() == [12352, 24704]
    assert (found["hits"].dtype, found["confusion"].dtype) == (np.int32, np.int64)


def test_floats_are_rounded_to_a_step(total):
    losses = [1 / 3, 1000.123, 0.0]
    found = total(*(client(loss=x, precise=x) for x in losses))
    expected = sum(np.rint(np.float64(x) / STEP) for x in losses) * STEP
    assert found["precise"] == expected
    assert abs(found["precise"] - sum(losses)) <= 3 * STEP / 2
    assert found["loss"].dtype == np.float32
    assert found["loss"] == pytest.approx(expected)


def test_too_large_numbers_saturate(total):
    found = total(client(hits=LARGEST, loss=1e30, precise=np.inf, confusion=(2**40, LARGEST + 1)))
    assert found["hits"] == LARGEST
    assert found["confusion"].tolist() == [LARGEST, LARGEST]
    assert found["precise"] == LARGEST * STEP >= 16 * MAX_EXAMPLES
    assert found["loss"] == np.float32(LARGEST * STEP)


def test_nan_saturates_and_negative_numbers_count_as_zero(total):
    found = total(
        client(loss=np.nan, precise=np.nan), client(-5.0, -3, (-1, 4), -np.inf), client(1.0, 2)
    )
    assert found["precise"] == LARGEST * STEP
    assert found["loss"] == np.float32(LARGEST * STEP + 1.0)
    assert found["hits"] == 2
    assert found["confusion"].tolist() == [0, 4]


@pytest.mark.parametrize(("bits", "max_examples"), [(0, 1), (54, 1), (-1, 1), (8, 0), (8, -1)])
def test_impossible_settings_are_refused(bits, max_examples):
    with pytest.raises(ValueError, match=r"bits=|max_examples="):
        MetricSums(bits, max_examples)


def test_other_dtypes_are_refused():
    with pytest.raises(TypeError, match="bool"):
        MetricSums(8, 1).create(tff.TensorType(np.bool_))


def test_more_bits_than_needed_leave_small_numbers_exact(tff_context):
    process = MetricSums(53, 1).create(tff.TensorType(np.float64))
    with tff.framework.get_context_stack().install(clear_context(tff_context)):
        assert process.next((), [0.1, 0.2]).result == pytest.approx(0.3, abs=2**-47)


def test_training_metrics_are_finalised(tff_context):
    kind = OrderedDict(mean=[np.float32, np.float32])

    @tff.federated_computation(tff.FederatedType(kind, tff.CLIENTS))
    def metrics(values):
        finalizers = OrderedDict(mean=tff.tensorflow.computation(lambda pair: pair[0] / pair[1]))
        return training_metrics(MetricSums(24, 100))(finalizers, None)(values)

    with tff.framework.get_context_stack().install(clear_context(tff_context)):
        found = metrics([OrderedDict(mean=[1.5, 2.0]), OrderedDict(mean=[2.0, 5.0])])
    assert tf.nest.flatten(found) == [0.5]
