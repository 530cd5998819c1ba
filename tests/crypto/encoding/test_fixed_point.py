import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.encoding.fixed_point import FixedPoint
from crypto.errors import CapacityError, OutOfRangeError, ParameterError

encodings = st.builds(
    FixedPoint, st.integers(0, 20), st.floats(2**-10, 1000, allow_subnormal=False)
)
dtypes = st.sampled_from([np.float32, np.float64])


def inside(encoding, data, dtype, size=5):
    width = 32 if dtype is np.float32 else 64
    limit = float(encoding._limit(np.zeros(1, dtype)))
    numbers = st.floats(-limit, limit, width=width)
    return np.array(data.draw(st.lists(numbers, min_size=size, max_size=size)), dtype)


@given(encodings, dtypes, st.data())
def test_equals_exact_rational_rounding(encoding, dtype, data):
    values = inside(encoding, data, dtype)
    exact = [round(Fraction(float(x)) * 2**encoding.fraction_bits) for x in values]  # ties to even
    assert encoding.encode(values).tolist() == exact


@given(encodings, dtypes, st.data())
def test_laws(encoding, dtype, data):
    values = inside(encoding, data, dtype)
    encoded = encoding.encode(values)
    assert encoded.dtype == np.int64
    assert (np.abs(encoded) <= encoding.bound).all()
    decoded = encoding.decode(encoded)
    half_step = Fraction(1, 2 ** (encoding.fraction_bits + 1))
    for x, y in zip(values, decoded, strict=True):
        assert abs(Fraction(float(x)) - Fraction(float(y))) <= half_step
    np.testing.assert_array_equal(encoding.encode(-values), -encoded)


def test_ties_go_to_even():
    encoding = FixedPoint(1, 8.0)
    values = np.array([0.25, 0.75, 1.25, 1.75, -0.25, -0.75], np.float32)
    assert encoding.encode(values).tolist() == [0, 2, 2, 4, 0, -2]


def test_both_precisions_agree():
    encoding = FixedPoint(16, 4.0)
    values = np.linspace(-4, 4, 10_001, dtype=np.float32)
    in_float32 = np.rint(values * np.float32(2**16)).astype(np.int64)
    np.testing.assert_array_equal(encoding.encode(values), in_float32)
    np.testing.assert_array_equal(encoding.encode(values.astype(np.float64)), in_float32)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1.0000001, -2.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_cannot_be_encoded_is_refused(bad, dtype):
    with pytest.raises(OutOfRangeError):
        FixedPoint(8, 1.0).encode(np.array([0.5, bad], dtype))


@pytest.mark.parametrize("dtype", [np.int64, np.float16, np.complex128])
def test_other_dtypes_are_refused(dtype):
    with pytest.raises(ParameterError):
        FixedPoint(8, 1.0).encode(np.zeros(2, dtype))


def test_clipping_counts():
    values = np.array([-3.0, -0.5, 0.5, 1.0, np.inf], np.float32)
    clipped, changed = FixedPoint(8, 1.0).clip(values)
    assert clipped.tolist() == [-1.0, -0.5, 0.5, 1.0, 1.0]
    assert clipped.dtype == np.float32
    assert changed == 2
    with pytest.raises(OutOfRangeError):
        FixedPoint(8, 1.0).clip(np.array([np.nan]))


@given(st.floats(2**-20, 2**20, allow_subnormal=False), dtypes)
def test_what_was_clipped_can_be_encoded(clip_range, dtype):
    encoding = FixedPoint(10, clip_range)
    clipped, _ = encoding.clip(np.array([-np.inf, np.inf, 2 * clip_range], dtype))
    assert np.abs(encoding.encode(clipped)).max() <= encoding.bound


def test_a_clip_range_that_float32_rounds_up_is_not_exceeded():
    encoding = FixedPoint(10, 131072.1796875)  # between 131072.171875 and 131072.1875
    clipped, _ = encoding.clip(np.array([np.inf], np.float32))
    assert clipped.tolist() == [131072.171875]


@given(encodings, st.integers(1, 1000), st.integers(1, 100))
def test_capacity_is_exact(encoding, num_clients, max_weight):
    largest = num_clients * max_weight * encoding.bound
    bits = encoding.required_bits(num_clients, max_weight)
    assert largest <= 2 ** (bits - 1) - 1
    assert bits == 1 or largest > 2 ** (bits - 2) - 1
    encoding.check_capacity(num_clients, bits, max_weight)
    with pytest.raises(CapacityError):
        encoding.check_capacity(num_clients, bits - 1, max_weight)


@given(encodings, st.integers(1, 20), st.data())
def test_sums_come_back(encoding, num_clients, data):
    bits = encoding.required_bits(num_clients)
    encoded = [encoding.encode(inside(encoding, data, np.float64, 2)) for _ in range(num_clients)]
    total = sum(encoded)
    residues = (total % 2**bits).astype(np.uint64)
    decoded = encoding.decode_sum(residues, bits, num_clients)
    np.testing.assert_array_equal(decoded, encoding.decode(total))


def test_overflow_is_detected():
    encoding = FixedPoint(8, 1.0)
    bits = encoding.required_bits(10)
    reach = 10 * encoding.bound
    for beyond in (reach + 1, -reach - 1):
        with pytest.raises(CapacityError, match="1 of 2 coordinates"):
            encoding.decode_sum(np.array([0, beyond % 2**bits], np.uint64), bits, 10)
    edge = np.array([reach, -reach % 2**bits], np.uint64)
    assert encoding.decode_sum(edge, bits, 10).tolist() == [10.0, -10.0]


def test_a_modulus_that_is_too_small_is_refused_before_the_round():
    with pytest.raises(CapacityError):
        FixedPoint(30, 100.0).required_bits(10**9)
    with pytest.raises(CapacityError):
        FixedPoint(8, 1.0).decode_sum(np.zeros(1, np.uint64), 8, 10)


@pytest.mark.parametrize(
    ("fraction_bits", "clip_range"),
    [(-1, 1.0), (51, 1.0), (8, 0.0), (8, -1.0), (8, math.nan), (8, math.inf), (50, 9.0)],
)
def test_impossible_encodings_are_refused(fraction_bits, clip_range):
    with pytest.raises(ParameterError):
        FixedPoint(fraction_bits, clip_range)


@pytest.mark.parametrize(("clients", "weight"), [(0, 1), (1, 0), (-1, 1)])
def test_nobody_and_nothing_are_refused(clients, weight):
    with pytest.raises(ParameterError):
        FixedPoint(8, 1.0).required_bits(clients, weight)


def test_the_largest_encoding_is_allowed():
    assert FixedPoint(50, 2.0**3).bound == 2**53
    assert FixedPoint(0, 2.0**53).bound == 2**53
