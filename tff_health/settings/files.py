"""Settings files: TOML that a user writes, or the config.json that a run left behind."""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tff_health.errors import ConfigError
from tff_health.settings.chosen import CHOSEN
from tff_health.settings.table import SETTINGS
from tff_health.settings.words import nearest

_NO_FILE_IN_FILE = "settings"


def read_settings(path: Path) -> dict[str, Any]:
    """Returns what a settings file says, by names of settings.

    Args:
        path: of JSON if its name ends in .json, as config.json of a run; else of TOML.

    Raises:
        ConfigError: if it cannot be read, or has keys or kinds of values that no setting has;
            with every problem found.
    """
    is_json = path.suffix == ".json"
    try:
        text = path.read_text(encoding="utf-8")
        data = json.loads(text) if is_json else tomllib.loads(text)
    except OSError as error:
        raise ConfigError(f"--settings={path}: {error.strerror}: name another file") from None
    except ValueError as error:
        form = "JSON" if is_json else "TOML (or the config.json of a run)"
        raise ConfigError(f"--settings={path}: {error}: must be {form}") from None
    if is_json and isinstance(data, dict):
        data = data.get("config", data)
    if not isinstance(data, dict):
        raise ConfigError(f"--settings={path}: has no settings: name the config.json of a run")
    values, problems = {}, []
    for name, found in data.items():
        setting = SETTINGS.get(name)
        if setting is None or name == _NO_FILE_IN_FILE or (setting.is_own and not is_json):
            problems.append(f"--settings={path}: {_unknown(name)}")
            continue
        try:
            values[name] = setting.from_data(found)
        except ValueError as error:
            problems.append(f"--settings={path}: {name} is {found!r}, but {error}")
    if problems:
        raise ConfigError("\n".join(problems))
    return values


def _unknown(name: str) -> str:
    known = [n for n, s in SETTINGS.items() if not s.is_own and n != _NO_FILE_IN_FILE]
    return f"unknown setting '{name}'{nearest(name, known) or '; --help lists all'}"


def overridden(read: Mapping[str, Any], flags: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what a file says, overridden by flags.

    Args:
        read: from the file. If it is a run's, it says itself what was given, as all else is in it.
        flags: as given on the command line.
    """
    merged = {**read, **flags}
    if "given" in read:
        merged["given"] = tuple(n for n in CHOSEN if n in read["given"] or n in flags)
    return merged
