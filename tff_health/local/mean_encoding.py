"""The mean of clients' updates over a sum of fixed-point numbers: the mathematics of both sides.

Each client clips its update, each coordinate and perhaps the norm, encodes it (`quantisation.py`),
multiplies it with its weight, an integer, and contributes the product to a sum and the weight to
another one. The sum of the updates is modulo 2^k, as protocols that mask compute it, or one of
integers from 0 on, as homomorphic encryption adds them: then products are shifted by the largest
magnitude that they can have. k follows from the encoding, the largest weight and the number of
clients, so that no sum can leave its range; what cannot be represented is refused beforehand. The
mean is the same, bit for bit.

A client whose update is not finite contributes zeros, with weight 0.
"""

import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from crypto.encoding.fixed_point import FixedPoint
from tff_health.local import quantisation
from tff_health.local.finite import all_finite

_INT32_BITS = 31
_EXACT_INTEGERS = 2**53  # float64 holds every integer up to here


@dataclass(frozen=True)
class WeightEncoding:
    """Update weights as integers: round(w 10^decimals), at most `largest` 10^decimals.

    Attributes:
        largest: the largest weight; larger ones count as this, negative ones and NaN as 0.
        decimals: decimal places that are kept.

    Raises:
        ValueError: if `largest` is no number, or becomes no integer from 1 to 2^53.
    """

    largest: float
    decimals: int = 0

    def __post_init__(self) -> None:
        if self.decimals < 0 or not (
            math.isfinite(self.largest) and 1 <= self.max_weight <= _EXACT_INTEGERS
        ):
            raise ValueError(
                f"largest={self.largest}, decimals={self.decimals}: weights must become integers, "
                "the largest of them from 1 to 2^53"
            )

    @property
    def max_weight(self) -> int:
        """The largest integer."""
        return round(self.largest * 10**self.decimals)

    def encode(self, weight: tf.Tensor) -> tf.Tensor:
        """Encodes a scalar of any numeric dtype; returns int64, 0 to `max_weight`."""
        weight = tf.cast(weight, tf.float64)
        weight = tf.where(tf.math.is_nan(weight), tf.zeros_like(weight), weight)
        scaled = tf.round(tf.clip_by_value(weight, 0.0, self.largest) * 10.0**self.decimals)
        return tf.cast(scaled, tf.int64)

    def decode(self, weight: tf.Tensor) -> tf.Tensor:
        """Decodes an integer weight, or a sum of them; returns float64."""
        return tf.cast(weight, tf.float64) / 10.0**self.decimals


