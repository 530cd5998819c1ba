"""TensorFlow's fixed point equals `crypto.encoding.fixed_point` bit for bit."""

import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto.encoding.fixed_point import FixedPoint
from tff_health.local import quantisation

equal = settings(deadline=None)  # TensorFlow's first calls are slow
encodings = st.builds(
    FixedPoint,
    st.integers(0, 30),
    st.one_of(
        st.floats(2**-20, 1000, allow_subnormal=False),
        st.sampled_from([0.1, 1 / 3, 1.0, math.pi, 16.0, 1 + 2**-30, 1 - 2**-40]),
    ),
)


@st.composite
def float32s(draw, encoding, finite=False):
    """Numbers of all sizes, with the limit, its neighbours, ties, zeros and subnormals."""
    limit = quantisation.largest_encodable(encoding)
    step = np.float32(2.0**-encoding.fraction_bits)
    special = [0.0, -0.0, 1e-45, -1e-45, 1.1e-38, limit, np.nextafter(limit, np.float32(0))]
    special += [] if finite else [np.nextafter(limit, np.float32(np.inf)), np.inf, 3e38]
    special += [step / 2, 3 * step / 2, 5 * step / 2, step]
    numbers = st.one_of(
        st.floats(-float(limit), float(limit), width=32),
        st.sampled_from([sign * float(x) for x in special for sign in (1, -1)]),
        *([] if finite else [st.floats(width=32, allow_nan=False)]),
    )
    return np.array(draw(st.lists(numbers, min_size=1, max_size=8)), np.float32)


@equal
@given(encodings, st.data())
def test_clipping_is_equal(encoding, data):
    values = data.draw(float32s(encoding))
    expected, expected_changed = encoding.clip(values)
    clipped, changed = quantisation.clip(tf.constant(values), encoding)
    # TensorFlow flushes subnormal numbers to zero, and that is what they are encoded as.
    expected[np.abs(expected) < np.finfo(np.float32).tiny] = 0
    np.testing.assert_array_equal(clipped.numpy(), expected)
    assert changed.numpy() == expected_changed
    assert changed.dtype == tf.int32


@equal
@given(encodings, st.data())
def test_encoding_is_equal(encoding, data):
    values, _ = encoding.clip(data.draw(float32s(encoding)))
    encoded = quantisation.encode(tf.constant(values), encoding)
    assert encoded.dtype == tf.int64
    clipped, _ = quantisation.clip(tf.constant(values), encoding)
    np.testing.assert_array_equal(quantisation.encode(clipped, encoding), encoded)
    np.testing.assert_array_equal(encoded.numpy(), encoding.encode(values))


def test_ties_go_to_even():
    encoding = FixedPoint(1, 8.0)
    values = tf.constant([0.25, 0.75, 1.25, 1.75, -0.25, -0.75, -1.25])
    assert quantisation.encode(values, encoding).numpy().tolist() == [0, 2, 2, 4, 0, -2, -2]


@pytest.mark.parametrize("clip_range", [0.1, 0.3, 1 + 2**-30, 1 - 2**-40, 1 / 3])
def test_ranges_that_float32_cannot_hold_are_rounded_inwards(clip_range):
    encoding = FixedPoint(40, clip_range)
    limit = quantisation.largest_encodable(encoding)
    assert limit.dtype == np.float32
    assert float(limit) <= clip_range < float(np.nextafter(limit, np.float32(np.inf)))
    clipped, changed = quantisation.clip(tf.constant([2.0, -2.0, limit, -limit]), encoding)
    assert changed.numpy() == 2
    assert np.abs(quantisation.encode(clipped, encoding)).max() <= encoding.bound


@equal
@given(encodings, st.integers(1, 30), st.integers(1, 50), st.data())
def test_decoding_equals_decode_sum(encoding, num_clients, max_weight, data):
    bits = encoding.required_bits(num_clients, max_weight)
    largest = num_clients * max_weight * encoding.bound
    numbers = st.one_of(st.integers(-largest, largest), st.sampled_from([largest, -largest, 0]))
    total = np.array(data.draw(st.lists(numbers, min_size=1, max_size=5)), np.int64)
    residues = (total % 2**bits).astype(np.uint64)
    integers = quantisation.centred(tf.constant(residues.astype(np.int64)), bits)
    np.testing.assert_array_equal(integers.numpy(), total)
    weight = data.draw(st.integers(1, num_clients * max_weight))
    mean = quantisation.decode_mean(integers, tf.constant(weight, tf.int64), encoding)
    decoded = encoding.decode_sum(residues, bits, num_clients, max_weight)
    assert mean.numpy().tobytes() == (decoded / weight).astype(np.float32).tobytes()


@pytest.mark.parametrize("bits", [1, 2, 31, 62])
def test_centred_at_the_ends_of_its_range(bits):
    half = 2 ** (bits - 1)
    residues = tf.constant([0, half - 1, half, 2 * half - 1], tf.int64)
    assert quantisation.centred(residues, bits).numpy().tolist() == [0, half - 1, -half, -1]


def test_a_mean_without_weight_is_zero():
    nothing = tf.constant(0, tf.int64)
    mean = quantisation.decode_mean(tf.constant([0, 5], tf.int64), nothing, FixedPoint(8, 1.0))
    assert mean.numpy().tolist() == [0.0, 0.0]
