"""How clients train and how the server applies the mean, in TFF: the same for every scheme."""

from collections import OrderedDict
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_health.data.client_data import batch_spec
from tff_health.data.lots import lot_spec
from tff_health.learning.changed_updates import with_scale
from tff_health.learning.gradient_descent import TffGradientDescent
from tff_health.local.network import FINALIZERS
from tff_health.local.optimizer import GradientDescent
from tff_health.local.private_training import client_training
from tff_health.local.task import Task


def build_client_work(
    task: Task,
    weighting: tff.learning.ClientWeighting,
    metrics_aggregator: Any = tff.learning.metrics.sum_then_finalize,
) -> tff.learning.templates.ClientWorkProcess:
    """Returns gradient descent on the clients, whose updates are (initial - trained).

    An update that is not finite is NaN throughout, for means to leave out, unless training is
    private.

    The learning rate is a part of the state, so that `with_learning_rate` can change it.

    Args:
        task: what is trained, and how.
        weighting: of the updates, as TFF has it; clients that train privately weigh the same.
        metrics_aggregator: how training metrics are summed, unless training is private.

    Returns:
        work on data sets of examples; if the task scales updates, as `with_scale` makes it.
    """
    private = task.privacy is not None
    by_examples = weighting == tff.learning.ClientWeighting.NUM_EXAMPLES and not private
    of_lots = task.privacy is not None and task.privacy.is_clients_own
    element = lot_spec(task.image_shape) if of_lots else batch_spec(task.image_shape, task.draws)
    data_type = tff.SequenceType(tff.types.tensorflow_to_type(element))
    optimizer = task.client_optimizer
    hparams = GradientDescent(optimizer.learning_rate, optimizer.momentum).hparams()
    aggregate = None if private else metrics_aggregator(OrderedDict(FINALIZERS))

    @tff.federated_computation
    def initialize():  # type: ignore[no-untyped-def]
        return tff.federated_value(hparams, tff.SERVER)

    state_type, weights_type = initialize.type_signature.result, weights_type_of(task)

    @tff.tensorflow.computation(state_type.member, weights_type, data_type)
    def train(hparams, initial, data):  # type: ignore[no-untyped-def]
        training = client_training(task)
        trained = tf.function(training.train)(initial, data, hparams)
        weight = tf.constant(1.0)
        if by_examples:
            weight = tf.cast(trained.metrics["num_examples"][0], tf.float32)
        update = tf.nest.pack_sequence_as(initial.trainable, trained.update)
        return tff.learning.templates.ClientResult(update, weight), trained.metrics

    @tff.federated_computation(
        state_type,
        tff.FederatedType(weights_type, tff.CLIENTS),
        tff.FederatedType(data_type, tff.CLIENTS),
    )
    def next_work(state, weights, data):  # type: ignore[no-untyped-def]
        given = (tff.federated_broadcast(state), weights, data)
        result, metrics = tff.federated_map(train, given)
        if aggregate is None:  # no noise would protect metrics
            measurements = tff.federated_value(OrderedDict(), tff.SERVER)
        else:
            measurements = tff.federated_zip(OrderedDict(train=aggregate(metrics)))
        return tff.templates.MeasuredProcessOutput(state, result, measurements)

    @tff.tensorflow.computation(state_type.member)
    def get_hparams(state):  # type: ignore[no-untyped-def]
        return state

    @tff.tensorflow.computation(state_type.member, state_type.member)
    def set_hparams(_, hparams):  # type: ignore[no-untyped-def]
        return hparams

    work = tff.learning.templates.ClientWorkProcess(
        initialize, next_work, get_hparams_fn=get_hparams, set_hparams_fn=set_hparams
    )
    return with_scale(work) if task.scales_updates else work


def weights_type_of(task: Task) -> tff.Type:
    """Returns the type of the weights of a task's model."""
    return initial_weights_of(task).type_signature.result


def initial_weights_of(task: Task) -> tff.Computation:
    """Returns the computation that builds the model, and gives its weights."""

    @tff.tensorflow.computation
    def initial_weights():  # type: ignore[no-untyped-def]
        return tff.learning.models.ModelWeights.from_model(task.build_model())

    return initial_weights


def compose(
    task: Task,
    work: tff.learning.templates.ClientWorkProcess,
    mean: tff.aggregators.WeightedAggregationFactory,
) -> tff.learning.templates.LearningProcess:
    """Returns a training process over data sets: broadcast, work, mean, server's optimizer.

    Args:
        task: what is trained.
        work: of the clients.
        mean: of their updates.
    """
    initial_weights = initial_weights_of(task)
    weights_type = initial_weights.type_signature.result
    server = task.server_optimizer
    return tff.learning.templates.compose_learning_process(
        initial_weights,
        tff.learning.templates.build_broadcast_process(weights_type),
        work,
        mean.create(weights_type.trainable, tff.TensorType(np.float32)),
        tff.learning.templates.build_apply_optimizer_finalizer(
            TffGradientDescent(server.learning_rate, server.momentum),
            weights_type,
        ),
    )


def with_learning_rate(state: Any, learning_rate: float) -> Any:
    """Returns a state whose next round's clients train with this learning rate.

    It is what TFF's `set_hparams` returns, which would send the model to a worker and back.

    Args:
        state: of a process of `compose`.
        learning_rate: of the clients' gradient descent.
    """
    hparams = OrderedDict(state.client_work)
    hparams["learning_rate"] = np.float32(learning_rate)
    return state._replace(client_work=hparams)
