"""Orders and images on their way into training."""

import numpy as np
import pytest
import tensorflow as tf

from tff_health.data.preparation import AS_THEY_ARE, Preparation, symmetries
from tff_health.data.scaling import TO_UNIT, Scaling

STREAM = tf.constant([3, 4], tf.int64)
LABELS = np.repeat(np.arange(4, dtype=np.uint8), [80, 16, 4, 0])
LABELS = np.random.default_rng(0).permutation(LABELS)


def counts(balance):
    order = Preparation(class_balance=balance).order(tf.constant(LABELS), 4, STREAM).numpy()
    assert len(order) == len(LABELS)
    return np.bincount(LABELS[order], minlength=4), order


def test_without_balance_every_example_comes_once():
    _, order = counts(0.0)
    assert sorted(order) == list(range(100))
    other = AS_THEY_ARE.order(tf.constant(LABELS), 4, STREAM + 1).numpy()
    assert list(order) != list(other)


def test_full_balance_makes_classes_equally_frequent():
    found, order = counts(1.0)
    assert found[3] == 0
    assert all(abs(number - 100 / 3) <= 1 for number in found[:3])
    times = np.bincount(order, minlength=100)
    assert set(times[LABELS == 0]) <= {0, 1}
    assert set(times[LABELS == 2]) <= {8, 9}


def test_partial_balance_follows_its_power():
    weights = np.array([80.0, 16, 4]) ** 0.5
    found, _ = counts(0.5)
    assert found[:3] == pytest.approx(100 * weights / weights.sum(), abs=1)


def test_orders_depend_on_the_stream_alone():
    assert list(counts(0.4)[1]) == list(counts(0.4)[1])


def test_flips_give_symmetries_of_each_image_and_all_of_them():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (1, 4, 4, 3), np.uint8)
    batch = tf.constant(np.repeat(image, 200, axis=0))
    turned = Preparation(flips=True).images(batch, STREAM).numpy()
    plain = image[0] / np.float32(255)
    both = (plain, plain.transpose(1, 0, 2))
    wanted = {
        turn.tobytes()
        for one in both
        for turn in (one, one[::-1], one[:, ::-1], one[::-1, ::-1])
        for turn in [np.ascontiguousarray(turn, np.float32)]
    }
    assert {one.tobytes() for one in turned} == wanted
    assert len(wanted) == 8
    assert {one.numpy()[0].tobytes() for one in symmetries(tf.constant(plain[None]))} == wanted
    again = Preparation(flips=True).images(batch, STREAM).numpy()
    np.testing.assert_array_equal(turned, again)


def test_images_that_are_not_square_keep_their_shape():
    batch = tf.zeros((5, 4, 6, 1), tf.uint8)
    assert Preparation(flips=True).images(batch, STREAM).shape == (5, 4, 6, 1)


def test_scaling():
    pixels = tf.constant(np.array([[[[0, 255]]]], np.uint8))
    assert TO_UNIT.scale(pixels).numpy().ravel().tolist() == [0, 1]
    scaled = Scaling((0.5, 0.25), (0.25, 0.5)).scale(pixels).numpy().ravel()
    assert scaled.tolist() == [-2, 1.5]
