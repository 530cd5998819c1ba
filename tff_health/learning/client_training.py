"""How clients train and how the server applies the mean: the same for every scheme."""

import math
from collections import OrderedDict
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_health.learning.private_training import build_private_client_work
from tff_health.learning.task import TRAINING_LOOP, Task
from tff_health.learning.unconverted import build_sgdm


def build_client_work(
    task: Task,
    weighting: tff.learning.ClientWeighting,
    metrics_aggregator: Any = tff.learning.metrics.sum_then_finalize,
) -> tff.learning.templates.ClientWorkProcess:
    """Returns gradient descent on the clients, whose updates are (initial - trained).

    An update that is not finite is NaN throughout, for means to leave out.

    The learning rate is a part of the state, so that `with_learning_rate` can change it.

    Args:
        task: what is trained, and how.
        weighting: of the updates, as TFF has it; clients that train privately weigh the same.
        metrics_aggregator: how training metrics are summed, unless training is private.
    """
    if task.privacy is not None and task.privacy.is_clients_own:
        return build_private_client_work(task)
    if task.privacy is not None:  # no noise would protect metrics
        metrics_aggregator = _tell_nothing
    optimizer = task.client_optimizer
    work = tff.learning.templates.build_model_delta_client_work(
        task.model_fn,
        build_sgdm(optimizer.learning_rate, optimizer.momentum),
        client_weighting=weighting,
        metrics_aggregator=metrics_aggregator,
        loop_implementation=TRAINING_LOOP,
    )
    # With noise of the server, who trained in vain is private: TFF's zeros hide it.
    return work if task.privacy is not None else _with_non_finite_updates(work)


def _with_non_finite_updates(
    work: tff.learning.templates.ClientWorkProcess,
) -> tff.learning.templates.ClientWorkProcess:
    """Returns TFF's client work, with updates of NaN where clients' updates are not finite.

    TFF makes such updates zeros and tells by weight 0 alone, which no other client has, since each
    has examples. Means without weights would count the zeros, as quality would: they are near the
    last update.
    """
    state_type, weights_type, data_type = work.next.type_signature.parameter
    result_type = work.next.type_signature.result.result.member

    @tff.tensorflow.computation(result_type)
    def mark(result):  # type: ignore[no-untyped-def]
        broken = tf.equal(result.update_weight, 0)
        update = tf.nest.map_structure(
            lambda tensor: tf.where(broken, tf.constant(math.nan, tensor.dtype), tensor),
            result.update,
        )
        return tff.learning.templates.ClientResult(update, result.update_weight)

    @tff.federated_computation(state_type, weights_type, data_type)
    def next_work(state, weights, data):  # type: ignore[no-untyped-def]
        output = work.next(state, weights, data)
        return tff.templates.MeasuredProcessOutput(
            output.state, tff.federated_map(mark, output.result), output.measurements
        )

    return tff.learning.templates.ClientWorkProcess(
        work.initialize, next_work, get_hparams_fn=work.get_hparams, set_hparams_fn=work.set_hparams
    )


def _tell_nothing(_: Any) -> Any:
    return lambda _: tff.federated_value(OrderedDict(), tff.SERVER)


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

    @tff.tensorflow.computation
    def initial_weights():  # type: ignore[no-untyped-def]
        return tff.learning.models.ModelWeights.from_model(task.model_fn())

    weights_type = initial_weights.type_signature.result
    server = task.server_optimizer
    return tff.learning.templates.compose_learning_process(
        initial_weights,
        tff.learning.templates.build_broadcast_process(weights_type),
        work,
        mean.create(weights_type.trainable, tff.TensorType(np.float32)),
        tff.learning.templates.build_apply_optimizer_finalizer(
            build_sgdm(server.learning_rate, server.momentum),
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
