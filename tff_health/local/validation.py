"""How good a model is on a client's validation part, as sums that all clients' can be added to."""

from collections.abc import Iterable
from typing import Any

from tff_health.local.model_weights import ModelWeights
from tff_health.local.network import MeasuredNetwork
from tff_health.local.random_layers import EVALUATION_STREAM
from tff_health.local.task import Task


class BatchValidation:
    """A client's validation; holds the variables of a network, so make it where it is called.

    Args:
        task: builds the network.
    """

    def __init__(self, task: Task) -> None:
        self._network = MeasuredNetwork(task.build_model(), task.draws)

    def measure(self, weights: ModelWeights, batches: Iterable[Any]) -> Any:
        """Returns `network.Metrics` of a model.

        Args:
            weights: of the model, arrays or tensors.
            batches: of `data.client_data.element_spec`.
        """
        self._network.weights.assign(weights)
        self._network.reset_metrics()
        for images, labels in batches:
            self._network.forward(images, labels, False, EVALUATION_STREAM)
        return self._network.metrics()
