"""The mean of updates weighted by data quality (Zhang et al., eqs. (12)-(15), (24)).

The server keeps the last global update, which clients compare theirs with; a client knows it from
the last two global models that it was sent. Qualities are the weights of a fixed-point mean, and
the server learns their sum alone.
"""

from collections import OrderedDict

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from crypto.encoding.fixed_point import FixedPoint
from tff_health.aggregators.fixed_point_mean import WeightedFixedPointMean, WeightEncoding
from tff_health.local.quality import QualityRule, normalised_distance


class QualityWeightedMean(tff.aggregators.UnweightedAggregationFactory):
    """Factory of means weighted by quality.

    Measurements are those of `WeightedFixedPointMean`, whose `weight_sum` is the sum of qualities,
    and `global_distance`, eq. (13), which the paper asserts to be near zero.

    Args:
        encoding: of the updates.
        num_clients: the most clients that can be in one sum.
        rule: how quality is computed.
        decimals: decimal places of a quality that are kept, the paper's n.
        norm_bound: L2 norm to which updates are clipped before they are encoded; 0 for none.

    Raises:
        crypto.errors.CapacityError: if sums over so many clients need more than 62 bits.
    """

    def __init__(
        self,
        encoding: FixedPoint,
        num_clients: int,
        rule: QualityRule,
        decimals: int,
        *,
        norm_bound: float = 0.0,
    ) -> None:
        weights = WeightEncoding(rule.largest, decimals)
        self._mean = WeightedFixedPointMean(encoding, num_clients, weights, norm_bound=norm_bound)
        self._rule = rule

    @property
    def modulus_bits(self) -> int:
        """k; sums are modulo 2^k."""
        return self._mean.modulus_bits

    def create(self, value_type: tff.Type) -> tff.templates.AggregationProcess:
        """Builds the process; its state is the last global update and the number of rounds.

        Raises:
            TypeError: if updates are not float32 tensors.
        """
        mean = self._mean.create(value_type, tff.TensorType(np.float64))
        specs = tff.types.type_to_tf_tensor_specs(value_type)

        @tff.tensorflow.computation
        def nothing():  # type: ignore[no-untyped-def]
            zeros = tf.nest.map_structure(lambda spec: tf.zeros(spec.shape, spec.dtype), specs)
            return OrderedDict(last_update=zeros, rounds=tf.constant(0))

        @tff.federated_computation
        def initialize():  # type: ignore[no-untyped-def]
            return tff.federated_eval(nothing, tff.SERVER)

        state_type = initialize.type_signature.result.member

        @tff.tensorflow.computation(value_type, state_type)
        def quality(update, state):  # type: ignore[no-untyped-def]
            return self._rule.quality(update, state["last_update"], state["rounds"])

        @tff.tensorflow.computation(state_type, value_type)
        def advance(state, update):  # type: ignore[no-untyped-def]
            return OrderedDict(last_update=update, rounds=state["rounds"] + 1)

        measured_type = mean.next.type_signature.result.measurements.member

        @tff.tensorflow.computation(state_type, value_type, measured_type)
        def measure(state, update, measured):  # type: ignore[no-untyped-def]
            change = self._rule.change(state["rounds"])
            distance = normalised_distance(update, state["last_update"], change)
            return OrderedDict(measured, global_distance=distance)

        @tff.federated_computation(
            initialize.type_signature.result, tff.FederatedType(value_type, tff.CLIENTS)
        )
        def next_mean(state, update):  # type: ignore[no-untyped-def]
            weight = tff.federated_map(quality, (update, tff.federated_broadcast(state)))
            output = mean.next(mean.initialize(), update, weight)
            return tff.templates.MeasuredProcessOutput(
                tff.federated_map(advance, (state, output.result)),
                output.result,
                tff.federated_map(measure, (state, output.result, output.measurements)),
            )

        return tff.templates.AggregationProcess(initialize, next_mean)
