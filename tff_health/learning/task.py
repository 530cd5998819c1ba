"""A learning task: the model, its loss, and the clients' data of one experiment."""

from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf
import tensorflow_federated as tff

from tff_health.data import client_data


@dataclass(frozen=True, eq=False)
class Task:
    """What every scheme trains, so that schemes differ in their sums alone.

    Attributes:
        build_model: returns a new, uncompiled Keras model that gives logits.
        initial_weights: the initial model, the same for every scheme.
        image_shape: (height, width, channels).
        training_data: computation from a client's key to its training batches.
        validation_data: computation from a client's key to its validation batches.
        client_learning_rate: of the clients' stochastic gradient descent.
    """

    build_model: Callable[[], tf.keras.Model]
    initial_weights: tff.learning.models.ModelWeights
    image_shape: tuple[int, int, int]
    training_data: tff.Computation
    validation_data: tff.Computation
    client_learning_rate: float

    def model_fn(self) -> tff.learning.models.VariableModel:
        """Returns a new model with loss and training metrics, as `tff.learning` wants it."""
        return tff.learning.models.from_keras_model(
            self.build_model(),
            loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            input_spec=client_data.element_spec(self.image_shape),
            metrics=[tf.keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
        )
