"""Federated averaging (McMahan et al. 2017), scheme I of the paper."""

import tensorflow_federated as tff

from tff_health.aggregators.finite_mean import FiniteMean
from tff_health.learning.client_training import build_client_work, compose
from tff_health.learning.process import SchemeProcess
from tff_health.learning.tff_model import TffModel
from tff_health.local.task import Task


def build_fedavg(task: Task) -> SchemeProcess:
    """Returns federated averaging weighted by the clients' numbers of examples.

    Clients send (initial - trained) with their weight; the server takes the weighted mean for a
    gradient. Both are summed in the clear, and so are metrics.
    """
    work = build_client_work(task, tff.learning.ClientWeighting.NUM_EXAMPLES)
    training = compose(task, work, FiniteMean())
    return SchemeProcess.of(
        task, training, tff.learning.algorithms.build_fed_eval(lambda: TffModel(task))
    )
