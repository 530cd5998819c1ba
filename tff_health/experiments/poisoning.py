"""Experiment `poisoning`: what hostile clients do to the model, and what keeps them from it.

Every attack is tried with every share of hostile clients, against every defence; each defence is
also trained without anybody hostile. What a norm bound that is enforced does to hostile clients is
simulated: an update above it is refused, and its client drops out of the round.
"""

from dataclasses import dataclass
from typing import Any

from tff_health.experiments import poisoning_report
from tff_health.settings.config import Invocation, RunConfig
from tff_health.settings.table import SETTINGS
from tff_health.studies.run import FinishedStudy, run_study
from tff_health.studies.study import Part, part_config

_GROUPED = ("group_size", "group_rule", "trimmed_share")


@dataclass(frozen=True)
class Case:
    """One way to attack and to defend.

    Attributes:
        defence: of `settings.groups.study.DEFENCES`.
        attack: of `settings.groups.attack.ATTACKS`, or "none".
        share: of the clients, that is hostile.
    """

    defence: str
    attack: str
    share: float

    @property
    def name(self) -> str:
        """For folders and as a group of runs."""
        return f"{self.defence}-{self.attack}-{self.share:g}"


def run(invocation: Invocation) -> None:
    """Runs what is missing, and leaves tables, figures and a report; prints a summary.

    Raises:
        TffHealthError: as experiment `train`.
    """
    run_study(invocation, plan(invocation.config), _write)


def _write(done: FinishedStudy) -> str:
    found = {case.name: case for case in cases(done.study.config)}
    runs = done.compared(lambda part: vars(found[part.group]))
    return poisoning_report.write(done.folder, done.study.config, done.tested, runs)


def plan(config: RunConfig) -> list[Part]:
    """Returns the runs: every case with every seed."""
    return [
        Part(f"{case.name}-seed{seed}", case.name, case_config(config, case, seed))
        for seed in config.study.seeds
        for case in cases(config)
    ]


def cases(config: RunConfig) -> list[Case]:
    """Returns what is compared, each defence without an attack first.

    Without an attack, attackers who keep to a norm are none, so that there one defence is enough;
    and nobody can lie about a quality that nobody asks for.
    """
    study = config.study
    found = [Case(d, "none", 0.0) for d in study.defences if d != "kept_bound"]
    for attack in study.attacks:
        for share in study.hostile_shares:
            for defence in study.defences:
                if attack != "lie" or defence == "quality":
                    found.append(Case(defence, attack, share))
    return found


def case_config(config: RunConfig, case: Case, seed: int) -> RunConfig:
    """Returns the settings of one run."""
    norm = config.robust.update_norm
    plain = {name: SETTINGS[name].default for name in _GROUPED}
    changes: dict[str, Any] = {
        **{"robust": "none", "update_norm": 0.0, **plain},
        **{"attack": case.attack, "hostile_share": case.share},
        "attack_strength": config.study.strength,
    }
    match case.defence:
        case "clipping":
            changes |= {"update_norm": norm}
        case "groups":
            given = {name: config.value(name) for name in _GROUPED}
            changes |= {"robust": "groups", "update_norm": norm, **given}
        case "bound":
            changes |= {"update_norm": norm, "enforced_norm": norm}
        case "kept_bound":
            changes |= {"update_norm": norm, "enforced_norm": norm, "keeps_norm": True}
    scheme = "zhang" if case.defence == "quality" else "bonawitz"
    return part_config(config, scheme, seed, **changes)
