"""Settings of what keeps one bad client from wrecking a mean: groups with a rule, and a norm."""

from dataclasses import dataclass

from tff_health.settings.experiments import training
from tff_health.settings.setting import Range, setting

KINDS = ("none", "groups")
SMALLEST_GROUP = 3
"""As the smallest cohort of every secure sum, see `crypto.session.thresholds.MIN_CLIENTS`."""
RULES = ("median", "trimmed_mean", "geometric_median", "mean")
_GROUPED = ("bonawitz", "zhang", "zhang_hardened")
_CLIPPED = ("fedavg", "bonawitz", "fang", "zhang", "zhang_hardened")
_EXPERIMENTS = training(but=("schemes", "dropout", "privacy", "privacy_tuning"))
OF_GROUPS = ("robust", "group_size", "group_rule", "trimmed_share")
"""Settings that runs without groups do not keep."""
OF_NORMS = ("update_norm",)
"""Settings that runs without a largest norm do not keep."""


@dataclass(frozen=True, kw_only=True)
class RobustSettings:
    """How the updates of hostile clients are kept from deciding the mean."""

    kind: str = setting(
        "Whether a cohort sums as one (none), or is dealt at random into groups that each have a "
        "secure sum, over whose means a robust rule decides (groups).",
        KINDS[0],
        flag="robust",
        choices=KINDS,
        schemes=_GROUPED,
        experiments=tuple(name for name in _EXPERIMENTS if name != "poisoning"),
    )
    group_size: int = setting(
        "Fewest clients of a group in --robust=groups; there are as many groups as that allows. "
        "The server learns the mean of each group.",
        SMALLEST_GROUP,
        range=Range(
            least=SMALLEST_GROUP,
            far=10**6,
            text=f"{SMALLEST_GROUP} or more, as a sum of two gives one's update to the other",
        ),
        unit="clients",
        schemes=_GROUPED,
        experiments=_EXPERIMENTS,
    )
    rule: str = setting(
        "What becomes of the means of groups: their median, or their mean without the largest and "
        "smallest (trimmed_mean), both coordinate by coordinate; the point with the smallest sum "
        "of distances to them (geometric_median); or their mean.",
        RULES[0],
        flag="group_rule",
        choices=RULES,
        schemes=_GROUPED,
        experiments=_EXPERIMENTS,
    )
    trimmed_share: float = setting(
        "Share of the groups that --group_rule=trimmed_mean leaves out at each end, rounded up; "
        "at least one group stays.",
        0.2,
        range=Range(above=0, below=0.5),
        schemes=_GROUPED,
        experiments=_EXPERIMENTS,
    )
    update_norm: float = setting(
        "Largest L2 norm of an update; clients scale larger ones down to it. With --robust=groups, "
        "a group whose mean exceeds it is left out, as some client of it did not. 0 for no such "
        "norm.",
        0.0,
        range=Range(least=0, below=float("inf")),
        schemes=_CLIPPED,
        experiments=_EXPERIMENTS,
    )
