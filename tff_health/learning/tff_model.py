"""The network of a task as `tff.learning` wants a model."""

from collections import OrderedDict
from typing import Any

import tensorflow as tf
import tensorflow_federated as tff

from tff_health.data.client_data import element_spec
from tff_health.local.network import FINALIZERS, MeasuredNetwork
from tff_health.local.random_layers import EVALUATION_STREAM
from tff_health.local.task import Task

_as_it_is = tf.autograph.experimental.do_not_convert


class TffModel(tff.learning.models.VariableModel):
    """A network for evaluation; layers that draw at random all draw from one stream.

    Args:
        task: builds the network.
    """

    def __init__(self, task: Task) -> None:
        self._network = MeasuredNetwork(task.build_model(), task.draws)
        self._spec = element_spec(task.image_shape)

    @property
    def trainable_variables(self) -> Any:  # noqa: D102
        return self._network.weights.trainable

    @property
    def non_trainable_variables(self) -> Any:  # noqa: D102
        return self._network.weights.non_trainable

    @property
    def local_variables(self) -> Any:  # noqa: D102
        return self._network.metric_variables

    @property
    def input_spec(self) -> Any:  # noqa: D102
        return self._spec

    @_as_it_is
    def forward_pass(self, batch_input: Any, training: bool = True) -> Any:  # noqa: D102
        images, labels = batch_input
        loss = self._network.forward(images, labels, training, EVALUATION_STREAM)
        return tff.learning.models.BatchOutput(
            loss=loss, predictions=None, num_examples=tf.shape(images)[0]
        )

    @_as_it_is
    def predict_on_batch(self, batch_input: Any, training: bool = True) -> Any:  # noqa: D102
        return self._network.logits(batch_input, training, EVALUATION_STREAM)

    @_as_it_is
    def report_local_unfinalized_metrics(self) -> Any:  # noqa: D102
        return self._network.metrics()

    def metric_finalizers(self) -> Any:  # noqa: D102
        return OrderedDict(FINALIZERS)

    @_as_it_is
    def reset_metrics(self) -> Any:  # noqa: D102
        self._network.reset_metrics()
