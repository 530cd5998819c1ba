"""A mean that hides whole clients: adaptive clipping and noise at the server, over any mean.

TFF's own factory of differentially private sums (Andrew et al. 2021, "Differentially private
learning with adaptive clipping") clips every client's update to a norm that follows the clients'
norms, themselves told under noise, and adds Gaussian noise to the sum. Here that sum comes from a
mean of ours, and so from a secure sum; the server adds the noise.
"""

from dataclasses import dataclass
from typing import Protocol

import tensorflow as tf
import tensorflow_federated as tff

from tff_health.local.adaptive_clipping import adaptive_clipping


class Mean(Protocol):
    """A factory of unweighted means."""

    def create(self, value_type: tff.Type) -> tff.templates.AggregationProcess: ...  # noqa: D102


@dataclass(frozen=True)
class ClientLevelMean(tff.aggregators.UnweightedAggregationFactory):
    """Factory of the mean over `num_clients` clients, with noise that hides each of them.

    Epsilon is that of a Gaussian mechanism of `noise_multiplier`, once a round: what the quantile
    takes of it is taken off the noise of the mean (theorem 1 there).

    Attributes:
        mean: that sums what clients clipped; all clients must reach the sum.
        num_clients: of every round.
        noise_multiplier: z of a round.
        clipping_norm: L2 norm of updates to begin with.
    """

    mean: Mean
    num_clients: int
    noise_multiplier: float
    clipping_norm: float

    def create(self, value_type: tff.Type) -> tff.templates.AggregationProcess:
        """Builds the process."""
        query = adaptive_clipping(self.noise_multiplier, self.clipping_norm, self.num_clients)
        return tff.aggregators.DifferentiallyPrivateFactory(
            query, _SumOf(self.mean, self.num_clients)
        ).create(value_type)


@dataclass(frozen=True)
class _SumOf(tff.aggregators.UnweightedAggregationFactory):
    """The sum over a known number of clients, as their mean times that."""

    mean: Mean
    num_clients: int

    def create(self, value_type: tff.Type) -> tff.templates.AggregationProcess:
        process = self.mean.create(value_type)

        @tff.tensorflow.computation(process.next.type_signature.result.result.member)
        def times(mean):  # type: ignore[no-untyped-def]
            return tf.nest.map_structure(lambda part: part * self.num_clients, mean)

        @tff.federated_computation(
            process.initialize.type_signature.result, process.next.type_signature.parameter[1]
        )
        def next_sum(state, values):  # type: ignore[no-untyped-def]
            output = process.next(state, values)
            return tff.templates.MeasuredProcessOutput(
                output.state, tff.federated_map(times, output.result), output.measurements
            )

        return tff.templates.AggregationProcess(process.initialize, next_sum)
