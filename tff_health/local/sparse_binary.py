"""Sparse binary compression: a few coordinates, all of one value (Asad et al. 2020, Algorithm 1).

Of a vector x of m numbers and a share q, the k = max(1, round(q m)) largest numbers and the k
smallest are compared by the magnitudes of their means. The side with the larger mean is kept, its
coordinates all set to that mean; everything else becomes 0. What is lost, x minus that, is added
to the next vector by who compresses ("error feedback"), so that nothing is lost for good.

The rule is that of Sattler et al. 2019 ("sparse binary compression"), which Asad et al. take over.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from crypto.encoding.fixed_point import FixedPoint
from tff_health.local import quantisation


@dataclass(frozen=True)
class Compressed:
    """A vector of few coordinates of one value.

    Attributes:
        positions: int32 (k,), each once, in no order.
        value: float32 scalar.
    """

    positions: tf.Tensor
    value: tf.Tensor

    def dense(self, size: int) -> tf.Tensor:
        """Returns the vector, float32 (size,)."""
        values = tf.fill(tf.shape(self.positions), self.value)
        return tf.scatter_nd(self.positions[:, tf.newaxis], values, [size])


def num_kept(size: int, share: float) -> int:
    """Returns k."""
    return max(1, round(share * size))


def compress(vector: tf.Tensor, share: float) -> Compressed:
    """Compresses.

    Args:
        vector: float32 (m,), finite.
        share: q, above 0 and up to 1.
    """
    count = num_kept(vector.shape[0], share)
    positive, negative = tf.math.top_k(vector, count), tf.math.top_k(-vector, count)
    means = tf.reduce_mean(positive.values), tf.reduce_mean(negative.values)
    is_positive = means[0] >= means[1]
    return Compressed(
        tf.where(is_positive, positive.indices, negative.indices),
        tf.where(is_positive, means[0], -means[1]),
    )


def compress_encoded(vector: tf.Tensor, share: float, encoding: FixedPoint) -> Compressed:
    """Compresses to a value that is within the encoding's clip range and exact in fixed point."""
    compressed = compress(vector, share)
    value, _ = quantisation.clip(compressed.value, encoding)
    one = tf.constant(1, tf.int64)
    value = quantisation.decode_mean(quantisation.encode(value, encoding), one, encoding)
    return Compressed(compressed.positions, value)


def feed_back(
    update: Any, kept: tf.Tensor, rule: Callable[[tf.Tensor], Compressed]
) -> tuple[Any, tf.Tensor]:
    """Compresses an update together with what earlier ones lost; run by the client.

    Args:
        update: float32 tensors, together of m numbers. One that is not finite is passed on as it
            is, for the mean to leave out, and changes nothing in what is kept.
        kept: float32 (m,), what compression lost so far.
        rule: compresses float32 (m,).

    Returns:
        what is sent, in the structure of `update`, and what is kept from now on.
    """
    given = flatten(update)
    finite = tf.reduce_all(tf.math.is_finite(given))
    total = kept + tf.where(finite, given, tf.zeros_like(given))
    sent = rule(total).dense(kept.shape[0])
    lost = tf.where(finite, total - sent, kept)
    return unflatten(tf.where(finite, sent, given), update), lost


def compress_mean(mean: Any, lost: tf.Tensor, share: float) -> tuple[Any, tf.Tensor, tf.Tensor]:
    """Compresses the mean of updates with what earlier ones lost; run by the server.

    Args:
        mean: float32 tensors, together of m numbers.
        lost: float32 (m,), what compression lost so far.
        share: of the coordinates that are kept, above 0 and up to 1.

    Returns:
        what is sent, in the structure of `mean`; what is lost from now on; and the positions at
        which something is sent, int32 (k,).
    """
    total = lost + flatten(mean)
    compressed = compress(total, share)
    dense = compressed.dense(lost.shape[0])
    return unflatten(dense, mean), total - dense, compressed.positions


def flatten(tensors: Any) -> tf.Tensor:
    """Returns all numbers of a structure, one after the other."""
    return tf.concat([tf.reshape(tensor, [-1]) for tensor in tf.nest.flatten(tensors)], 0)


def unflatten(vector: tf.Tensor, like: Any) -> Any:
    """Returns what `flatten` took apart, in the structure and shapes of `like`."""
    tensors = tf.nest.flatten(like)
    parts = tf.split(vector, [tensor.shape.num_elements() for tensor in tensors])
    shaped = [tf.reshape(part, tensor.shape) for part, tensor in zip(parts, tensors, strict=True)]
    return tf.nest.pack_sequence_as(like, shaped)
