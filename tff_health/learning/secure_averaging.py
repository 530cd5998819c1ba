"""Federated averaging over a secure mean: what schemes with secure sums have in common."""

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

import tensorflow_federated as tff

from tff_health.aggregators.client_level import ClientLevelMean
from tff_health.learning.client_training import build_client_work, compose
from tff_health.learning.hostile_work import with_attack
from tff_health.learning.process import SchemeProcess
from tff_health.learning.secure_metrics import SecureMetrics
from tff_health.learning.tff_model import TffModel
from tff_health.local.client_memory import ClientMemory
from tff_health.local.task import Task

ClientWork: TypeAlias = tff.learning.templates.ClientWorkProcess


class SecureMean(Protocol):
    """A factory of means over sums modulo 2^k."""

    @property
    def modulus_bits(self) -> int: ...  # noqa: D102
    def create(self, value_type: tff.Type) -> tff.templates.AggregationProcess: ...  # noqa: D102


def _private(task: Task, mean: SecureMean) -> Any:
    """The mean, or one with noise of the server that hides whole clients."""
    privacy = task.privacy
    if privacy is None or privacy.is_clients_own:
        return mean
    return ClientLevelMean(
        mean, task.sums.max_clients, privacy.noise_multiplier, privacy.clipping_norm
    )


def average_securely(
    task: Task,
    mean: SecureMean,
    change_work: Callable[[ClientWork], ClientWork] = lambda work: work,
    memory: ClientMemory | None = None,
) -> SchemeProcess:
    """Returns the processes of a scheme whose clients' updates are averaged by `mean`.

    Clients contribute (initial - trained); the server takes the mean over the survivors for a
    gradient. Metrics are summed as `task.sums` says.

    Args:
        task: what is trained.
        mean: of the clients' updates.
        change_work: makes the clients' work out of plain training.
        memory: what clients keep for that, if they do.
    """
    metrics = SecureMetrics(task.sums, mean.modulus_bits)
    work = change_work(
        build_client_work(
            task,
            tff.learning.ClientWeighting.UNIFORM,
            metrics.training() or tff.learning.metrics.sum_then_finalize,
        )
    )
    if task.attack is not None and task.attack.changes_updates:
        work = with_attack(work, task.attack)
    training = compose(task, work, tff.aggregators.as_weighted_aggregator(_private(task, mean)))
    evaluation = tff.learning.algorithms.build_fed_eval(
        lambda: TffModel(task),
        metrics_aggregation_process=metrics.evaluation(lambda: TffModel(task)),
    )
    return SchemeProcess.of(task, training, evaluation, memory)
