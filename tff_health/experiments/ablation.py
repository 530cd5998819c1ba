"""Experiment `ablation`: what each part of better training gives.

One run has the settings as they are given; in every other one a part of the training is switched:
left out where it is used, added where it is not.
"""

from dataclasses import dataclass
from typing import Any

from tff_health.data.catalog import find
from tff_health.experiments import ablation_report
from tff_health.settings.config import Invocation, RunConfig
from tff_health.studies.run import FinishedStudy, run_study
from tff_health.studies.study import Part, part_config

_SWITCHES = ("train_flips", "train_rotations", "test_flips", "test_rotations")
_AMOUNTS = {
    **{"train_colours": 0.1, "class_balance": 0.5},
    **{"client_momentum": 0.9, "server_momentum": 0.5},
}


@dataclass(frozen=True)
class Variant:
    """One way to train.

    Attributes:
        name: for its folders.
        group: for people.
        changes: the settings that differ from those given.
    """

    name: str
    group: str
    changes: dict[str, Any]


def run(invocation: Invocation) -> None:
    """Runs what is missing, and leaves a table, a figure and a report; prints a summary.

    Raises:
        TffHealthError: as experiment `train`.
    """
    run_study(invocation, plan(invocation.config), _write)


def _write(done: FinishedStudy) -> str:
    changes = {variant.group: variant.changes for variant in variants(done.study.config)}
    runs = done.compared(lambda part: {"changes": changes[part.group]})
    config = done.study.config
    return ablation_report.write(done.folder, config, done.tested, runs)


def plan(config: RunConfig) -> list[Part]:
    """Returns the runs: every variant with every seed."""
    return [
        Part(
            f"{variant.name}-seed{seed}",
            variant.group,
            part_config(config, config.run.scheme, seed, **variant.changes),
        )
        for seed in config.study.seeds
        for variant in variants(config)
    ]


def variants(config: RunConfig) -> list[Variant]:
    """Returns what is compared, the settings as given first, and last all parts left out."""
    kind = "secure" if find(config.data.dataset).is_own else "public"
    full = {
        **{"normalise": kind, **dict.fromkeys(_SWITCHES, True), **_AMOUNTS},
        "decay_rounds": config.training.rounds,
    }
    none = {name: type(value)() for name, value in full.items()} | {"normalise": "none"}
    used = {name: none[name] for name in full if config.value(name) != none[name]}
    found = [Variant("given", ablation_report.AS_GIVEN, {})]
    for name, amount in full.items():
        changes = {name: used.get(name, amount)}
        # Changes of colour are in units of standardised channels, and come and go with them.
        if name == "normalise" and "train_colours" in used:
            changes["train_colours"] = none["train_colours"]
        if name == "train_colours" and "normalise" not in used:
            changes["normalise"] = full["normalise"]
        how = "without" if name in used else "with"
        said = [
            n if value in (True, none[n], "public") else f"{n} {value}"
            for n, value in changes.items()
        ]
        group = f"{how} {' and '.join(said)}"
        found.append(Variant(f"{how}_{name}", group, changes))
    if len(used) > 1:
        found.append(Variant("plain", "without all of them", used))
    return found
