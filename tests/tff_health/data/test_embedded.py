import numpy as np
from sklearn.datasets import load_digits

from tff_health.data import embedded


def test_digits():
    images = embedded.read_digits()
    assert images.pixels.shape == (1797, 28, 28, 1)
    assert np.array_equal(images.labels, load_digits().target)
    assert images.num_classes == 10
    assert images.groups is None
    assert images.is_test is None


def test_digits_keep_their_brightness():
    small = load_digits().images
    scaled = embedded.read_digits().pixels
    # Each pixel becomes 3.5 x 3.5 of them; only roundings and the edges change the mean.
    means = scaled.mean(axis=(1, 2, 3)) - small.mean(axis=(1, 2)) * 255 / 16
    assert np.abs(means).max() < 6
    assert scaled.min() == 0
    assert scaled.max() == 255


def test_digits_are_always_the_same():
    digest = "5552a30b054527bd83c3a691a6a8a63cd86e1eb3930262b40e30c57b2ae50a1e"
    assert embedded.read_digits().digest == digest
