"""Experiment `privacy_tuning`: settings for each epsilon, chosen on the clients' validation parts.

The test part is not looked at: models are judged on what the clients put aside. What the choice
itself tells of these images, no noise covers; a hospital that may not even do that must choose on
public images, or pay for it (Papernot and Steinke 2022, "Hyperparameter tuning with Renyi
differential privacy").
"""

import dataclasses
import math
from typing import Any

import numpy as np

from tff_health.data.examples import Examples
from tff_health.data.federated import FederatedImages
from tff_health.data.seeds import generator
from tff_health.experiments.privacy import tuning_report
from tff_health.experiments.privacy.budgets import budget_config
from tff_health.reporting.files import write_json
from tff_health.settings.chosen import CHOSEN
from tff_health.settings.config import Invocation, RunConfig
from tff_health.settings.groups.privacy import OF_BATCHES, OF_LOTS
from tff_health.studies.run import FinishedStudy, run_study
from tff_health.studies.study import Part, PartResult, Study

_FEW_WEIGHTS = ("wavelet_linear", "scattering_linear")
_MORE_WEIGHTS = (*_FEW_WEIGHTS, "scattering_cnn", "tanh_cnn")
_SMALL_EPSILON = 1.0  # up to it, noise drowns networks with more weights
_RATES = (2.0, 32.0)
_LOT_SHARES = (0.0125, 0.025, 0.05)  # of a client's examples
_PASSES = (1, 2, 4)  # over them in a round, in the mean
_CLIPPING_NORM = 0.1  # below most norms, so that only its product with the rate matters
_PLAIN_RATES, _PLAIN_BATCHES = (0.02, 0.2), (32, 64)


def run(invocation: Invocation) -> None:
    """Runs what is missing, and leaves chosen.json, a table and a report; prints a summary.

    Raises:
        TffHealthError: as experiment `train`.
    """
    study = _ValidationStudy(invocation, [], invocation.out_dir)
    clients = study.federated(invocation.config).clients
    examples = min(len(client.training) for client in clients)
    run_study(invocation, plan(invocation.config, examples), _write, _ValidationStudy)


def _write(done: FinishedStudy) -> str:
    config, results = done.study.config, list(done.results.values())
    chosen = {
        epsilon: settings_of(best(results, epsilon).part) for epsilon in config.study.epsilons
    }
    write_json(done.folder.path / "chosen.json", {config.data.dataset: chosen})
    trials = [
        (result.part.group, settings_of(result.part), result.outcome.final_accuracy)
        for result in results
    ]
    return tuning_report.write(done.folder, config, trials)


class _ValidationStudy(Study):
    """A study whose models are judged on the clients' validation parts, not on the test part."""

    def federated(self, config: RunConfig) -> FederatedImages:
        whole = super().federated(config)
        validation = Examples.joined([client.validation for client in whole.clients])
        return dataclasses.replace(whole, test=validation)


def plan(config: RunConfig, examples: int) -> list[Part]:
    """Returns the trials: as many for every epsilon.

    Args:
        config: of the experiment.
        examples: of the smallest client.
    """
    return [
        Part(
            f"epsilon{epsilon}-trial{trial}",
            epsilon,
            budget_config(config, epsilon, config.run.seed, draw(config, epsilon, trial, examples)),
        )
        for epsilon in config.study.epsilons
        for trial in range(1, config.study.trials + 1)
    ]


def draw(config: RunConfig, epsilon: str, trial: int, examples: int) -> dict[str, Any]:
    """Draws the settings of a trial.

    Args:
        config: of the experiment; its seed decides.
        epsilon: the budget.
        trial: from 1.
        examples: of the smallest client.
    """
    rng = generator(config.run.seed, f"trial {trial} of epsilon {epsilon}")
    decays = config.training.rounds * int(rng.integers(2))
    if math.isinf(float(epsilon)):
        return {
            "learning_rate": _log_uniform(rng, _PLAIN_RATES),
            "batch_size": int(rng.choice(_PLAIN_BATCHES)),
            "local_epochs": int(rng.choice(_PASSES)),
            "client_momentum": 0.9 * int(rng.integers(2)),
            "decay_rounds": decays,
        }
    models = _FEW_WEIGHTS if float(epsilon) <= _SMALL_EPSILON else _MORE_WEIGHTS
    share = float(rng.choice(_LOT_SHARES))
    return {
        "model": str(rng.choice(models)),
        "learning_rate": _log_uniform(rng, _RATES),
        "lot_size": max(1, round(examples * share)),
        "local_steps": round(int(rng.choice(_PASSES)) / share),
        "clipping_norm": _CLIPPING_NORM,
        "client_momentum": 0.0,
        "decay_rounds": decays,
    }


def _log_uniform(rng: np.random.Generator, ends: tuple[float, float]) -> float:
    low, high = (math.log(end) for end in ends)
    return float(f"{math.exp(rng.uniform(low, high)):.2g}")


def best(results: list[PartResult], epsilon: str) -> PartResult:
    """Returns the trial with the highest accuracy on validation parts."""
    own = [result for result in results if result.part.group == epsilon]
    return max(own, key=lambda result: result.outcome.final_accuracy)


def settings_of(part: Part) -> dict[str, Any]:
    """The settings of a trial that are kept with it."""
    foreign = OF_BATCHES if part.config.privacy.noise != "none" else OF_LOTS
    return {name: part.config.value(name) for name in CHOSEN if name not in foreign}
