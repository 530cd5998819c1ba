"""Federated averaging over a secure mean: what schemes with secure sums have in common."""

from collections.abc import Callable
from typing import Protocol, TypeAlias

import numpy as np
import tensorflow_federated as tff

from tff_health.learning.client_memory import ClientMemory
from tff_health.learning.process import SchemeProcess
from tff_health.learning.secure_metrics import SecureMetrics
from tff_health.learning.task import TRAINING_LOOP, Task

ClientWork: TypeAlias = tff.learning.templates.ClientWorkProcess


class SecureMean(Protocol):
    """A factory of means over sums modulo 2^k."""

    @property
    def modulus_bits(self) -> int: ...  # noqa: D102
    def create(self, value_type: tff.Type) -> tff.templates.AggregationProcess: ...  # noqa: D102


def average_securely(
    task: Task,
    mean: SecureMean,
    change_work: Callable[[ClientWork], ClientWork] = lambda work: work,
    memory: ClientMemory | None = None,
) -> SchemeProcess:
    """Returns the processes of a scheme whose clients' updates are averaged by `mean`.

    Clients run plain stochastic gradient descent and contribute (initial - trained); the server
    subtracts the mean over the survivors. Metrics are summed as `task.sums` says.

    Args:
        task: what is trained.
        mean: of the clients' updates.
        change_work: makes the clients' work out of plain training.
        memory: what clients keep for that, if they do.
    """
    metrics = SecureMetrics(task.sums, mean.modulus_bits)
    work = change_work(
        tff.learning.templates.build_model_delta_client_work(
            task.model_fn,
            tff.learning.optimizers.build_sgdm(task.client_learning_rate),
            client_weighting=tff.learning.ClientWeighting.UNIFORM,
            loop_implementation=TRAINING_LOOP,
            metrics_aggregator=metrics.training() or tff.learning.metrics.sum_then_finalize,
        )
    )

    @tff.tensorflow.computation
    def initial_weights():  # type: ignore[no-untyped-def]
        return tff.learning.models.ModelWeights.from_model(task.model_fn())

    weights_type = initial_weights.type_signature.result
    training = tff.learning.templates.compose_learning_process(
        initial_weights,
        tff.learning.templates.build_broadcast_process(weights_type),
        work,
        tff.aggregators.as_weighted_aggregator(mean).create(
            weights_type.trainable, tff.TensorType(np.float32)
        ),
        tff.learning.templates.build_apply_optimizer_finalizer(
            tff.learning.optimizers.build_sgdm(1.0), weights_type
        ),
    )
    evaluation = tff.learning.algorithms.build_fed_eval(
        task.model_fn, metrics_aggregation_process=metrics.evaluation(task.model_fn)
    )
    return SchemeProcess.of(task, training, evaluation, memory)
