"""Random streams that protect something: lots and noise of private training.

TensorFlow's own `stateless_fold_in` keeps as many bits as one number of the folded type has, 32
of a Python integer, and whoever tries them all can take the noise away. Here nothing is lost.
"""

import tensorflow as tf


def fold(stream: tf.Tensor, number: tf.Tensor | int) -> tf.Tensor:
    """Returns the seed of a part of a stream, from which neither the stream nor other parts follow.

    Args:
        stream: int64 (2,), all 128 bits of it random.
        number: which part, an integer of any type, 0 to 2^63 - 1.

    Returns:
        int64 (2,), 128 bits: the output of TensorFlow's generator (Philox) for the stream moved on
        by `number`. A stream is either folded or drawn from, never both.
    """
    moved = stream + tf.stack([tf.constant(0, tf.int64), tf.cast(number, tf.int64)])
    return tf.random.stateless_uniform((2,), moved, minval=None, maxval=None, dtype=tf.int64)
