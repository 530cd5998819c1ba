"""Checks of experiments that consist of several runs, or of sums alone."""

import math

from tff_health.schemes import SCHEMES
from tff_health.settings.config import RunConfig
from tff_health.settings.groups.run import SUMMING
from tff_health.settings.table import used_by
from tff_health.settings.words import shown

_FEWEST_CLIENTS = 3
_VARIED = (
    *("seeds", "batch_sizes", "client_counts", "dropout_rates"),
    *("attacks", "hostile_shares", "defences", "slow_shares", "modes"),
)


def problems(config: RunConfig) -> list[str]:
    """Says what is wrong for an experiment of several runs."""
    found, used = [], used_by(config.run.experiment)
    for name in _VARIED:
        values = config.value(name)
        if name in used and (not values or len(set(values)) != len(values)):
            found.append(f"{shown(name, values)}: must be one or more, none twice")
    if "dropout_rates" in used and not SCHEMES[config.run.scheme].protocol:
        found.append(
            f"--scheme={config.run.scheme}: has no protocol that clients could drop out of; these "
            f"have one: {', '.join(SUMMING)}"
        )
    if "defences" in used and not config.robust.update_norm:
        found.append(
            f"{shown('update_norm', config.robust.update_norm)}: experiment "
            f"{config.run.experiment} needs one above 0, which clipping, groups and bound go by"
        )
    if "modes" in used and config.study.modes and "all" not in config.study.modes:
        found.append(f"{shown('modes', config.study.modes)}: others are held against it: add 'all'")
    if "epsilons" in used:
        found += _epsilons_problems(config.study.epsilons)
    return found


def _epsilons_problems(epsilons: tuple[str, ...]) -> list[str]:
    text = shown("epsilons", epsilons)
    try:
        numbers = [float(epsilon) for epsilon in epsilons]
    except ValueError:
        return [f"{text}: must be numbers, or inf, joined by commas"]
    if any(
        math.isinf(n) and "inf" not in e.lower() for e, n in zip(epsilons, numbers, strict=True)
    ):
        return [f"{text}: must be finite numbers, or inf for training that is not private"]
    if not all(e.isascii() and "_" not in e for e in epsilons):  # they name the runs
        return [f"{text}: must be numbers in plain digits, or inf, joined by commas"]
    if not numbers or len(set(numbers)) != len(numbers) or not all(n > 0 for n in numbers):
        return [f"{text}: must be one or more numbers above 0, none twice"]
    return []


def sum_problems(config: RunConfig) -> list[str]:
    """Says what is wrong for an experiment on sums, whose schemes are not chosen."""
    found = []
    if config.cohort.num_clients < _FEWEST_CLIENTS:
        found.append(
            f"--num_clients={config.cohort.num_clients}: must be {_FEWEST_CLIENTS} or more, as the "
            "sum of two gives one's value to the other"
        )
    try:
        config.modulus_bits  # noqa: B018 - raises if there is none
    except ValueError as error:
        found.append(f"--fraction_bits, --clip_range: {error}")
    return found
