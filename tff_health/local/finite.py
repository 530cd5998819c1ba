"""Whether numbers are finite."""

from typing import Any

import tensorflow as tf


def all_finite(update: Any) -> tf.Tensor:
    """Tells whether there is neither NaN nor infinity in a structure of floats; a bool scalar."""
    return tf.reduce_all([tf.reduce_all(tf.math.is_finite(t)) for t in tf.nest.flatten(update)])
