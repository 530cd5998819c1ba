"""Metrics as integers, so that they can be summed securely, in few bits.

Metrics are sums that clients accumulate: of losses, of hits, of examples. A count is summed as it
is; a float is rounded to a multiple of a power of two. Both saturate.
"""

import math
from dataclasses import dataclass

import tensorflow as tf

_MAX_BITS = 53  # float64 holds every integer of so many
_LARGEST_LOSS = 16.0  # nats an example, e.g. a probability of 10^-7 for the true class


@dataclass(frozen=True)
class MetricEncoding:
    """How floats and integers, none of them negative, become integers of so many bits.

    Attributes:
        bits: of one client's numbers, 1 to 53.
        max_examples: the most examples that a client evaluates. Counts saturate at 2^bits - 1,
            floats at a power of two above 16 times this number. NaN counts as the largest float, a
            negative number as 0.

    Raises:
        ValueError: for settings out of these ranges.
    """

    bits: int
    max_examples: int

    def __post_init__(self) -> None:
        if not 1 <= self.bits <= _MAX_BITS:
            raise ValueError(f"bits={self.bits} must lie in 1..{_MAX_BITS}")
        if self.max_examples < 1:
            raise ValueError(f"max_examples={self.max_examples} must be at least 1")

    @classmethod
    def beside(cls, modulus_bits: int, max_clients: int, max_examples: int) -> "MetricEncoding":
        """Returns that in as many bits as updates have, so that metrics widen no sum.

        Args:
            modulus_bits: k of the sum of updates.
            max_clients: the most clients in one sum.
            max_examples: as above.
        """
        spare = modulus_bits - math.ceil(math.log2(max_clients))
        return cls(max(spare, max_examples.bit_length()), max_examples)

    @property
    def fraction_bits(self) -> int:
        """Floats are rounded to multiples of 2^-fraction_bits; may be negative."""
        return self.bits - math.ceil(math.log2(_LARGEST_LOSS * self.max_examples + 1))

    def encode(self, value: tf.Tensor) -> tf.Tensor:
        """Encodes floats or integers of any shape; returns int64, 0 to 2^bits - 1."""
        largest = (1 << self.bits) - 1
        if value.dtype.is_floating:
            scaled = tf.round(tf.cast(value, tf.float64) * 2.0**self.fraction_bits)
            scaled = tf.where(tf.math.is_nan(scaled), tf.cast(largest, tf.float64), scaled)
            return tf.cast(tf.clip_by_value(scaled, 0.0, float(largest)), tf.int64)
        return tf.clip_by_value(tf.cast(value, tf.int64), 0, largest)

    def decode(self, total: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
        """Decodes a sum of what `encode` gave for values of this dtype."""
        if dtype.is_floating:
            return tf.cast(tf.cast(total, tf.float64) * 2.0**-self.fraction_bits, dtype)
        return tf.cast(total, dtype)
