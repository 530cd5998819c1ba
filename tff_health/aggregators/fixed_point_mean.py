"""The mean of clients' updates over a secure sum of fixed-point numbers, as factories of TFF.

What clients contribute, and how the server reads the sums, is in `local.mean_encoding`.
"""

import math
from collections import OrderedDict
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from crypto.encoding.fixed_point import FixedPoint
from tff_health.local.mean_encoding import MeanEncoding, WeightEncoding

__all__ = ["FixedPointMean", "WeightEncoding", "WeightedFixedPointMean"]


class FixedPointMean(tff.aggregators.UnweightedAggregationFactory):
    """Factory of plain means; see `WeightedFixedPointMean` for all else.

    Args:
        encoding: of the updates.
        num_clients: the most clients that can be in one sum; more of them are an error.
        modular: whether updates are summed as residues, or else as integers from 0 on.
        norm_bound: L2 norm to which updates are clipped before they are encoded; 0 for none.

    Raises:
        crypto.errors.CapacityError: if sums over so many clients need more than 62 bits.
    """

    def __init__(
        self,
        encoding: FixedPoint,
        num_clients: int,
        *,
        modular: bool = True,
        norm_bound: float = 0.0,
    ) -> None:
        self._mean = MeanEncoding(encoding, num_clients, WeightEncoding(1), modular, norm_bound)

    @property
    def modulus_bits(self) -> int:
        """k; sums are modulo 2^k."""
        return self._mean.modulus_bits

    def create(self, value_type: tff.Type) -> tff.templates.AggregationProcess:
        """Builds the process.

        Raises:
            TypeError: if updates are not float32 tensors of known shapes.
            ValueError: if they have too many coordinates for the bound on their norm.
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
        norm_bound: L2 norm to which updates are clipped before they are encoded; 0 for none.

    Raises:
        crypto.errors.CapacityError: if sums over so many clients need more than 62 bits.
    """

    def __init__(
        self,
        encoding: FixedPoint,
        num_clients: int,
        weights: WeightEncoding,
        *,
        norm_bound: float = 0.0,
    ) -> None:
        self._mean = MeanEncoding(encoding, num_clients, weights, norm_bound=norm_bound)

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


def _sum(mean: MeanEncoding, summands: Any) -> Any:
    """Declares the secure sum of the updates."""
    if mean.modular:
        modulus = mean.dtype.as_numpy_dtype(1 << mean.modulus_bits)
        return tff.backends.mapreduce.federated_secure_modular_sum(summands, modulus)
    return tff.federated_secure_sum(summands, 2 * mean.largest)


def _build_process(
    mean: MeanEncoding, value_type: tff.Type, weight_type: tff.Type | None
) -> tff.templates.AggregationProcess:
    specs = tf.nest.flatten(tff.types.type_to_tf_tensor_specs(value_type))
    if not specs or any(s.dtype != tf.float32 or not s.shape.is_fully_defined() for s in specs):
        raise TypeError(
            f"updates must be float32 tensors of known shapes, and these are {value_type}"
        )
    size = sum(spec.shape.num_elements() for spec in specs)
    clipped_bits = mean.clipped_bits(size)
    if mean.norm_bound:
        mean.norm_before_rounding(size)  # raises if there is none

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
        sums = _sum(mean, given["update"])
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
