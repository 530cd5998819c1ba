"""A client's share of the noise that makes a secure sum private (Kairouz, Liu, Steinke 2021).

The sum is one of integers, so the noise must be, too: a real number would be rounded away, or leave
in its low bits what it was added to. Each client rounds to the grid of the sum and adds a discrete
Gaussian; TF Privacy draws it. The sum of k such shares of variance s^2 each is, but for a part that
is below exp(-2 pi^2 s^2) and thus nothing at s above 10, a discrete Gaussian of variance k s^2,
which hides as well as the continuous one (Canonne, Kamath, Steinke 2020, theorem 7).
"""

import math
from collections.abc import Sequence
from typing import Any

import tensorflow as tf
from tensorflow_privacy.privacy.dp_query import discrete_gaussian_utils


def add_discrete_noise(
    values: Sequence[tf.Tensor],
    sensitivity: tf.Tensor,
    noise_multiplier: float,
    shares: int,
    fraction_bits: int,
) -> list[tf.Tensor]:
    """Returns the values on the grid of a secure sum, with one client's share of the noise.

    Rounding may move each of the d coordinates by half a step, so that two sums that differed by
    `sensitivity` differ by up to sqrt(d) steps more; the noise is scaled for that.

    Args:
        values: float32 tensors, together of d coordinates; what the client would contribute.
        sensitivity: float32 scalar, the largest L2 norm of what one unit adds to them all.
        noise_multiplier: z, standard deviation of the whole noise / sensitivity; 0 for no noise.
        shares: how many clients' shares must suffice.
        fraction_bits: the grid has steps of 2^-fraction_bits.

    Returns:
        float32 tensors of the same shapes: multiples of the step, exact below 2^24 steps. The noise
        comes from TensorFlow's generator, which the operating system seeds.
    """
    steps = 2.0**fraction_bits
    size = sum(value.shape.num_elements() for value in values)
    whole = tf.cast(sensitivity, tf.float64) * steps + math.sqrt(size)

    def noisy(value: tf.Tensor) -> tf.Tensor:
        integers = tf.cast(tf.round(tf.cast(value, tf.float64) * steps), tf.int64)
        integers += noise_share(tf.shape(value), whole, noise_multiplier, shares)
        return tf.ensure_shape(tf.cast(integers, tf.float32) / steps, value.shape)

    return [noisy(value) for value in values]


def noise_share(
    shape: Any, sensitivity: tf.Tensor | float, noise_multiplier: float, shares: int
) -> tf.Tensor:
    """Returns one client's share of the noise, int64 of this shape, drawn as `add_discrete_noise`.

    Args:
        shape: of the tensor.
        sensitivity: the largest L2 norm of what one unit adds, in integers.
        noise_multiplier: z, standard deviation of the whole noise / sensitivity; 0 for no noise.
        shares: how many clients' shares must suffice.

    A share's standard deviation must be at most `privacy.mechanism.MAX_SHARE`.
    """
    deviation = noise_multiplier * tf.cast(sensitivity, tf.float64) / math.sqrt(shares)
    scale = tf.cast(tf.math.ceil(deviation), tf.int32)
    return discrete_gaussian_utils.sample_discrete_gaussian(scale, shape, tf.int64)
