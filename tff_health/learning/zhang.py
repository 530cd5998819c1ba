"""Averaging weighted by data quality (Zhang et al. 2022), scheme V of the paper."""

import tensorflow_federated as tff

from tff_health.aggregators.quality import QualityRule
from tff_health.aggregators.quality_mean import FixedPoint, QualityWeightedMean
from tff_health.learning.process import SchemeProcess
from tff_health.learning.secure_metrics import SecureMetrics
from tff_health.learning.task import Task


def build_zhang(task: Task) -> SchemeProcess:
    """Returns federated averaging in which a client counts by the quality of its data.

    Clients run plain stochastic gradient descent, compare (initial - trained) with the last
    global update, and contribute it, times their quality, to a secure sum; the server subtracts
    the weighted mean over the survivors. It learns the sum of qualities, and of none.
    """
    sums, quality = task.sums, task.quality
    rule = QualityRule(
        task.client_learning_rate,
        distance=quality.distance,
        smallest=10.0**-quality.decimals,
        largest=quality.largest,
    )
    encoding = FixedPoint(sums.fraction_bits, sums.clip_range)
    mean = QualityWeightedMean(encoding, sums.max_clients, rule, quality.decimals)
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
