"""How a scheme with secure sums treats its metrics."""

from collections.abc import Callable
from typing import Any

import tensorflow_federated as tff

from tff_health.aggregators import metric_sums
from tff_health.local.metric_encoding import MetricEncoding
from tff_health.local.task import SumSettings


class SecureMetrics:
    """Metrics in as many bits as updates have, so that they widen no sum; or in the clear.

    Args:
        sums: the settings of all sums; says whether metrics are summed securely.
        modulus_bits: k of the sum of updates.
    """

    def __init__(self, sums: SumSettings, modulus_bits: int) -> None:
        self._sums: metric_sums.MetricSums | None = None
        if sums.secure_metrics:
            encoding = MetricEncoding.beside(modulus_bits, sums.max_clients, sums.max_examples)
            self._sums = metric_sums.MetricSums(encoding.bits, encoding.max_examples)

    def training(self) -> Any:
        """The `metrics_aggregator` of the training process; None for TFF's own."""
        return self._sums and metric_sums.training_metrics(self._sums)

    def evaluation(
        self, model_fn: Callable[[], tff.learning.models.VariableModel]
    ) -> tff.templates.AggregationProcess | None:
        """The `metrics_aggregation_process` of the evaluation; None for TFF's own."""
        return self._sums and metric_sums.evaluation_metrics(self._sums, model_fn)
