"""Settings of what is run."""

from dataclasses import dataclass

from tff_health.schemes import SCHEMES
from tff_health.settings.experiments import EXPERIMENTS, training
from tff_health.settings.presets import PRESETS
from tff_health.settings.setting import Range, setting

SUMMING = tuple(name for name, scheme in SCHEMES.items() if scheme.protocol)
"""The schemes that have secure sums."""
WEIGHING = tuple(name for name, scheme in SCHEMES.items() if scheme.weighs_by_quality)
"""The schemes that weigh updates by data quality."""
SHARING = tuple(name for name, scheme in SCHEMES.items() if scheme.shares)
"""The schemes in which clients share anything."""
MAX_SEED = 2**31 - 1
_ALL = tuple(EXPERIMENTS)


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """What is run."""

    experiment: str = setting(
        "The experiment to run.",
        "train",
        choices=_ALL,
        experiments=_ALL,
    )
    scheme: str = setting(
        "How the clients' updates are weighted and protected.",
        "fedavg",
        choices=tuple(SCHEMES),
        experiments=training(but=("schemes", "poisoning")),
    )
    preset: str = setting(
        "Settings that go together; each can be overridden.",
        "quick",
        choices=tuple(PRESETS),
        experiments=_ALL,
    )
    seed: int = setting(
        "The seed from which everything random is drawn, except keys and private noise.",
        0,
        range=Range(least=0, most=MAX_SEED),
        experiments=training(
            but=("schemes", "batch_size", "ablation", "poisoning", "privacy", "stragglers"),
            also=("statistics", "he"),
        ),
    )
