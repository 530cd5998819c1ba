"""The gradients of one variable for every example, as far as they have to be formed.

Clipping needs two things of them: their norms, and their sum weighted by the clipping
coefficients. Neither needs a second backward pass (Bu et al. 2023, "Differentially private
optimization on large model at small cost", where this is called book-keeping).
"""

from dataclasses import dataclass
from typing import Protocol

import tensorflow as tf

_LARGE = 2**16
"""Numbers in a gradient from which on memory decides how it is worked with."""


class PerExample(Protocol):
    """The gradients of one variable, one for each of n examples."""

    def squared_norms(self) -> tf.Tensor:
        """Returns the squared L2 norms, float32 (n,)."""

    def weighted_sum(self, coefficients: tf.Tensor) -> tf.Tensor:
        """Returns the sum of the gradients, each times its coefficient, in the variable's shape.

        Args:
            coefficients: float32 (n,).
        """

    def without(self, lost: tf.Tensor) -> "PerExample":
        """Returns the same with zeros, whatever there was, for some examples.

        Args:
            lost: bool (n,), true for these examples.
        """


@dataclass(frozen=True)
class Formed:
    """Gradients that were formed.

    Attributes:
        blocks: of their numbers, in order, float32 (n, ...); they are not joined, which would copy
            what is only read once.
        shape: of the variable.
    """

    blocks: tuple[tf.Tensor, ...]
    shape: tuple[int, ...]

    def squared_norms(self) -> tf.Tensor:
        """See `PerExample`."""
        return tf.add_n([tf.reduce_sum(tf.square(_rows(b)), axis=1) for b in self.blocks])

    def weighted_sum(self, coefficients: tf.Tensor) -> tf.Tensor:
        """See `PerExample`."""
        sums = [tf.linalg.matvec(_rows(b), coefficients, transpose_a=True) for b in self.blocks]
        return tf.reshape(tf.concat(sums, axis=0), self.shape)

    def without(self, lost: tf.Tensor) -> "Formed":
        """See `PerExample`."""
        return Formed(tuple(_zero_where(lost, block) for block in self.blocks), self.shape)


@dataclass(frozen=True)
class Factored:
    """Gradients as products of matrices, which are not multiplied out.

    Attributes:
        left: float32 (n, k, t).
        right: float32 (n, t, c); an example's gradient is its left times its right matrix.
        shape: of the variable; k * c numbers.
    """

    left: tf.Tensor
    right: tf.Tensor
    shape: tuple[int, ...]

    def squared_norms(self) -> tf.Tensor:
        """See `PerExample`."""
        # The squared norm of A B is the inner product of A'A and BB' (Goodfellow 2015 for t = 1).
        left = tf.matmul(self.left, self.left, transpose_a=True)
        right = tf.matmul(self.right, self.right, transpose_b=True)
        return tf.maximum(tf.reduce_sum(left * right, axis=[1, 2]), 0.0)

    def weighted_sum(self, coefficients: tf.Tensor) -> tf.Tensor:
        """See `PerExample`."""
        right = self.right * coefficients[:, tf.newaxis, tf.newaxis]
        return tf.reshape(tf.einsum("nkt,ntc->kc", self.left, right), self.shape)

    def without(self, lost: tf.Tensor) -> "Factored":
        """See `PerExample`."""
        return Factored(_zero_where(lost, self.left), _zero_where(lost, self.right), self.shape)


def of_products(lefts: list[tf.Tensor], right: tf.Tensor, shape: tuple[int, ...]) -> PerExample:
    """Returns the gradients that are products of matrices, multiplied out if that is cheaper.

    The norm needs 2 t^2 numbers of an example if they are not, and k c if they are; that decides
    for large gradients (Bu et al. 2022, "Scalable and efficient training of large convolutional
    neural networks with differential privacy", section 3). Small ones are multiplied out, which is
    faster, unless t is 1: then the norm is that of two vectors.

    Args:
        lefts: the left matrices in blocks of rows, float32 (n, k_b, t), with k_b and t known
            statically; k is the sum of the k_b.
        right: the right matrices, float32 (n, t, c).
        shape: of the variable; k * c numbers.
    """
    positions = right.shape[1]
    numbers = tf.TensorShape(shape).num_elements()
    if positions == 1 or (numbers > _LARGE and numbers > 2 * positions**2):
        return Factored(tf.concat(lefts, axis=1), right, shape)
    return Formed(tuple(tf.matmul(left, right) for left in lefts), shape)


def _rows(values: tf.Tensor) -> tf.Tensor:
    return tf.reshape(values, [-1, values.shape[1:].num_elements()])


def _zero_where(lost: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    return tf.where(tf.reshape(lost, [-1] + [1] * (len(values.shape) - 1)), 0.0, values)
