"""Training and validation of a client in graphs with sessions of their own, without TFF.

TFF's workers run a client's work so: a graph for a whole round, and a session that knows nothing of
rounds before. Keras has its layers draw otherwise in eager execution; in a graph, they draw what
they draw in the simulation.
"""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tff_health.data.client_data import KEY_TYPE
from tff_health.local.batch_training import ClientUpdate
from tff_health.local.model_weights import ModelWeights
from tff_health.local.optimizer import LEARNING_RATE, MOMENTUM
from tff_health.local.private_training import client_training
from tff_health.local.task import Task
from tff_health.local.validation import BatchValidation


class TrainingGraph:
    """The training of a round as one graph.

    Args:
        task: what is trained, and how; it says how clients' data are read.
    """

    def __init__(self, task: Task) -> None:
        with tf.Graph().as_default() as graph:
            training = client_training(task)
            self._weights, self._key = _weights_of(task), _key()
            names = (LEARNING_RATE, MOMENTUM)
            self._hparams = {name: tf.compat.v1.placeholder(tf.float32, ()) for name in names}
            data = task.training_data(self._key)
            self._trained = tf.function(training.train)(self._weights, data, self._hparams)
            self._session = _Session(graph)

    def train(
        self, weights: ModelWeights, key: Mapping[str, Any], learning_rate: float, momentum: float
    ) -> ClientUpdate:
        """Trains for a round.

        Args:
            weights: to begin with, as arrays.
            key: of `data.client_data.KEY_TYPE`; chooses client and round.
            learning_rate: of the steps.
            momentum: of the steps; 0 for none.

        Returns:
            as `BatchTraining.train` and `PrivateTraining.train`, in NumPy.
        """
        given = {LEARNING_RATE: learning_rate, MOMENTUM: momentum}
        pairs = [(self._weights, weights), (self._key, key), (self._hparams, given)]
        return ClientUpdate(*self._session.run(tuple(self._trained), pairs))


class ValidationGraph:
    """The validation of a model as one graph.

    Args:
        task: what is validated; it says how clients' data are read.
    """

    def __init__(self, task: Task) -> None:
        with tf.Graph().as_default() as graph:
            validation = BatchValidation(task)
            self._weights, self._key = _weights_of(task), _key()
            data = task.validation_data(self._key)
            self._metrics = tf.function(validation.measure)(self._weights, data)
            self._session = _Session(graph)

    def measure(self, weights: ModelWeights, key: Mapping[str, Any]) -> Any:
        """Returns `network.Metrics` of a model, in NumPy.

        Args:
            weights: of the model, as arrays.
            key: of `data.client_data.KEY_TYPE`; chooses the client.
        """
        return self._session.run(self._metrics, [(self._weights, weights), (self._key, key)])


class _Session:
    """Runs a finished graph, with its variables as they were made."""

    def __init__(self, graph: tf.Graph) -> None:
        self._begin = tf.compat.v1.global_variables_initializer()
        self._session = tf.compat.v1.Session(graph=graph)

    def run(self, wanted: Any, given: list[tuple[Any, Any]]) -> Any:
        """Returns the values of tensors, in their structure.

        Args:
            wanted: tensors, any structure.
            given: placeholders and their values, each pair in one structure.
        """
        fed = {
            placeholder: value
            for placeholders, values in given
            for placeholder, value in zip(
                tf.nest.flatten(placeholders), _values(placeholders, values), strict=True
            )
        }
        self._session.run(self._begin)
        flat = self._session.run(tf.nest.flatten(wanted), fed)
        return tf.nest.pack_sequence_as(wanted, flat)


def _values(placeholders: Any, values: Any) -> list[Any]:
    if isinstance(placeholders, Mapping):  # TensorFlow has those that are sorted by name
        return tf.nest.flatten({name: values[name] for name in placeholders})
    return tf.nest.flatten(values)


def _weights_of(task: Task) -> ModelWeights:
    return ModelWeights(
        *(
            [tf.compat.v1.placeholder(w.dtype, w.shape) for w in part]
            for part in task.initial_weights
        )
    )


def _key() -> dict[str, Any]:
    return {name: tf.compat.v1.placeholder(kind, ()) for name, kind in KEY_TYPE.items()}
