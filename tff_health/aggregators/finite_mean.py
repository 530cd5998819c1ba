"""The weighted mean of updates that are finite numbers, in the clear."""

from collections import OrderedDict

import tensorflow as tf
import tensorflow_federated as tff

from tff_health.local.finite import all_finite


class FiniteMean(tff.aggregators.WeightedAggregationFactory):
    """Factory of TFF's weighted means over the updates without NaN and infinity.

    A client whose update is not finite contributes zeros, with weight 0. `non_finite_updates`, the
    only measurement, counts these clients. Without any weight, the mean is zeros.
    """

    def create(
        self, value_type: tff.Type, weight_type: tff.Type
    ) -> tff.templates.AggregationProcess:
        """Builds the process; values are structures of floats, weights float scalars."""
        mean = tff.aggregators.MeanFactory(no_nan_division=True).create(value_type, weight_type)

        @tff.tensorflow.computation(value_type, weight_type)
        def contribute(update, weight):  # type: ignore[no-untyped-def]
            finite = all_finite(update)
            return OrderedDict(
                update=tf.nest.map_structure(
                    lambda t: tf.where(finite, t, tf.zeros_like(t)), update
                ),
                weight=tf.where(finite, weight, tf.zeros_like(weight)),
                non_finite=tf.cast(tf.logical_not(finite), tf.int32),
            )

        @tff.federated_computation(
            mean.initialize.type_signature.result,
            tff.FederatedType(value_type, tff.CLIENTS),
            tff.FederatedType(weight_type, tff.CLIENTS),
        )
        def next_mean(state, update, weight):  # type: ignore[no-untyped-def]
            given = tff.federated_map(contribute, (update, weight))
            output = mean.next(state, given["update"], given["weight"])
            measured = OrderedDict(non_finite_updates=tff.federated_sum(given["non_finite"]))
            return tff.templates.MeasuredProcessOutput(
                output.state, output.result, tff.federated_zip(measured)
            )

        return tff.templates.AggregationProcess(mean.initialize, next_mean)
