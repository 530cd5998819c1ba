"""The continuous noise is normal out to its tails, where TensorFlow's own ends."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from tff_health.privacy.normal_noise import standard_normal

COUNT = 1_000_000
STREAM = tf.constant([2**40 + 1, -(2**50)], tf.int64)


@pytest.fixture(scope="module")
def drawn():
    return standard_normal((COUNT,), STREAM).numpy()


def test_it_is_normal(drawn):
    assert drawn.dtype == np.float32
    assert stats.kstest(drawn, "norm").pvalue > 1e-4
    for wrong in (2 / 3, 3 / 2):
        assert stats.kstest(drawn * np.float32(wrong), "norm").pvalue < 1e-12


def test_it_follows_from_the_stream_alone(drawn):
    assert np.array_equal(standard_normal((COUNT,), STREAM), drawn)
    other = standard_normal((COUNT,), STREAM + 1).numpy()
    assert abs(np.corrcoef(drawn, other)[0, 1]) < 5 / np.sqrt(COUNT)
    assert abs(np.corrcoef(drawn[:-1], drawn[1:])[0, 1]) < 5 / np.sqrt(COUNT)


@pytest.mark.parametrize(
    ("uniform", "deviations"),
    [
        *((0.0, -8.209536), (1e-12, -7.034484), (1e-9, -5.997807), (0.5, 0.0)),
        *((1 - 1e-9, 5.997807), (1 - 2.0**-52, 8.209536)),  # the largest that TensorFlow draws
    ],
)
def test_it_goes_on_where_tensorflows_ends(monkeypatch, uniform, deviations):
    def drawn(shape, _seed, dtype):
        return tf.fill(shape, tf.constant(uniform, dtype))

    monkeypatch.setattr(tf.random, "stateless_uniform", drawn)
    found = standard_normal((3,), STREAM).numpy()
    assert found == pytest.approx(deviations, abs=1e-3)


def test_tensorflows_uniform_numbers_have_52_bits():
    drawn = tf.random.stateless_uniform((COUNT,), STREAM, dtype=tf.float64).numpy()
    assert np.array_equal(drawn * 2.0**52, np.rint(drawn * 2.0**52))


def test_tensorflows_own_end_at_one_radius():
    """Seen with 2.14.1; `findings/normals_end_below_six_deviations.sh` draws more of them."""
    draws = (tf.random.stateless_normal((5_000_000, 2), (7, part)).numpy() for part in range(4))
    radii = np.concatenate([np.sort(np.hypot(*draw.T.astype(float)))[-20:] for draw in draws])
    assert radii.max() == pytest.approx(np.sqrt(-2 * np.log(1e-7)), abs=1e-6)
