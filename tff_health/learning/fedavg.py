"""Federated averaging (McMahan et al. 2017), scheme I of the paper."""

import tensorflow_federated as tff

from tff_health.learning.process import SchemeProcess
from tff_health.learning.task import TRAINING_LOOP, Task


def build_fedavg(task: Task) -> SchemeProcess:
    """Returns federated averaging weighted by the clients' numbers of examples.

    Clients run plain stochastic gradient descent and send (initial - trained) with their weight;
    the server subtracts the weighted mean. Both are summed in the clear, and so are metrics.
    """
    training = tff.learning.algorithms.build_weighted_fed_avg(
        task.model_fn,
        client_optimizer_fn=tff.learning.optimizers.build_sgdm(task.client_learning_rate),
        server_optimizer_fn=tff.learning.optimizers.build_sgdm(1.0),
        client_weighting=tff.learning.ClientWeighting.NUM_EXAMPLES,
        loop_implementation=TRAINING_LOOP,
    )
    return SchemeProcess.of(task, training, tff.learning.algorithms.build_fed_eval(task.model_fn))
