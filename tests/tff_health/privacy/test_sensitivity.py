"""No example moves the clipped sum by more than the clipping norm."""

import functools

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tff_health.privacy.oracles import CLASSES, flat, losses_of, randomise
from tff_health.privacy.clipped_sum import fast_clipped_sum

L = tf.keras.layers
N = 6
SHAPE = (6, 6, 2)


def network():
    layers = [
        L.InputLayer(SHAPE),
        L.Conv2D(4, 3, padding="same"),
        L.GroupNormalization(2),
        L.ReLU(),
        L.Conv2D(3, 3, strides=2),
        L.Flatten(),
        L.Dense(CLASSES),
    ]
    return randomise(tf.keras.Sequential(layers))


# Built with the tests and not on import: TFF builds models in graphs, after which Keras declares
# those invalid that other test files of the same process built before.
@pytest.fixture(scope="module")
def clipped():
    model = network()

    @tf.function
    def clipped(images, labels, clipping_norm):
        return fast_clipped_sum(model, losses_of, images, labels, clipping_norm, chunk=4)

    return clipped


def clipped_in_pairs(model, images, labels, clipping_norm):
    """What microbatches of two examples give: each is clipped as a whole, and stands for two."""
    with tf.GradientTape() as tape:
        losses = tf.reduce_mean(tf.reshape(losses_of(labels, model(images)), [-1, 2]), axis=1)
    jacobian = tape.jacobian(losses, model.trainable_variables)
    rows = tf.concat([tf.reshape(j, [tf.shape(losses)[0], -1]) for j in jacobian], axis=1)
    factors = clipping_norm / tf.maximum(clipping_norm, tf.norm(rows, axis=1, keepdims=True))
    return [2.0 * tf.reduce_sum(rows * factors, axis=0)]


def distance(clipped_sum, seed, scale, clipping_norm, others):
    """Returns how far the sum moves when the first of N examples gives way to `others`."""
    rng = np.random.default_rng(seed)
    images = (scale * rng.normal(size=(N + 1, *SHAPE))).astype(np.float32)
    labels = rng.integers(0, CLASSES, N + 1).astype(np.int32)

    def total(rows):
        norm = tf.constant(clipping_norm, tf.float32)
        return flat(clipped_sum(tf.constant(images[rows]), tf.constant(labels[rows]), norm))

    rest = list(range(1, N))
    return np.linalg.norm(total([0, *rest]) - total([*others, *rest]))


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    scale=st.sampled_from([1e-3, 1.0, 30.0, 1e4]),
    clipping_norm=st.sampled_from([1e-3, 0.1, 1.0, 100.0]),
)
def test_an_example_moves_the_sum_by_at_most_the_clipping_norm(clipped, seed, scale, clipping_norm):
    drawn = seed, scale, clipping_norm
    assert distance(clipped, *drawn, others=[]) <= 1.0001 * clipping_norm
    assert distance(clipped, *drawn, others=[N]) <= 2.0001 * clipping_norm


def test_the_bound_is_reached(clipped):
    assert distance(clipped, 0, 1.0, 1e-3, others=[]) == pytest.approx(1e-3, rel=1e-3)


def test_microbatches_of_two_would_be_noticed():
    in_pairs = tf.function(functools.partial(clipped_in_pairs, network()))
    moved = [distance(in_pairs, seed, 1.0, 1e-3, others=[N]) for seed in range(10)]
    assert max(moved) > 2.0001e-3
