"""What a stock process clips before a secure sum is told, with its share."""

import warnings

import numpy as np
import pytest
import tensorflow_federated as tff

from crypto.encoding.fixed_point import FixedPoint
from crypto.protocols.masking.session import DoubleMasking
from tff_health.aggregators.fixed_point_mean import WeightedFixedPointMean, WeightEncoding
from tff_health.secure_aggregation.clipped_sums import (
    ClippedSum,
    ClippedSumWarning,
    clipped_sums,
    share_at_ends,
)
from tff_health.secure_aggregation.protocols import BoundProtocols
from tff_health.secure_aggregation.secure_context import SecureContext
from tff_health.secure_aggregation.slots import Slot
from tff_health.workers.pool import WorkerPool

VALUE = tff.TensorType(np.float32, (4,))
WEIGHT = tff.TensorType(np.float32)
UPDATE = np.array([3.1, -4.3, 0.0, 0.01], np.float32)
CLIENTS = 5


@pytest.fixture(scope="module")
def first_round(tff_context):
    """Runs a process once with updates of so many examples each; returns output and warnings."""

    def run(process, examples):
        context = SecureContext(WorkerPool([tff_context]), BoundProtocols.to_all(DoubleMasking()))
        with (
            tff.framework.get_context_stack().install(context),
            warnings.catch_warnings(record=True) as told,
        ):
            warnings.simplefilter("always")
            state = process.initialize()
            output = process.next(state, [UPDATE] * CLIENTS, [float(examples)] * CLIENTS)
        return output, [str(w.message) for w in told if w.category is ClippedSumWarning]

    return run


@pytest.fixture(scope="module")
def stock():
    return tff.learning.secure_aggregator(zeroing=False, clipping=False).create(VALUE, WEIGHT)


def test_a_stock_mean_that_was_clipped_warns_with_the_share(first_round, stock):
    output, told = first_round(stock, 6_000)
    assert np.abs(output.result).max() < 0.05  # of 4.3
    (text,) = told
    # 3.1 and -4.3 times 6,000 are beyond the first range, 0 and 60 are not.
    assert "round 1: values of clients were clipped" in text
    assert "50.0% of the values" in text
    assert "of 5 clients, measurements/mean_value (above at 5, below at 5)" in text
    assert "WeightedFixedPointMean" in text


def test_where_nothing_is_clipped_nothing_is_told(first_round, stock):
    output, told = first_round(stock, 10)
    np.testing.assert_allclose(output.result, UPDATE, atol=1e-5)
    assert told == []


def test_our_own_mean_is_right_at_once_and_tells_nothing(first_round):
    mean = WeightedFixedPointMean(FixedPoint(20, 8.0), CLIENTS, WeightEncoding(10**6))
    output, told = first_round(mean.create(VALUE, WEIGHT), 6_000)
    np.testing.assert_allclose(output.result, UPDATE, atol=2.0**-20)
    assert told == []


def test_measurements_are_found_at_any_depth():
    told = {"secure_upper_clipped_count": 2, "secure_lower_clipped_count": 0}
    none = dict.fromkeys(told, 0)
    assert clipped_sums({"a": [none, {"b": told}], "c": none}) == [ClippedSum("a/1/b", 2, 0)]
    assert clipped_sums(told) == [ClippedSum("the sum", 2, 0)]
    assert clipped_sums((1, np.zeros(3), {"secure_upper_clipped_count": 7})) == []


def test_the_share_counts_tensors_of_floats_alone():
    floats = Slot("bitwidth", 2**32, (4,), np.dtype(np.int64))
    vote = Slot("bitwidth", 2**32, (), np.dtype(np.int64))
    flags = Slot("bitwidth", 2, (2,), np.dtype(np.int32))
    one = [np.array([0, 5, 2**32 - 1, 2**31]), np.int64(0), np.array([0, 1])]
    other = [np.array([1, 2, 3, 4]), np.int64(2**32 - 1), np.array([1, 1])]
    assert share_at_ends([floats, vote, flags], [one, other]) == 2 / 8
    assert share_at_ends([vote, flags], [one[1:], other[1:]]) == 0
