"""Experiment `stragglers`: clients that are slow, and hold classes that others do not.

All wait for the slow ones; or the server goes on without them; or they do less. Rounds that wait
for nobody are shorter, and so there are more of them.
"""

from dataclasses import dataclass
from typing import Any

from tff_health.data.partition import rare_classes
from tff_health.experiments import stragglers_report
from tff_health.experiments.stragglers_report import ALL, Stragglers
from tff_health.settings.config import Invocation, RunConfig
from tff_health.settings.table import SETTINGS
from tff_health.studies.run import FinishedStudy, run_study
from tff_health.studies.study import Part, part_config

_MORE_WORK = 2
_SLACK = 2.0  # so that clients ten times slower do a fifth of their steps or less
_IN_ROUNDS: dict[str, Any] = {"buffer_size": 0, "staleness": SETTINGS["staleness"].default}
_NO_DEADLINE: dict[str, Any] = {"deadline": 0.0, "deadline_share": 0.0}


@dataclass(frozen=True)
class Mode:
    """One way to treat slow clients.

    Attributes:
        group: for people.
        changes: of settings.
        more_work: how many times as many clients' trainings it has.
    """

    group: str
    changes: dict[str, Any]
    more_work: int = _MORE_WORK


_MODES = {
    "all": Mode(ALL, _IN_ROUNDS | _NO_DEADLINE, 1),
    "deadline": Mode("deadline", _IN_ROUNDS),
    "partial_work": Mode(
        "partial work", _IN_ROUNDS | {"partial_work": "fednova", "deadline_slack": _SLACK}
    ),
    "asynchronous": Mode("asynchronous", _NO_DEADLINE),
}


def run(invocation: Invocation) -> None:
    """Runs what is missing, and leaves a table, figures and a report; prints a summary.

    Raises:
        TffHealthError: as experiment `train`.
    """
    run_study(invocation, plan(invocation.config), _write)


def _write(done: FinishedStudy) -> str:
    names = done.study.images.class_names
    rare = [names[label] for label in rare_classes(done.study.images)]
    found = Stragglers(done.compared(_notes), rare)
    return stragglers_report.write(done.folder, done.study.config, found)


def _notes(part: Part) -> dict[str, Any]:
    return {"slow_clients": part.config.clock.slow_clients, "mode": part.group.split(": ")[1]}


def plan(config: RunConfig) -> list[Part]:
    """Returns the runs: every share of slow clients and every mode with every seed."""
    return [
        Part(
            f"slow{round(100 * share)}-{name}-seed{seed}",
            f"{100 * share:.0f} % slow: {_MODES[name].group}",
            _part(config, share, _MODES[name], seed),
        )
        for seed in config.study.seeds
        for share in config.study.slow_shares
        for name in config.study.modes
    ]


def _part(config: RunConfig, share: float, mode: Mode, seed: int) -> RunConfig:
    clients = config.cohort.clients_per_round
    in_a_sum = mode.changes.get("buffer_size", config.clock.buffer_size) or clients
    rounds = mode.more_work * config.training.rounds * clients / in_a_sum
    changes = {"slow_clients": share, "rounds": round(rounds), **mode.changes}
    if not share:
        changes["slow_factor"] = SETTINGS["slow_factor"].default
    return part_config(config, config.run.scheme, seed, **changes)
