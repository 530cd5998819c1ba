"""A network of one's own: `--model=examples.own_model:small`."""

import tensorflow as tf


def small(input_shape, num_classes):
    """Returns a Keras model, not compiled."""
    return tf.keras.Sequential(
        [
            tf.keras.layers.InputLayer(input_shape),  # float32 in [0, 1]
            tf.keras.layers.Flatten(),
            tf.keras.layers.Dense(num_classes),  # logits
        ]
    )
