"""Metrics, summed securely, as factories of TFF: the same sums that TFF adds in the clear.

How metrics become integers is in `local.metric_encoding`.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf
import tensorflow_federated as tff

from tff_health.local.metric_encoding import MetricEncoding


class MetricSums(tff.aggregators.UnweightedAggregationFactory):
    """Factory of sums of metrics: float and integer tensors, none of them negative.

    Args:
        bits: of one client's numbers, 1 to 53.
        max_examples: the most examples that a client evaluates. Counts saturate at 2^bits - 1,
            floats at a power of two above 16 times this number. NaN counts as the largest float, a
            negative number as 0.

    Raises:
        ValueError: for settings out of these ranges.
    """

    def __init__(self, bits: int, max_examples: int) -> None:
        self._encoding = MetricEncoding(bits, max_examples)

    def create(self, value_type: tff.Type) -> tff.templates.AggregationProcess:
        """Builds the process; its state is empty and it measures nothing.

        Raises:
            TypeError: if a metric is neither a float nor an integer.
        """
        for spec in tf.nest.flatten(tff.types.type_to_tf_tensor_specs(value_type)):
            if not (spec.dtype.is_floating or spec.dtype.is_integer):
                raise TypeError(f"metrics must be floats or integers, and one is {spec.dtype.name}")

        @tff.federated_computation
        def initialize():  # type: ignore[no-untyped-def]
            return tff.federated_value((), tff.SERVER)

        @tff.tensorflow.computation(value_type)
        def encode(values):  # type: ignore[no-untyped-def]
            return tf.nest.map_structure(self._encoding.encode, values)

        specs = tff.types.type_to_tf_tensor_specs(value_type)

        @tff.tensorflow.computation(encode.type_signature.result)
        def decode(sums):  # type: ignore[no-untyped-def]
            return tf.nest.map_structure(
                lambda total, spec: self._encoding.decode(total, spec.dtype), sums, specs
            )

        @tff.federated_computation(
            initialize.type_signature.result, tff.FederatedType(value_type, tff.CLIENTS)
        )
        def next_sum(state, values):  # type: ignore[no-untyped-def]
            encoded = tff.federated_map(encode, values)
            sums = tff.federated_secure_sum_bitwidth(encoded, self._encoding.bits)
            return tff.templates.MeasuredProcessOutput(
                state, tff.federated_map(decode, sums), tff.federated_value((), tff.SERVER)
            )

        return tff.templates.AggregationProcess(initialize, next_sum)


def training_metrics(sums: MetricSums) -> tff.learning.metrics.MetricsAggregatorType:
    """Returns the `metrics_aggregator` of `tff.learning.algorithms` that sums by `sums`."""

    def aggregator(finalizers, local_unfinalized_metrics_type=None):  # type: ignore[no-untyped-def]
        del local_unfinalized_metrics_type  # TFF will drop it

        @tff.federated_computation
        def aggregate(unfinalized):  # type: ignore[no-untyped-def]
            process = _finalised(sums, finalizers, unfinalized.type_signature.member)
            current, _ = process.next(process.initialize(), unfinalized).result
            return current

        return aggregate

    return aggregator


def evaluation_metrics(
    sums: MetricSums, model_fn: Callable[[], tff.learning.models.VariableModel]
) -> tff.templates.AggregationProcess:
    """Returns the `metrics_aggregation_process` of `build_fed_eval` that sums by `sums`."""
    with tf.Graph().as_default():
        model = model_fn()
        unfinalized = tf.nest.map_structure(
            lambda tensor: tff.TensorType(tensor.dtype.as_numpy_dtype, tensor.shape),
            model.report_local_unfinalized_metrics(),
        )
    return _finalised(sums, model.metric_finalizers(), tff.to_type(unfinalized))


def _finalised(
    sums: MetricSums, finalizers: Any, unfinalized: tff.Type
) -> tff.templates.AggregationProcess:
    factory = tff.learning.metrics.SumThenFinalizeFactory(finalizers, inner_summation_factory=sums)
    return factory.create(unfinalized)
