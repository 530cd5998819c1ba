"""Gradient descent of a client on batches of its examples: what TFF's own client work computes."""

import math
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import tensorflow as tf

from tff_health.data.client_data import batch_spec
from tff_health.local.finite import all_finite
from tff_health.local.model_weights import ModelWeights
from tff_health.local.network import MeasuredNetwork
from tff_health.local.optimizer import GradientDescent
from tff_health.local.task import Task


class ClientUpdate(NamedTuple):
    """What a client's training of one round gives.

    Attributes:
        update: initial - trained, float32 tensors in the order of the trainable weights.
        metrics: as `network.Metrics`; empty where no noise would protect them.
    """

    update: list[tf.Tensor]
    metrics: Any


class BatchTraining:
    """A client's training; holds the variables of a network, so make it where it is called.

    Args:
        task: what is trained, and how.
    """

    def __init__(self, task: Task) -> None:
        self._network = MeasuredNetwork(task.build_model(), task.draws)
        self._optimizer = GradientDescent(
            task.client_optimizer.learning_rate, task.client_optimizer.momentum
        )
        # With noise of the server, who trained in vain is private.
        self._failure = 0.0 if task.privacy is not None else math.nan
        self._tells_metrics = task.privacy is None
        self._largest_norm = task.update_norm
        state = self._optimizer.state_specs(tuple(self._network.weights.trainable))
        batch = batch_spec(task.image_shape, task.draws)
        self._step = tf.function(self._untraced_step, [state, batch], autograph=False)

    def train(
        self, initial: ModelWeights, batches: Iterable[Any], hparams: Mapping[str, Any]
    ) -> ClientUpdate:
        """Trains on all batches, in a graph or eagerly.

        Args:
            initial: the weights to begin with, arrays or tensors.
            batches: of `data.client_data.batch_spec`.
            hparams: of `GradientDescent`; the learning rate, and the momentum if there is one.

        Returns:
            the update, of at most the task's largest norm, and the metrics. If training came to no
            finite numbers, the update is NaN throughout, for means to leave out, or zeros if the
            server adds the noise; and metrics are zeros.
        """
        state = self._begin(initial, hparams)
        # By an iterator: TensorFlow makes another loop of a data set itself, in which gradients of
        # poolings do not get oneDNN's kernel, so that the paper's network takes a third more time.
        for batch in iter(batches):
            state = self._step(state, batch)
        return self._outcome(initial)

    @tf.autograph.experimental.do_not_convert
    def _begin(self, initial: ModelWeights, hparams: Mapping[str, Any]) -> Any:
        self._network.weights.assign(initial)
        self._network.reset_metrics()
        return self._optimizer.begin(tuple(self._network.weights.trainable), hparams)

    @tf.autograph.experimental.do_not_convert
    def _outcome(self, initial: ModelWeights) -> ClientUpdate:
        pairs = zip(initial.trainable, self._network.weights.trainable, strict=True)
        update = [tf.subtract(before, after) for before, after in pairs]
        finite = all_finite(update)
        if self._largest_norm:
            update, _ = tf.clip_by_global_norm(update, self._largest_norm)
        update = [tf.where(finite, t, tf.constant(self._failure, t.dtype)) for t in update]
        if not self._tells_metrics:
            return ClientUpdate(update, OrderedDict())
        metrics = tf.nest.map_structure(
            lambda value: tf.where(finite, value, tf.zeros_like(value)), self._network.metrics()
        )
        return ClientUpdate(update, metrics)

    def _untraced_step(self, state: Any, batch: Any) -> Any:
        images, labels, *streams = batch
        variables = tuple(self._network.weights.trainable)
        with tf.GradientTape() as tape:
            loss = self._network.forward(images, labels, True, *streams)
        gradients = tape.gradient(loss, variables)
        state, updated = self._optimizer.next(state, variables, gradients)
        for variable, value in zip(variables, updated, strict=True):
            variable.assign(value)
        return state
