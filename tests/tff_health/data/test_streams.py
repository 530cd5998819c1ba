"""Parts of a stream: all bits of it count, and all bits of a part are drawn."""

import numpy as np
import pytest
import tensorflow as tf

from tff_health.data.streams import fold

STREAM = np.array([2**62 + 5, -(2**61) - 3], np.int64)


def part(stream, number):
    return fold(tf.constant(stream, tf.int64), number).numpy()


def test_a_part_is_a_stream_of_its_own():
    found = part(STREAM, 7)
    assert found.dtype == np.int64
    assert found.shape == (2,)
    np.testing.assert_array_equal(found, part(STREAM, tf.constant(7, tf.int32)))
    np.testing.assert_array_equal(found, part(STREAM, tf.constant(7, tf.int64)))


@pytest.mark.parametrize("bit", [0, 1, 31, 32, 62, 63])
@pytest.mark.parametrize("half", [0, 1])
def test_every_bit_of_the_stream_counts(bit, half):
    changed = STREAM.copy()
    changed[half] ^= np.int64(-(2**63) if bit == 63 else 1 << bit)
    for number in (0, 3):
        assert not np.intersect1d(part(STREAM, number), part(changed, number)).size


def test_both_halves_of_a_part_are_drawn_from_all_numbers():
    parts = np.array([part(STREAM, number) for number in range(256)])
    assert len(np.unique(parts)) == parts.size
    bits = np.unpackbits(parts.view(np.uint8).reshape(256, 16), axis=1)
    # Each of the 128 bits is set in half of the parts: six standard deviations of 256 are 48.
    assert np.all(np.abs(bits.sum(axis=0).astype(int) - 128) < 48)
