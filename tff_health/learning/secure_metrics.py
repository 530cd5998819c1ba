"""How a scheme with secure sums treats its metrics."""

import math
from collections.abc import Callable
from typing import Any

import tensorflow_federated as tff

from tff_health.aggregators import metric_sums
from tff_health.learning.task import SumSettings


class SecureMetrics:
    """Metrics in as many bits as updates have, so that they widen no sum; or in the clear.

    Args:
        sums: the settings of all sums; says whether metrics are summed securely.
        modulus_bits: k of the sum of updates.
    """

    def __init__(self, sums: SumSettings, modulus_bits: int) -> None:
        self._sums: metric_sums.MetricSums | None = None
        if sums.secure_metrics:
            spare = modulus_bits - math.ceil(math.log2(sums.max_clients))
            bits = max(spare, sums.max_examples.bit_length())
            self._sums = metric_sums.MetricSums(bits, sums.max_examples)

    def training(self) -> Any:
        """The `metrics_aggregator` of the training process; None for TFF's own."""
        return self._sums and metric_sums.training_metrics(self._sums)

    def evaluation(
        self, model_fn: Callable[[], tff.learning.models.VariableModel]
    ) -> tff.templates.AggregationProcess | None:
        """The `metrics_aggregation_process` of the evaluation; None for TFF's own."""
        return self._sums and metric_sums.evaluation_metrics(self._sums, model_fn)
