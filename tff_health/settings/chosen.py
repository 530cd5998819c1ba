"""Settings of training for each epsilon, as they were chosen on validation parts; a JSON file.

`{"mnist": {"0.1": {"model": ..., "learning_rate": ...}, ..., "inf": {...}}, ...}`
"""

import json
import math
from pathlib import Path
from typing import Any

import models
from tff_health.data.folders import expanded
from tff_health.errors import ConfigError
from tff_health.settings.groups.privacy import OF_BATCHES, OF_LOTS
from tff_health.settings.table import SETTINGS
from tff_health.settings.texts import read_text

CHOSEN = (
    *("model", "normalise", "learning_rate", "client_momentum", "decay_rounds"),
    *OF_BATCHES,
    *OF_LOTS,
)
"""What is chosen for each epsilon; flags override it."""

SHIPPED = Path(__file__).parent / "chosen.json"
NONE = "none"


def load_chosen(source: str, dataset: str) -> dict[str, dict[str, Any]]:
    """Returns the settings by epsilon.

    Args:
        source: "" for those of this package, "none" for no settings, or a file.
        dataset: whose settings.

    Raises:
        ConfigError: if the file cannot be read, or has nothing for the data set.
    """
    if source == NONE:
        return {}
    path = expanded("--chosen", source) if source else SHIPPED
    try:
        found = json.loads(read_text("chosen", path))
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"--chosen={path}: {error}: use what privacy_tuning wrote") from None
    if not isinstance(found, dict) or not isinstance(found.get(dataset, {}), dict):
        raise ConfigError(f"--chosen={path}: has no settings by data set and epsilon")
    if dataset not in found:
        if not source:
            return {}
        raise ConfigError(f"--chosen={path}: has no settings for --dataset={dataset}")
    return {
        epsilon: _checked(path, epsilon, settings) for epsilon, settings in found[dataset].items()
    }


def _checked(path: Path, epsilon: str, settings: Any) -> dict[str, Any]:
    try:
        valid = float(epsilon) > 0
    except ValueError:
        valid = False
    if not valid or not isinstance(settings, dict):
        raise ConfigError(f"--chosen={path}: '{epsilon}' must be an epsilon with its settings")
    if foreign := sorted(set(settings) - set(CHOSEN)):
        raise ConfigError(
            f"--chosen={path}: {', '.join(foreign)} found; allowed are {', '.join(CHOSEN)}"
        )
    values = {}
    for name, value in settings.items():
        try:
            values[name] = SETTINGS[name].from_data(value)
            _check_value(name, values[name])
        except ValueError as problem:
            raise ConfigError(
                f"--chosen={path}: {name} of epsilon {epsilon} is {value!r}, but {problem}"
            ) from None
    return values


def _check_value(name: str, value: Any) -> None:
    problem = models.problem_with(value) if name == "model" else SETTINGS[name].problem(value)
    if problem:
        raise ValueError(problem)


def settings_for(chosen: dict[str, dict[str, Any]], epsilon: str) -> dict[str, Any]:
    """Returns the settings of the nearest epsilon, by ratio; without privacy, only its own."""
    wanted = float(epsilon)
    known = [name for name in chosen if math.isinf(float(name)) == math.isinf(wanted)]
    if not known:
        return {}
    if math.isinf(wanted):
        return chosen[known[0]]
    return chosen[min(known, key=lambda name: abs(math.log(float(name) / wanted)))]
