"""A small network for differentially private training.

Bounded activations keep gradients small, so that clipping changes them less (Papernot et al. 2021,
"Tempered sigmoid activations for deep learning with differential privacy"). No batch statistics:
they would mix the examples that are to be protected from each other.
"""

import tensorflow as tf


def build(input_shape: tuple[int, int, int], num_classes: int) -> tf.keras.Model:
    """Returns the network (26,010 parameters for 28x28x1 and 10 classes); it gives logits."""
    layers = tf.keras.layers
    return tf.keras.Sequential(
        [
            layers.InputLayer(input_shape),
            layers.Conv2D(16, 8, strides=2, padding="same", activation="tanh"),
            layers.MaxPool2D(2, 1),
            layers.Conv2D(32, 4, strides=2, padding="valid", activation="tanh"),
            layers.MaxPool2D(2, 1),
            layers.Flatten(),
            layers.Dense(32, activation="tanh"),
            layers.Dense(num_classes),
        ],
        name="tanh_cnn",
    )
