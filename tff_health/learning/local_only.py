"""Each client alone, as a baseline: the same training without a server, and nothing is shared."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_health.data.client_data import KEY_TYPE
from tff_health.learning.client_training import build_client_work
from tff_health.learning.over_keys import data_computation
from tff_health.local.task import Task


class LocalTraining:
    """Rounds in which every client goes on with a model of its own.

    Args:
        task: what is trained; its server's optimizer has no part in it.
    """

    def __init__(self, task: Task) -> None:
        self._optimizer = task.client_optimizer
        self._initial = task.initial_weights
        self._work = build_client_work(task, tff.learning.ClientWeighting.UNIFORM)
        self._next = _build_next(task, self._work)

    def initialize(self, num_clients: int) -> list[tff.learning.models.ModelWeights]:
        """Returns the clients' models before the first round, all the same."""
        return [self._initial] * num_clients

    def next(
        self, models: Sequence[Any], keys: Sequence[Any], round_number: int
    ) -> list[tff.learning.models.ModelWeights]:
        """Trains every client's model for one round.

        Args:
            models: of the clients.
            keys: what chooses the clients' data, in the same order.
            round_number: from 1.
        """
        hparams = self._work.get_hparams(self._work.initialize())
        hparams["learning_rate"] = np.float32(self._optimizer.rate(round_number))
        trained = self._next(hparams, list(models), list(keys))
        return [
            tff.learning.models.ModelWeights(weights.trainable, weights.non_trainable)
            for weights in trained
        ]


def _build_next(task: Task, work: tff.learning.templates.ClientWorkProcess) -> tff.Computation:
    state_type, weights_type, _ = work.next.type_signature.parameter
    data = data_computation(task.training_data)

    @tff.tensorflow.computation(
        weights_type.member, work.next.type_signature.result.result.member.update
    )
    def apply(weights, update):  # type: ignore[no-untyped-def]
        trained = tf.nest.map_structure(tf.subtract, weights.trainable, update)
        return tff.learning.models.ModelWeights(trained, weights.non_trainable)

    @tff.federated_computation(state_type, weights_type, tff.FederatedType(KEY_TYPE, tff.CLIENTS))
    def next_models(state, weights, keys):  # type: ignore[no-untyped-def]
        output = work.next(state, weights, tff.federated_map(data, keys))
        return tff.federated_map(apply, (weights, output.result.update))

    return next_models
