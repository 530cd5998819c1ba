"""Federated averaging over a secure sum (Bonawitz et al. 2017), scheme II of the paper."""

from tff_health.aggregators.fixed_point_mean import FixedPointMean
from tff_health.learning.process import SchemeProcess
from tff_health.learning.secure_averaging import average_securely
from tff_health.local.encoding import fixed_point
from tff_health.local.task import Task


def build_bonawitz(task: Task) -> SchemeProcess:
    """Returns federated averaging in which every client counts the same."""
    sums = task.sums
    encoding = fixed_point(sums.fraction_bits, sums.clip_range)
    return average_securely(
        task, FixedPointMean(encoding, sums.max_clients, norm_bound=sums.norm_bound)
    )
