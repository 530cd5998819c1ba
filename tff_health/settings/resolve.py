"""From what a user gives to the settings of a run: what is given, else presets, else defaults."""

from collections.abc import Mapping
from typing import Any

from tff_health.data.catalog import DATA_SETS, find, full_name
from tff_health.data.split_names import COPIES_BY_SPLIT
from tff_health.errors import ConfigError
from tff_health.settings.chosen import CHOSEN
from tff_health.settings.config import RunConfig
from tff_health.settings.experiments import EXPERIMENTS
from tff_health.settings.presets import ALL_ROUNDS, preset_settings
from tff_health.settings.table import LOCAL, SETTINGS, used_by
from tff_health.settings.words import nearest, no_effect, shown

# What distributed noise has unless said otherwise: rounding costs it less, the finer the grid is.
_FINE_GRID: dict[str, Any] = {"fraction_bits": 24, "clip_range": 1.0}


def resolve(given: Mapping[str, Any]) -> RunConfig:
    """Settles every setting.

    Args:
        given: what the user gave on the command line and in a file, by names of settings.

    Raises:
        ConfigError: if experiment, data set or preset is unknown, or the experiment does not use
            all that is given.
    """
    settings = {
        name: found.default
        for name, found in SETTINGS.items()
        if found.group != LOCAL and found.default is not None
    }
    experiment = _known("experiment", given.get("experiment", settings["experiment"]))
    settings |= EXPERIMENTS[experiment].defaults
    preset = _known("preset", given.get("preset", settings["preset"]))
    dataset = _data_set(given.get("dataset", settings["dataset"]))
    if preset not in EXPERIMENTS[experiment].presets:
        raise ConfigError(no_effect(f"--preset={preset}", f"--experiment={experiment}"))
    settings["split"] = find(dataset).splits[0]
    settings |= preset_settings(preset, dataset, experiment)
    _refuse_foreign(experiment, given)
    own = {name: value for name, value in given.items() if SETTINGS[name].group != LOCAL}
    settings |= own | {"dataset": dataset}
    if settings["dp_noise"] == "distributed":
        settings |= {name: value for name, value in _FINE_GRID.items() if name not in own}
    settings.setdefault("clients_per_round", settings["num_clients"])
    if settings["decay_rounds"] is ALL_ROUNDS:
        settings["decay_rounds"] = settings["rounds"]
    if "given" in used_by(experiment) and "given" not in own:
        settings["given"] = tuple(name for name in CHOSEN if name in own)
    if "augment_copies" not in own and settings["split"] in COPIES_BY_SPLIT:
        settings["augment_copies"] = COPIES_BY_SPLIT[settings["split"]]
    return RunConfig.of(settings)


def _known(name: str, value: str) -> str:
    allowed = SETTINGS[name].choices
    if value not in allowed:
        near = nearest(value, allowed)
        raise ConfigError(f"{shown(name, value)}: allowed are {', '.join(allowed)}{near}")
    return value


def _data_set(text: str) -> str:
    try:
        return full_name(text)
    except ConfigError:
        near = nearest(text, DATA_SETS)
        raise ConfigError(
            f"{shown('dataset', text)}: allowed are {', '.join(DATA_SETS)}, or the path of images "
            f"of your own{near}"
        ) from None


def _refuse_foreign(experiment: str, given: Mapping[str, Any]) -> None:
    """Refuses settings that have no effect on the experiment."""
    used = used_by(experiment)
    asked = (name for name, value in given.items() if value or SETTINGS[name].group != LOCAL)
    if foreign := [f"--{name}" for name in asked if name not in used]:
        raise ConfigError(
            "\n".join(no_effect(name, f"--experiment={experiment}") for name in foreign)
        )
