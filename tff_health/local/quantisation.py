"""Fixed-point encoding in TensorFlow: `crypto/encoding/fixed_point`, computed where updates are.

Equal to `crypto`'s NumPy bit for bit: both scale by 2^f, which is exact, and round half to even.
"""

import numpy as np
import tensorflow as tf

from crypto.encoding.fixed_point import FixedPoint


def largest_encodable(encoding: FixedPoint) -> np.float32:
    """Returns the largest float32 within the clip range."""
    limit = np.float32(encoding.clip_range)
    if limit > encoding.clip_range:
        limit = np.nextafter(limit, np.float32(0))
    return limit


def clip(values: tf.Tensor, encoding: FixedPoint) -> tuple[tf.Tensor, tf.Tensor]:
    """Clips to the encoding's range; run by a client.

    Args:
        values: float32, any shape, no NaN.
        encoding: its clip range counts.

    Returns:
        the clipped values, float32, and how many of them were changed, int32. TensorFlow takes
        subnormal numbers for zero, which is what they are encoded as.
    """
    limit = largest_encodable(encoding)
    changed = tf.math.count_nonzero(tf.abs(values) > limit, dtype=tf.int32)
    return tf.clip_by_value(values, -limit, limit), changed


def encode(values: tf.Tensor, encoding: FixedPoint) -> tf.Tensor:
    """Encodes values within the clip range; run by a client.

    Args:
        values: float32, any shape.
        encoding: its fraction bits count.

    Returns:
        int64, magnitude at most `encoding.bound`.
    """
    scaled = tf.cast(values, tf.float64) * 2.0**encoding.fraction_bits
    return tf.cast(tf.round(scaled), tf.int64)


def centred(residues: tf.Tensor, modulus_bits: int) -> tf.Tensor:
    """Returns the integers of least magnitude that stand behind residues; run by the server.

    Args:
        residues: int64, 0 to 2^k - 1, any shape.
        modulus_bits: k.

    Returns:
        int64, -2^(k-1) to 2^(k-1) - 1.
    """
    half = tf.constant(1 << (modulus_bits - 1), tf.int64)
    return tf.where(residues >= half, residues - 2 * half, residues)


def decode_mean(integers: tf.Tensor, total_weight: tf.Tensor, encoding: FixedPoint) -> tf.Tensor:
    """Decodes a weighted sum of encoded values and divides it by the sum of weights.

    Args:
        integers: int64, any shape.
        total_weight: int64 scalar, 0 or more.
        encoding: its fraction bits count.

    Returns:
        float32; zeros if the weights sum to 0.
    """
    divisor = tf.cast(total_weight, tf.float64) * 2.0**encoding.fraction_bits
    return tf.cast(tf.math.divide_no_nan(tf.cast(integers, tf.float64), divisor), tf.float32)
