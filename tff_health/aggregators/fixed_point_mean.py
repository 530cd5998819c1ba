"""The mean of clients' updates over a secure sum of fixed-point numbers.

Each client clips its update, encodes it (`quantisation.py`), multiplies it with its weight, an
integer, and contributes the product to a secure sum and the weight to another one. The sum of the
updates is modulo 2^k, as protocols that mask compute it, or one of integers from 0 on, as
homomorphic encryption adds them: then products are shifted by the largest magnitude that they can
have. k follows from the encoding, the largest weight and the number of clients, so that no sum can
leave its range; what cannot be represented is refused when the process is built. The mean is the
same, bit for bit.

A client whose update is not finite contributes zeros, with weight 0.
"""

import math
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from crypto.encoding.fixed_point import FixedPoint
from tff_health.aggregators import quantisation
from tff_health.aggregators.finite_mean import all_finite

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


class FixedPointMean(tff.aggregators.UnweightedAggregationFactory):
    """Factory of plain means; see `WeightedFixedPointMean` for all else.

    Args:
        encoding: of the updates.
        num_clients: the most clients that can be in one sum; more of them are an error.
        modular: whether updates are summed as residues, or else as integers from 0 on.

    Raises:
        crypto.errors.CapacityError: if sums over so many clients need more than 62 bits.
    """

    def __init__(self, encoding: FixedPoint, num_clients: int, *, modular: bool = True) -> None:
        self._mean = _Mean(encoding, num_clients, WeightEncoding(1), modular)

    @property
    def modulus_bits(self) -> int:
        """k; sums are modulo 2^k."""
        return self._mean.modulus_bits

    def create(self, value_type: tff.Type) -> tff.templates.AggregationProcess:
        """Builds the process.

        Raises:
            TypeError: if updates are not float32 tensors of known shapes.
        """
        return _build_process(self._mean, value_type, None)


class WeightedFixedPointMean(tff.aggregators.WeightedAggregationFactory):
    """Factory of weighted means.

    Measurements of a round are sums over its survivors, `weight_sum`, `clipped_coordinates` and
    `non_finite_updates`, and two numbers that follow from the types: `modulus_bits`, and
    `payload_bytes`, the length of one client's coordinates at k bits each.

    Args:
        encoding: of the updates.
        num_clients: the most clients that can be in one sum; more of them are an error.
        weights: how weights become integers.

    Raises:
        crypto.errors.CapacityError: if sums over so many clients need more than 62 bits.
    """

    def __init__(self, encoding: FixedPoint, num_clients: int, weights: WeightEncoding) -> None:
        self._mean = _Mean(encoding, num_clients, weights)

    @property
    def modulus_bits(self) -> int:
        """k; sums are modulo 2^k."""
        return self._mean.modulus_bits

    def create(
        self, value_type: tff.Type, weight_type: tff.Type
    ) -> tff.templates.AggregationProcess:
        """Builds the process; weights are scalars of any numeric dtype.

        Raises:
            TypeError: if updates are not float32 tensors of known shapes.
        """
        return _build_process(self._mean, value_type, weight_type)


