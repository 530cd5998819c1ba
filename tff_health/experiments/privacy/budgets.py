"""Experiment `privacy`: accuracy over epsilon, and what attacks find (the report's Table 1).

Hospitals train privately, and a secure sum hides their updates. Each epsilon has settings of its
own, chosen beforehand on validation parts (`privacy_tuning`); the test part is only looked at here.
"""

import math
from typing import Any

from tff_health.experiments.privacy import report
from tff_health.settings.chosen import load_chosen, settings_for
from tff_health.settings.config import Invocation, RunConfig
from tff_health.settings.table import defaults_of
from tff_health.studies.run import FinishedStudy, run_study
from tff_health.studies.study import Part, part_config


def run(invocation: Invocation) -> None:
    """Runs what is missing, and leaves tables, figures and a report; prints a summary.

    Raises:
        TffHealthError: as experiment `train`.
    """
    run_study(invocation, plan(invocation.config), _write)


def _write(done: FinishedStudy) -> str:
    # Imports TensorFlow, which takes seconds: not for a dry run, nor where all is done.
    from tff_health.experiments.privacy.attacks import attack

    runs = done.compared(lambda _: {"epsilon": math.inf})  # where nothing was spent
    attacks = attack(done.study, done.results)
    return report.write(done.folder, done.study.config, runs, attacks)


def plan(config: RunConfig) -> list[Part]:
    """Returns the runs: every epsilon with every seed."""
    chosen = load_chosen(config.study.chosen, config.data.dataset)
    return [
        Part(
            f"epsilon{epsilon}-seed{seed}",
            f"epsilon {epsilon}",
            budget_config(config, epsilon, seed, settings_for(chosen, epsilon)),
        )
        for seed in config.study.seeds
        for epsilon in config.study.epsilons
    ]


def budget_config(config: RunConfig, epsilon: str, seed: int, chosen: dict[str, Any]) -> RunConfig:
    """Returns the settings of a run with one budget.

    Args:
        config: of the experiment; settings that were given by flags override chosen ones.
        epsilon: the budget, or "inf" for training that is not private.
        seed: of the run.
        chosen: for this epsilon.
    """
    budget = (
        {"epsilon": float(epsilon)} if math.isfinite(float(epsilon)) else defaults_of("privacy")
    )
    settings = {name: value for name, value in chosen.items() if name not in config.study.given}
    return part_config(config, config.run.scheme, seed, **{**settings, **budget})
