"""Checks of settings of virtual time."""

import dataclasses
from pathlib import Path

from tff_health.schemes import SCHEMES
from tff_health.secure_aggregation import bindings
from tff_health.settings.config import RunConfig
from tff_health.settings.groups.clock import CLIENT_TIMES
from tff_health.settings.table import SETTINGS
from tff_health.settings.words import nearest, no_effect, shown
from tff_health.virtual_time.trace import read_trace

_OF_DRAWN = ("speed_spread", "bandwidth_spread")
_NOT_OF_A_TRACE = ("bandwidth", "availability", "slow_clients", "slow_factor", *_OF_DRAWN)
_MANY = 10  # clients, of whom protocols with a threshold bear that some drop out
_SUMS = "--scheme=bonawitz, zhang or zhang_hardened"
_REFUSED_NOISE = {
    "distributed": "--dp_noise=distributed needs the whole noise of every client in a sum, and "
    "updates that are scaled by their age bring less of it",
    "client": "--dp_noise=client counts on sums over cohorts that the server draws, and who is "
    "done first is not drawn",
}
_MAKE_LATE = ("deadline", "deadline_share", "over_selection")


def problems(config: RunConfig) -> list[str]:
    """Says what is wrong with settings whose values are allowed."""
    times = config.clock.client_times
    if times == "none":
        given = [n for n in _own(config) if n != "client_times"]
        return [no_effect(shown(name, config.value(name)), "--client_times=none") for name in given]
    found = []
    if config.has_groups:
        found.append(
            f"--client_times={times}: sums of --robust={config.robust.kind} have no virtual time, "
            "as each group has a session of its own: leave one of them out"
        )
    if times not in CLIENT_TIMES:
        found += _trace_problems(config)
    if times == "equal":
        found += _without_effect(config, _OF_DRAWN)
    if not config.clock.slow_clients and config.run.experiment == "train":
        found += _without_effect(config, ("slow_factor",), "--slow_clients=0.0")
    if config.draws_lots and not config.clock.step_seconds:
        found.append(
            f"--client_times={times}: what a private step takes is not measured: give "
            "--step_seconds"
        )
    found += [*_stage_problems(config), *_late_problems(config), *_partial_problems(config)]
    return found + _buffer_problems(config)


def _own(config: RunConfig) -> list[str]:
    """The settings of the group that are not as they are by default."""
    own = (s for s in SETTINGS.values() if s.group == "clock")
    return [s.name for s in own if config.value(s.name) != s.default]


def _without_effect(config: RunConfig, names: tuple[str, ...], other: str = "") -> list[str]:
    other = other or f"--client_times={config.clock.client_times}"
    return [no_effect(shown(n, config.value(n)), other) for n in _own(config) if n in names]


def _trace_problems(config: RunConfig) -> list[str]:
    path = Path(config.clock.client_times)
    if not path.is_file():
        near = nearest(config.clock.client_times, CLIENT_TIMES)
        return [
            f"--client_times={path}: must be one of {', '.join(CLIENT_TIMES)}, or the path of a "
            f"CSV file, and there is none{near}"
        ]
    read_trace(path, config.cohort.num_clients)
    return _without_effect(config, _NOT_OF_A_TRACE)


def _stage_problems(config: RunConfig) -> list[str]:
    given, protocol = config.clock.stage_seconds, SCHEMES[config.run.scheme].protocol
    if not given:
        return []
    if protocol is None:
        return [no_effect(shown("stage_seconds", given), f"--scheme={config.run.scheme}")]
    stages = bindings.BINDINGS[protocol].build(config.protocol_settings()).stages
    if len(given) == 2 * len(stages):
        return []
    return [
        f"{shown('stage_seconds', given)}: {len(given)} numbers, and --scheme={config.run.scheme} "
        f"has {len(stages)} stages ({', '.join(stages)}): give {2 * len(stages)}, those of a "
        "client and then those of the server"
    ]


def _late_problems(config: RunConfig) -> list[str]:
    asked = [name for name in _MAKE_LATE if config.value(name)]
    protocol, cohort = SCHEMES[config.run.scheme].protocol, config.cohort
    if not asked:
        return []
    drawn = config.cohort_size
    if drawn > cohort.num_clients:
        return [
            f"{shown('over_selection', config.clock.over_selection)}: draws {drawn} of "
            f"--num_clients={cohort.num_clients} clients: lower it, or --clients_per_round"
        ]
    if protocol is None:
        return []
    plan = bindings.BINDINGS[protocol].plan(config.protocol_settings(), drawn)
    left = cohort.clients_per_round - config.num_dropouts
    if plan.survivors >= drawn:
        return [
            f"{shown(name, config.value(name))}: --scheme={config.run.scheme} needs the updates "
            f"of all clients ({plan.reason}), so that none may be late"
            for name in asked
        ]
    if "over_selection" in asked and left < plan.survivors:
        return [
            f"{shown('over_selection', config.clock.over_selection)}: leaves {left} of {drawn} "
            f"clients, and {plan.survivors} must survive a round: lower it"
        ]
    return []


def _partial_problems(config: RunConfig) -> list[str]:
    scheme = config.run.scheme
    if config.clock.partial_work == "none":
        return _without_effect(config, ("deadline_slack",), "--partial_work=none")
    text = shown("partial_work", config.clock.partial_work)
    if not (config.clock.deadline or config.clock.deadline_share):
        return [f"{text}: has no effect without --deadline or --deadline_share"]
    if SCHEMES[scheme].weighs_by_quality:
        return [
            f"{text}: --scheme={scheme} weighs an update by its distance from the others', which "
            "scaling changes: use --scheme=bonawitz or fedavg"
        ]
    if config.robust.update_norm:
        return [
            f"{text}: scales updates, which may then be longer than --update_norm="
            f"{config.robust.update_norm}: leave one of them out"
        ]
    if config.privacy.noise != "none":
        return [
            f"{text}: the noise of --dp_noise={config.privacy.noise} is made for the whole work, "
            "and scaled updates would need more: leave one of them out"
        ]
    return []


def _buffer_problems(config: RunConfig) -> list[str]:
    size, scheme = config.clock.buffer_size, SCHEMES[config.run.scheme]
    if config.run.experiment != "train":
        return []
    if not size:
        return _without_effect(config, ("staleness",), "--buffer_size=0")
    text = shown("buffer_size", size)
    found = _without_effect(config, (*_MAKE_LATE, "partial_work"), text)
    most = config.cohort.clients_per_round
    if size > most:
        found.append(f"{text}: must be at most --clients_per_round={most}, who train at once")
    if scheme.protocol is None:
        return [
            *found,
            f"{text}: --scheme={scheme.name} has no secure sum, so that a buffer would hide "
            f"nothing: use {_SUMS}",
        ]
    many = max(size, _MANY)
    settings = dataclasses.replace(config.protocol_settings(), threshold=0)
    plan = bindings.BINDINGS[scheme.protocol].plan(settings, many)
    if plan.survivors >= many:
        found.append(
            f"{text}: --scheme={scheme.name} needs the updates of all clients in a sum "
            f"({plan.reason}), and who is done may be gone: use {_SUMS}"
        )
    if scheme.weighs_by_quality and config.clock.staleness != "none":
        found.append(
            f"{shown('staleness', config.clock.staleness)}: --scheme={scheme.name} weighs an "
            "update by its distance from the others', which scaling changes: use "
            "--staleness=none, or --scheme=bonawitz"
        )
    if config.privacy.noise in _REFUSED_NOISE:
        found.append(f"{text}: {_REFUSED_NOISE[config.privacy.noise]}; use --dp_noise=local")
    return found