@dataclass(frozen=True)
class MeanEncoding:
    """The mathematics of one mean: what a client contributes, and how the server reads the sum.

    Attributes:
        encoding: of the updates.
        num_clients: the most clients that can be in one sum.
        weights: how weights become integers.
        modular: whether updates are summed as residues, or else as integers from 0 on.
        norm_bound: L2 norm that encoded updates may have, before they are weighted; 0 for any.

    Raises:
        ValueError: if everything would be encoded as 0.
        crypto.errors.CapacityError: if sums over so many clients need more than 62 bits.
    """

    encoding: FixedPoint
    num_clients: int
    weights: WeightEncoding
    modular: bool = True
    norm_bound: float = 0.0

    def __post_init__(self) -> None:
        if self.encoding.bound == 0:
            raise ValueError(
                f"clip_range={self.encoding.clip_range} with {self.encoding.fraction_bits} "
                "fraction bits encodes everything as 0"
            )
        self.encoding.required_bits(self.num_clients, self.weights.max_weight)

    @property
    def modulus_bits(self) -> int:
        """k; sums are modulo 2^k."""
        return self.encoding.required_bits(self.num_clients, self.weights.max_weight)

    def contribute(self, update: Any, weight: tf.Tensor) -> "OrderedDict[str, Any]":
        """Returns what a client contributes to the sums; run by a client.

        Args:
            update: float32 tensors, any structure.
            weight: a scalar of any numeric dtype.

        Returns:
            integers: `update`, of `dtype`, in its structure; `weight`, int64; and int32 scalars,
            `clipped` coordinates, `non_finite`, 1 if the update was not finite, and
            `contributors`, 1.
        """
        tensors = tf.nest.flatten(update)
        finite = all_finite(tensors)
        weight = tf.where(finite, self.weights.encode(weight), tf.constant(0, tf.int64))
        tensors = [tf.where(finite, tensor, tf.zeros_like(tensor)) for tensor in tensors]
        clipped, changed = zip(
            *(quantisation.clip(tensor, self.encoding) for tensor in tensors), strict=True
        )
        kept = self._clip_norm(clipped) if self.norm_bound else clipped
        summands = [self._summand(quantisation.encode(t, self.encoding) * weight) for t in kept]
        return OrderedDict(
            update=tf.nest.pack_sequence_as(update, summands),
            weight=weight,
            clipped=tf.add_n(changed),
            non_finite=tf.cast(tf.logical_not(finite), tf.int32),
            contributors=tf.constant(1, tf.int32),
        )

    def norm_before_rounding(self, size: int) -> float:
        """Returns the L2 norm to which an update is clipped, so that it is bounded once rounded.

        Args:
            size: coordinates of an update.

        Raises:
            ValueError: if roundings alone may exceed the bound.
        """
        left = self.norm_bound - (math.sqrt(size) / 2 + 1) * 2.0**-self.encoding.fraction_bits
        if left <= 0:
            raise ValueError(
                f"norm_bound={self.norm_bound}: {size} coordinates, rounded to multiples of 2^-"
                f"{self.encoding.fraction_bits}, may have a larger norm by rounding alone: raise "
                "--norm_bound or --fraction_bits"
            )
        return left * (1 - 2.0**-20)  # float32 rounds again

    def read(self, sums: Any, weight: tf.Tensor, contributors: tf.Tensor) -> Any:
        """Returns the mean; run by the server.

        Args:
            sums: of what clients contributed as `update`, integer tensors.
            weight: the sum of their weights, int64 scalar.
            contributors: how many they were, an integer scalar.

        Returns:
            float32 tensors in the structure of `sums`; zeros if all weights are 0.
        """
        fits = tf.debugging.assert_less_equal(
            contributors,
            self.num_clients,
            f"a fixed-point mean made for {self.num_clients} clients was given more",
        )
        with tf.control_dependencies([fits]):
            shift = tf.cast(contributors, tf.int64) * self.largest
            return tf.nest.map_structure(lambda total: self._mean_of(total, weight, shift), sums)

    def clipped_bits(self, size: int) -> int:
        """Returns the bits of a number of clipped coordinates, of `size` in all."""
        return max(1, size.bit_length())

    def _clip_norm(self, tensors: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        size = sum(tensor.shape.num_elements() for tensor in tensors)
        largest = self.norm_before_rounding(size)
        doubles = [tf.cast(tensor, tf.float64) for tensor in tensors]
        norm = tf.sqrt(tf.add_n([tf.reduce_sum(tf.square(one)) for one in doubles]))
        scale = tf.minimum(tf.constant(1.0, tf.float64), largest / tf.maximum(norm, largest))
        return [
            tf.where(norm > largest, tf.cast(one * scale, tf.float32), tensor)
            for one, tensor in zip(doubles, tensors, strict=True)
        ]

    def _summand(self, integers: tf.Tensor) -> tf.Tensor:
        if self.modular:
            integers = tf.bitwise.bitwise_and(integers, (1 << self.modulus_bits) - 1)
        else:
            integers += self.largest
        return tf.cast(integers, self.dtype)

    def _mean_of(self, total: tf.Tensor, weight: tf.Tensor, shift: tf.Tensor) -> tf.Tensor:
        total = tf.cast(total, tf.int64)
        integers = total - shift
        if self.modular:
            integers = quantisation.centred(total, self.modulus_bits)
        return quantisation.decode_mean(integers, weight, self.encoding)

    @property
    def largest(self) -> int:
        """The largest magnitude of an update's coordinate times its weight."""
        return self.encoding.bound * self.weights.max_weight

    @property
    def dtype(self) -> tf.DType:
        """Of the summands: the shortest that holds the modulus, which sums stay below."""
        return tf.int32 if self.modulus_bits < _INT32_BITS else tf.int64
