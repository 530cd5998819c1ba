"""A digit, a small network, and the gradient that the network gives it."""

import numpy as np
import pytest
import tensorflow as tf

from tff_health.data.embedded import read_digits


@pytest.fixture(scope="session")
def digits():
    return read_digits()


@pytest.fixture(scope="session")
def network():
    layers = tf.keras.layers
    tf.keras.utils.set_random_seed(0)
    return tf.keras.Sequential(
        [
            layers.InputLayer((28, 28, 1)),
            layers.Conv2D(6, 5, strides=2, padding="same", activation="sigmoid"),
            layers.Flatten(),
            layers.Dense(10),
        ]
    )


@pytest.fixture(scope="session")
def digit(digits):
    """A three: float32 (1, 28, 28, 1) and its label (1,)."""
    return digits.pixels[3:4] / np.float32(255), digits.labels[3:4]
