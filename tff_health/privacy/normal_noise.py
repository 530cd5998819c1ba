"""Normal numbers for the continuous noise of private steps.

TensorFlow's own (2.14, `tf.random.stateless_normal`) end at 5.678 deviations, in float64 as in
float32, and one pair in ten million lies on that very radius; a run of private training draws more
than that. Here a uniform number of 52 bits goes through the inverse of the normal distribution,
which reaches beyond 8 deviations on either side.
"""

from typing import Any

import tensorflow as tf

_HALF_A_STEP = 2.0**-53  # so that neither 0 nor 1 is drawn, whose normal numbers are infinite


def standard_normal(shape: Any, stream: tf.Tensor) -> tf.Tensor:
    """Draws independent normal numbers of mean 0 and variance 1.

    Args:
        shape: of the result.
        stream: int64 (2,), seed; drawn from here and nowhere else.

    Returns:
        float32, each below 8.3 in magnitude.
    """
    uniform = tf.random.stateless_uniform(shape, stream, dtype=tf.float64)
    return tf.cast(tf.math.ndtri(uniform + _HALF_A_STEP), tf.float32)
