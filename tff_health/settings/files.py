"""Settings files: TOML that a user writes, or the config.json that a run left behind."""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tff_health.errors import ConfigError
from tff_health.settings.chosen import CHOSEN
from tff_health.settings.table import LOCAL, SETTINGS
from tff_health.settings.texts import read_text
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
    text = read_text("settings", path)
    # No TOML begins so.
    is_json = path.suffix.lower() == ".json" or text.lstrip().startswith("{")
    try:
        data = read_json(text) if is_json else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        form = "JSON" if is_json else "TOML (or the config.json of a run)"
        raise ConfigError(f"--settings={path}: {error}: must be {form}") from None
    if is_json and isinstance(data, dict):
        data = data.get("config", data)
    if not isinstance(data, dict) or (is_json and not data):
        raise ConfigError(f"--settings={path}: has no settings: name the config.json of a run")
    values, problems = {}, []
    for name, found in data.items():
        setting = SETTINGS.get(name)
        if setting is None and isinstance(found, dict):
            problems.append(
                f"--settings={path}: has a section '{name}': settings stand by themselves, so "
                "write them without it"
            )
            continue
        if setting is None or name == _NO_FILE_IN_FILE or (setting.is_own and not is_json):
            problems.append(f"--settings={path}: {_unknown(name)}")
            continue
        try:
            values[name] = setting.from_data(found)
        except ValueError as error:
            problems.append(f"--settings={path}: {name} is {found!r}, but {error}")
            continue
        if setting.group == LOCAL and isinstance(found, str) and not found.strip():
            problems.append(
                f"--settings={path}: {name} is {found!r}, but must not be empty: leave it out for "
                "its default"
            )
    if problems:
        raise ConfigError("\n".join(problems))
    return values


def read_json(text: str) -> Any:
    """Returns what a text in JSON says.

    Raises:
        ValueError: if it is none, or has a key twice in one place.
        RecursionError: if it is nested too deeply.
    """
    return json.loads(text, object_pairs_hook=_without_repeats)


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"'{next(n for n in names if names.count(n) > 1)}' is there twice")
    return found


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