@dataclass(frozen=True)
class _Mean:
    """The mathematics of one mean: what a client contributes, and how the server reads the sum."""

    encoding: FixedPoint
    num_clients: int
    weights: WeightEncoding
    modular: bool = True

    def __post_init__(self) -> None:
        if self.encoding.bound == 0:
            raise ValueError(
                f"clip_range={self.encoding.clip_range} with {self.encoding.fraction_bits} "
                "fraction bits encodes everything as 0"
            )
        self.encoding.required_bits(self.num_clients, self.weights.max_weight)

    @property
    def modulus_bits(self) -> int:
        return self.encoding.required_bits(self.num_clients, self.weights.max_weight)

    def contribute(self, update: Any, weight: tf.Tensor) -> "OrderedDict[str, Any]":
        """Run by a client."""
        tensors = tf.nest.flatten(update)
        finite = all_finite(tensors)
        weight = tf.where(finite, self.weights.encode(weight), tf.constant(0, tf.int64))
        tensors = [tf.where(finite, tensor, tf.zeros_like(tensor)) for tensor in tensors]
        clipped, changed = zip(
            *(quantisation.clip(tensor, self.encoding) for tensor in tensors), strict=True
        )
        summands = [self._summand(quantisation.encode(t, self.encoding) * weight) for t in clipped]
        return OrderedDict(
            update=tf.nest.pack_sequence_as(update, summands),
            weight=weight,
            clipped=tf.add_n(changed),
            non_finite=tf.cast(tf.logical_not(finite), tf.int32),
            contributors=tf.constant(1, tf.int32),
        )

    def read(self, sums: Any, weight: tf.Tensor, contributors: tf.Tensor) -> Any:
        """Run by the server."""
        fits = tf.debugging.assert_less_equal(
            contributors,
            self.num_clients,
            f"a fixed-point mean made for {self.num_clients} clients was given more",
        )
        with tf.control_dependencies([fits]):
            shift = tf.cast(contributors, tf.int64) * self.largest
            return tf.nest.map_structure(lambda total: self._mean_of(total, weight, shift), sums)

    def sum(self, summands: Any) -> Any:
        """Declares the secure sum of the updates."""
        if self.modular:
            modulus = self.dtype.as_numpy_dtype(1 << self.modulus_bits)
            return tff.backends.mapreduce.federated_secure_modular_sum(summands, modulus)
        return tff.federated_secure_sum(summands, 2 * self.largest)

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


def _build_process(
    mean: _Mean, value_type: tff.Type, weight_type: tff.Type | None
) -> tff.templates.AggregationProcess:
    specs = tf.nest.flatten(tff.types.type_to_tf_tensor_specs(value_type))
    if not specs or any(s.dtype != tf.float32 or not s.shape.is_fully_defined() for s in specs):
        raise TypeError(
            f"updates must be float32 tensors of known shapes, and these are {value_type}"
        )
    size = sum(spec.shape.num_elements() for spec in specs)
    clipped_bits = max(1, size.bit_length())

    @tff.federated_computation
    def initialize():  # type: ignore[no-untyped-def]
        return tff.federated_value((), tff.SERVER)

    @tff.tensorflow.computation(value_type, weight_type or np.int32)
    def contribute(update, weight):  # type: ignore[no-untyped-def]
        return mean.contribute(update, weight)

    @tff.tensorflow.computation
    def measure(weight, clipped, non_finite):  # type: ignore[no-untyped-def]
        return OrderedDict(
            weight_sum=tf.cast(mean.weights.decode(weight), tf.float32),
            clipped_coordinates=clipped,
            non_finite_updates=non_finite,
            modulus_bits=tf.constant(mean.modulus_bits),
            payload_bytes=tf.constant(math.ceil(size * mean.modulus_bits / 8), tf.int64),
        )

    read = tff.tensorflow.computation(mean.read)

    def aggregate(state, given):  # type: ignore[no-untyped-def]
        sums = mean.sum(given["update"])
        weight = tff.federated_secure_sum(given["weight"], mean.weights.max_weight)
        contributors = tff.federated_secure_sum_bitwidth(given["contributors"], 1)
        clipped = tff.federated_secure_sum_bitwidth(given["clipped"], clipped_bits)
        non_finite = tff.federated_secure_sum_bitwidth(given["non_finite"], 1)
        return tff.templates.MeasuredProcessOutput(
            state,
            tff.federated_map(read, (sums, weight, contributors)),
            tff.federated_map(measure, (weight, clipped, non_finite)),
        )

    state_type = initialize.type_signature.result
    values = tff.FederatedType(value_type, tff.CLIENTS)
    if weight_type is None:

        @tff.federated_computation(state_type, values)
        def next_unweighted(state, update):  # type: ignore[no-untyped-def]
            one = tff.federated_value(1, tff.CLIENTS)
            return aggregate(state, tff.federated_map(contribute, (update, one)))

        return tff.templates.AggregationProcess(initialize, next_unweighted)

    @tff.federated_computation(state_type, values, tff.FederatedType(weight_type, tff.CLIENTS))
    def next_weighted(state, update, weight):  # type: ignore[no-untyped-def]
        return aggregate(state, tff.federated_map(contribute, (update, weight)))

    return tff.templates.AggregationProcess(initialize, next_weighted)
