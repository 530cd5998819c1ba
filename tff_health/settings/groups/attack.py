"""Settings of simulated hostile clients; experiment `poisoning` sets them, and nobody else can."""

from dataclasses import dataclass

from tff_health.settings.setting import Range, setting

ATTACKS = ("label_flip", "scale", "noise", "backdoor", "lie")
OF_ATTACKS = ("attack", "hostile_share", "attack_strength", "enforced_norm", "keeps_norm")
"""Settings that runs without hostile clients and without an enforced norm do not keep."""
_OWN = ("train",)


@dataclass(frozen=True, kw_only=True)
class AttackSettings:
    """What some of the clients do instead of what they should, in a simulation."""

    kind: str = setting(
        "What hostile clients do: train on wrong labels (label_flip), and multiply what comes of "
        "it (scale) or claim the highest data quality for it (lie); send Gaussian noise (noise); "
        "or mark images, and train them to be of one class (backdoor).",
        "none",
        flag="attack",
        choices=("none", *ATTACKS),
        experiments=_OWN,
        is_own=True,
    )
    hostile_share: float = setting(
        "Share of the clients that are hostile.",
        0.0,
        range=Range(least=0, most=1),
        experiments=_OWN,
        is_own=True,
    )
    strength: float = setting(
        "What attack scale multiplies its update with, and how many times longer than its update "
        "the noise of attack noise is.",
        10.0,
        flag="attack_strength",
        range=Range(above=0, below=float("inf")),
        experiments=_OWN,
        is_own=True,
    )
    enforced_norm: float = setting(
        "Norm above which an update is refused, as by a proof, so that its client drops out; 0 "
        "for none.",
        0.0,
        range=Range(least=0, below=float("inf")),
        experiments=_OWN,
        is_own=True,
    )
    keeps_norm: bool = setting(
        "Whether hostile clients scale what they send down to the enforced norm.",
        False,
        experiments=_OWN,
        is_own=True,
    )
