"""Orders and images on their way into training."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage

from tff_health.data.preparation import AS_THEY_ARE, Preparation, symmetries, views
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


@pytest.mark.parametrize("shape", [(8, 8, 3), (5, 9, 2)])
def test_flips_are_those_of_reversing_and_choosing(shape):
    pixels = np.random.default_rng(5).integers(0, 256, (200, *shape), np.uint8)
    drawn = tf.random.stateless_uniform((3, 200, 1, 1, 1), STREAM).numpy() < 0.5
    wanted = np.where(drawn[0], pixels[:, ::-1], pixels)
    wanted = np.where(drawn[1], wanted[:, :, ::-1], wanted)
    if shape[0] == shape[1]:
        wanted = np.where(drawn[2], wanted.transpose(0, 2, 1, 3), wanted)
    scaling = Scaling((0.5,) * shape[2], (0.3,) * shape[2])
    found = Preparation(scaling, flips=True).images(tf.constant(pixels), STREAM)
    np.testing.assert_array_equal(found, scaling.scale(tf.constant(wanted)))


def warped(image, angle, log_scale):
    """The slow twin: one image, one channel at a time."""
    size = np.exp(log_scale)
    matrix = size * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    centre = (np.array(image.shape[:2]) - 1) / 2
    offset = centre - matrix @ centre
    planes = [
        ndimage.affine_transform(plane, matrix, offset, order=1, mode="reflect")
        for plane in np.moveaxis(image, -1, 0)
    ]
    return np.stack(planes, axis=-1)


@pytest.mark.parametrize("shape", [(9, 9, 3), (6, 11, 1)])
def test_rotations_are_those_of_an_affine_map_and_bounded(shape):
    images = np.random.default_rng(1).integers(0, 256, (300, *shape), np.uint8)
    rotated = Preparation(rotations=True).images(tf.constant(images), STREAM).numpy()
    own = tf.random.experimental.stateless_fold_in(STREAM, 1)
    angles, scales = tf.random.stateless_uniform((2, 300), own, -1.0, 1.0).numpy()
    assert min(angles) < -0.9 and max(angles) > 0.9 and abs(np.corrcoef(angles, scales)[0, 1]) < 0.2
    for image, found, angle, scale in zip(images, rotated, angles, scales, strict=True):
        wanted = warped(image / 255, angle * np.pi / 4, 0.15 * scale)
        np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_colours_change_each_image_by_a_factor_and_each_channel_by_a_shift():
    images = np.random.default_rng(3).integers(0, 256, (400, 5, 6, 3), np.uint8)
    changed = Preparation(colours=0.2).images(tf.constant(images), STREAM).numpy()
    plain = images / np.float32(255)
    factors, shifts = [], []
    for before, after in zip(plain, changed, strict=True):
        lines = [np.polyfit(before[..., c].ravel(), after[..., c].ravel(), 1) for c in range(3)]
        (factor, _, _), shift = np.transpose(lines)
        np.testing.assert_allclose(after, before * factor + shift, atol=1e-4)
        factors.append(factor - 1)
        shifts += [*shift]
    for drawn in (factors, shifts):
        assert np.max(np.abs(drawn)) <= 0.2 + 1e-4
        assert np.std(drawn) == pytest.approx(0.2 / 3**0.5, rel=0.15)
    assert abs(np.corrcoef(factors, shifts[::3])[0, 1]) < 0.2


def test_rotations_go_with_flips_and_are_the_same_again():
    images = tf.constant(np.random.default_rng(2).integers(0, 256, (50, 8, 8, 3), np.uint8))
    both = Preparation(flips=True, rotations=True)
    first = both.images(images, STREAM).numpy()
    np.testing.assert_array_equal(first, both.images(images, STREAM).numpy())
    assert np.abs(first - both.images(images, STREAM + 1).numpy()).max() > 0.1
    assert np.abs(first - Preparation(rotations=True).images(images, STREAM).numpy()).max() > 0.1


def test_views_are_the_image_rotated_and_scaled_each_in_its_symmetries():
    images = np.random.default_rng(4).random((3, 7, 7, 2), np.float32)
    assert len(views(tf.constant(images), flips=False, rotations=False)) == 1
    seen = views(tf.constant(images), flips=False, rotations=True)
    ways = [(0, 0), (np.pi / 4, 0), (0, -0.1), (0, 0.1)]
    for view, (angle, log_scale) in zip(seen, ways, strict=True):
        wanted = [warped(image, angle, log_scale) for image in images]
        np.testing.assert_allclose(view, wanted, atol=1e-4)
    turned = views(tf.constant(images), flips=True, rotations=True)
    wanted = [turn for view in seen for turn in symmetries(view)]
    np.testing.assert_array_equal(turned, wanted)


def test_images_that_are_not_square_keep_their_shape():
    batch = tf.zeros((5, 4, 6, 1), tf.uint8)
    assert Preparation(flips=True).images(batch, STREAM).shape == (5, 4, 6, 1)


def test_scaling():
    pixels = tf.constant(np.array([[[[0, 255]]]], np.uint8))
    assert TO_UNIT.scale(pixels).numpy().ravel().tolist() == [0, 1]
    scaled = Scaling((0.5, 0.25), (0.25, 0.5)).scale(pixels).numpy().ravel()
    assert scaled.tolist() == [-2, 1.5]
