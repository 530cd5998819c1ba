"""Averaging weighted by data quality (Zhang et al. 2022), scheme V of the paper."""

from tff_health.aggregators.quality_mean import QualityWeightedMean
from tff_health.learning.process import SchemeProcess
from tff_health.learning.secure_averaging import average_securely
from tff_health.local.encoding import fixed_point
from tff_health.local.quality import QualityRule
from tff_health.local.task import Task


def build_zhang(task: Task) -> SchemeProcess:
    """Returns federated averaging in which a client counts by the quality of its data.

    The server learns the sum of qualities, and of none.
    """
    sums, rule = task.sums, QualityRule.of(task)
    encoding = fixed_point(sums.fraction_bits, sums.clip_range)
    return average_securely(
        task,
        QualityWeightedMean(
            *(encoding, sums.max_clients, rule, task.quality.decimals), norm_bound=sums.norm_bound
        ),
    )
