"""A mean whose result is compressed as well, with error feedback at the server.

The server sends all clients the compressed mean, and keeps what compression lost to add it to the
next one.
"""

from collections import OrderedDict

import tensorflow as tf
import tensorflow_federated as tff

from tff_health.aggregators.fixed_point_mean import FixedPointMean
from tff_health.local import sparse_binary


class CompressedMean(tff.aggregators.UnweightedAggregationFactory):
    """Factory of means under sparse binary compression.

    Measurements are those of the inner factory and `update_positions`, int32 (k,): where the
    compressed mean is not 0; with the mean's one value, all that clients need to be sent.

    Args:
        inner: makes the mean of the clients' updates.
        share: of the coordinates that are kept, above 0 and up to 1.
    """

    def __init__(self, inner: FixedPointMean, share: float) -> None:
        self._inner = inner
        self._share = share

    @property
    def modulus_bits(self) -> int:
        """K of the inner mean; its sums are modulo 2^k."""
        return self._inner.modulus_bits

    def create(self, value_type: tff.Type) -> tff.templates.AggregationProcess:
        """Builds the process; its state is the inner one's and what compression lost so far.

        Raises:
            TypeError: as the inner factory.
        """
        inner = self._inner.create(value_type)
        specs = tff.types.type_to_tf_tensor_specs(value_type)
        size = sum(spec.shape.num_elements() for spec in tf.nest.flatten(specs))

        @tff.tensorflow.computation
        def nothing():  # type: ignore[no-untyped-def]
            return tf.zeros([size])

        @tff.federated_computation
        def initialize():  # type: ignore[no-untyped-def]
            lost = tff.federated_eval(nothing, tff.SERVER)
            return tff.federated_zip(OrderedDict(inner=inner.initialize(), lost=lost))

        @tff.tensorflow.computation(nothing.type_signature.result, value_type)
        def compress(lost, mean):  # type: ignore[no-untyped-def]
            sent, lost, positions = sparse_binary.compress_mean(mean, lost, self._share)
            return OrderedDict(mean=sent, lost=lost, positions=positions)

        @tff.federated_computation(
            initialize.type_signature.result, tff.FederatedType(value_type, tff.CLIENTS)
        )
        def next_mean(state, updates):  # type: ignore[no-untyped-def]
            output = inner.next(state["inner"], updates)
            sent = tff.federated_map(compress, (state["lost"], output.result))
            measured = tff.federated_zip((output.measurements, sent["positions"]))
            return tff.templates.MeasuredProcessOutput(
                tff.federated_zip(OrderedDict(inner=output.state, lost=sent["lost"])),
                sent["mean"],
                tff.federated_map(_measurements(measured.type_signature.member), measured),
            )

        return tff.templates.AggregationProcess(initialize, next_mean)


def _measurements(measured_type: tff.Type) -> tff.Computation:
    @tff.tensorflow.computation(measured_type)
    def measure(measured):  # type: ignore[no-untyped-def]
        measurements, positions = measured
        return OrderedDict(measurements, update_positions=positions)

    return measure
