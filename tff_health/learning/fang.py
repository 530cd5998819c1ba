"""Averaging of encrypted updates, all parameters (Fang et al. 2020), scheme IV of the paper."""

from tff_health.aggregators.fixed_point_mean import FixedPointMean
from tff_health.learning.process import SchemeProcess
from tff_health.learning.secure_averaging import average_securely
from tff_health.local.encoding import fixed_point
from tff_health.local.task import Task


def build_fang(task: Task) -> SchemeProcess:
    """Returns federated averaging in which every client counts the same.

    Updates are summed as integers from 0 on, which homomorphic encryption adds as they are.
    """
    sums = task.sums
    encoding = fixed_point(sums.fraction_bits, sums.clip_range)
    return average_securely(task, FixedPointMean(encoding, sums.max_clients, modular=False))
