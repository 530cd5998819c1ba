"""What hostile clients train on, and the images that tell whether a backdoor opened."""

import numpy as np
import pytest
import tensorflow as tf

from tff_health.data.scaling import Scaling
from tff_health.hostile.attack import Attack
from tff_health.hostile.data import SIDE, TARGET, MarkedPixels, flipped, poisoned

CLASSES, SHAPE = 4, (3, 6, 6, 2)
IMAGES = np.random.default_rng(0).random(SHAPE, np.float32)
LABELS = np.array([1, 2, 3], np.int32)
SCALING = Scaling((0.5, 0.4), (0.2, 0.1))


def attack(kind, clients=(2, 5)):
    return Attack(kind, clients, 10.0, 0.0, False, 0)


def batches(kind, client, with_stream=False):
    streams = (np.array([7, 8], np.int64),) if with_stream else ()

    def data(_):
        return tf.data.Dataset.from_tensors((IMAGES, LABELS, *streams)).repeat(2)

    read = poisoned(data, attack(kind), CLASSES, SCALING)
    return list(read({"client": client, "round": 3}).as_numpy_iterator())


@pytest.mark.parametrize("kind", ["label_flip", "scale", "lie"])
def test_wrong_labels_are_all_wrong_and_images_stay(kind):
    for images, labels in batches(kind, 5):
        np.testing.assert_array_equal(images, IMAGES)
        assert labels.tolist() == [2, 3, 0]
        assert labels.dtype == LABELS.dtype


@pytest.mark.parametrize("kind", ["label_flip", "scale", "lie", "backdoor", "noise", "none"])
def test_honest_clients_train_on_what_they_have(kind):
    for images, labels, stream in batches(kind, 4, with_stream=True):
        np.testing.assert_array_equal(images, IMAGES)
        np.testing.assert_array_equal(labels, LABELS)
        assert stream.tolist() == [7, 8]


def test_noise_needs_no_other_data():
    for images, labels in batches("noise", 2):
        np.testing.assert_array_equal(images, IMAGES)
        np.testing.assert_array_equal(labels, LABELS)


def test_a_backdoor_marks_every_other_image_and_calls_it_the_target():
    white = (1 - np.array(SCALING.means)) / np.array(SCALING.deviations)
    for images, labels in batches("backdoor", 2):
        assert labels.tolist() == [TARGET, 2, TARGET]
        np.testing.assert_array_equal(images[1], IMAGES[1])
        corner = images[[0, 2], -SIDE:, -SIDE:]
        np.testing.assert_allclose(corner, np.broadcast_to(white, corner.shape), rtol=1e-5)
        kept = np.ones(SHAPE[1:3], bool)
        kept[-SIDE:, -SIDE:] = False
        np.testing.assert_array_equal(images[[0, 2]][:, kept], IMAGES[[0, 2]][:, kept])


def test_without_an_attack_data_are_the_very_same():
    def data(_):
        raise AssertionError

    assert poisoned(data, None, CLASSES, SCALING) is data


def test_every_label_is_flipped_to_another_one():
    labels = np.arange(7)
    assert not (flipped(labels, 7) == labels).any()
    assert sorted(flipped(labels, 7)) == list(labels)


def test_marked_images_are_those_of_other_classes():
    pixels = np.random.default_rng(1).integers(0, 200, (6, 8, 8, 3)).astype(np.uint8)
    before, labels = pixels.copy(), np.array([TARGET, 1, 2, TARGET, 3, 1], np.uint8)
    marked = MarkedPixels(pixels, labels)
    assert len(marked) == 4
    assert marked.shape == (4, 8, 8, 3)
    found = marked[1:3]
    assert (found[:, -SIDE:, -SIDE:] == 255).all()
    np.testing.assert_array_equal(found[:, :-SIDE], pixels[[2, 4], :-SIDE])
    np.testing.assert_array_equal(pixels, before)
