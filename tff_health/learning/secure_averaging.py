"""Federated averaging over a secure mean: what schemes with secure sums have in common."""

from typing import Protocol

import tensorflow_federated as tff

from tff_health.learning.process import SchemeProcess
from tff_health.learning.secure_metrics import SecureMetrics
from tff_health.learning.task import Task


class SecureMean(Protocol):
    """A factory of means over sums modulo 2^k."""

    @property
    def modulus_bits(self) -> int: ...  # noqa: D102
    def create(self, value_type: tff.Type) -> tff.templates.AggregationProcess: ...  # noqa: D102


def average_securely(task: Task, mean: SecureMean) -> SchemeProcess:
    """Returns the processes of a scheme whose clients' updates are averaged by `mean`.

    Clients run plain stochastic gradient descent and contribute (initial - trained); the server
    subtracts the mean over the survivors. Metrics are summed as `task.sums` says.
    """
    metrics = SecureMetrics(task.sums, mean.modulus_bits)
    training = tff.learning.algorithms.build_unweighted_fed_avg(
        task.model_fn,
        client_optimizer_fn=tff.learning.optimizers.build_sgdm(task.client_learning_rate),
        server_optimizer_fn=tff.learning.optimizers.build_sgdm(1.0),
        model_aggregator=mean,
        metrics_aggregator=metrics.training(),
    )
    evaluation = tff.learning.algorithms.build_fed_eval(
        task.model_fn, metrics_aggregation_process=metrics.evaluation(task.model_fn)
    )
    return SchemeProcess.of(task, training, evaluation)
