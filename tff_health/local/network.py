"""A network with its loss, and the metrics that a client adds up over its batches."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tff_health.local.model_weights import ModelWeights
from tff_health.local.random_layers import Draws

Metrics = "OrderedDict[str, list[tf.Tensor]]"
"""By name, what a client adds up: `accuracy` and `loss`, each [sum, count], float32;
`num_examples` and `num_batches`, int64 [number]."""


def _mean(values: list[tf.Tensor]) -> tf.Tensor:
    return tf.math.divide_no_nan(values[0], values[1])


def _number(values: list[tf.Tensor]) -> tf.Tensor:
    return values[0]


FINALIZERS: "OrderedDict[str, Callable[[list[tf.Tensor]], tf.Tensor]]" = OrderedDict(
    accuracy=_mean, loss=_mean, num_examples=_number, num_batches=_number
)
"""From what was added up, at one client or at all, to the metric."""

METRIC_DTYPES: "OrderedDict[str, tuple[tf.DType, ...]]" = OrderedDict(
    accuracy=(tf.float32, tf.float32),
    loss=(tf.float32, tf.float32),
    num_examples=(tf.int64,),
    num_batches=(tf.int64,),
)
"""Of the scalars of `Metrics`."""


class MeasuredNetwork:
    """A network that gives logits; holds variables, so make it where it is called.

    Args:
        network: a Keras model, uncompiled.
        draws: whether it draws at random, so that calls are given a stream.
    """

    def __init__(self, network: tf.keras.Model, draws: bool = False) -> None:
        self._loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self._network = network
        self._draws = Draws() if draws else None
        self._accuracy = tf.keras.metrics.SparseCategoricalAccuracy("accuracy")
        self._mean_loss = tf.keras.metrics.Mean("loss")
        self._examples = tf.keras.metrics.Sum("num_examples", tf.int64)
        self._batches = tf.keras.metrics.Sum("num_batches", tf.int64)
        # AutoGraph would rewrite all that is called, at a tenth of a second each; a network alone
        # may need it, for layers of a user's own.
        self._logits = tf.function(self._untraced_logits)
        self._forward = tf.function(self._untraced_forward, autograph=False)

    @property
    def weights(self) -> ModelWeights:
        """The network's variables."""
        return ModelWeights.of(self._network)

    @property
    def metric_variables(self) -> list[tf.Variable]:
        """What metrics are added up in."""
        return [variable for metric in self._all_metrics for variable in metric.variables]

    def forward(
        self, images: tf.Tensor, labels: tf.Tensor, training: bool, stream: Any = None
    ) -> tf.Tensor:
        """Returns the mean loss of a batch, in nats, with what layers add to it; counts metrics.

        Args:
            images: float32 (n, height, width, channels).
            labels: int32 (n,).
            training: whether layers behave as in training.
            stream: int64 (2,), which layers draw from; for a network that draws.
        """
        if self._draws is None:
            return self._forward(images, labels, training)
        with self._draws.seeded(stream):
            return self._forward(images, labels, training)

    def logits(self, images: tf.Tensor, training: bool, stream: Any = None) -> tf.Tensor:
        """Returns the logits of a batch, float32 (n, classes); arguments as `forward`."""
        if self._draws is None:
            return self._logits(images, training)
        with self._draws.seeded(stream):
            return self._logits(images, training)

    def metrics(self) -> Any:
        """Returns `Metrics`, as far as they are added up."""
        return OrderedDict(
            (metric.name, [variable.read_value() for variable in metric.variables])
            for metric in self._all_metrics
        )

    def reset_metrics(self) -> None:
        """Begins to count anew."""
        for variable in self.metric_variables:
            variable.assign(tf.zeros_like(variable))

    @property
    def _all_metrics(self) -> tuple[tf.keras.metrics.Metric, ...]:
        return self._accuracy, self._mean_loss, self._examples, self._batches

    def _untraced_logits(self, images: tf.Tensor, training: bool) -> tf.Tensor:
        return self._network(images, training=training)

    def _untraced_forward(self, images: tf.Tensor, labels: tf.Tensor, training: bool) -> tf.Tensor:
        logits = self._logits(images, training)
        own_loss, count = self._loss(labels, logits), tf.shape(logits)[0]
        self._accuracy.update_state(labels, logits)
        self._mean_loss.update_state(own_loss, count)
        self._examples.update_state(count)
        self._batches.update_state(1)
        return tf.add_n([own_loss, *self._network.losses])
