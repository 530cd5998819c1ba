"""Federated averaging over a secure sum (Bonawitz et al. 2017), scheme II of the paper."""

import tensorflow_federated as tff

from tff_health.aggregators.fixed_point_mean import FixedPoint, FixedPointMean
from tff_health.learning.process import SchemeProcess
from tff_health.learning.secure_metrics import SecureMetrics
from tff_health.learning.task import Task


def build_bonawitz(task: Task) -> SchemeProcess:
    """Returns federated averaging in which every client counts the same.

    Clients run plain stochastic gradient descent and contribute (initial - trained) in fixed point
    to a secure sum; the server subtracts the mean over the survivors.
    """
    sums = task.sums
    encoding = FixedPoint(sums.fraction_bits, sums.clip_range)
    mean = FixedPointMean(encoding, sums.max_clients)
    metrics = SecureMetrics(sums, mean.modulus_bits)
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
    return SchemeProcess.of(task, training, evaluation, mean.modulus_bits)
