"""TOML files of sections, each of which is a group of settings as those of the command line."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tff_health.errors import ConfigError
from tff_health.settings.setting import Setting, settings_of
from tff_health.settings.words import nearest

_MOST_BYTES = 1_000_000


def read_toml(path: Path) -> dict[str, Any]:
    """Returns what a TOML file says.

    Raises:
        ConfigError: if it cannot be read, or is no TOML.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    if len(content) > _MOST_BYTES:
        raise ConfigError(f"{path}: is too large for a file of settings")
    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: is no TOML: {error}") from None


def check_sections(path: Path, data: Mapping[str, Any], known: tuple[str, ...]) -> None:
    """Refuses sections that are unknown or missing.

    Raises:
        ConfigError: with every problem found.
    """
    problems = [
        f"{path}: unknown section [{name}]{nearest(name, known)}; there are "
        + ", ".join(f"[{section}]" for section in known)
        for name in data
        if name not in known
    ]
    problems += [
        f"{path}: has no section [{name}]" for name in known if not isinstance(data.get(name), dict)
    ]
    if problems:
        raise ConfigError("\n".join(problems))


def read_section(path: Path, section: str, group: type, data: Mapping[str, Any]) -> Any:
    """Returns a section as a value of its group.

    Args:
        path: of the file, for errors.
        section: its name.
        group: a dataclass whose fields are settings; those without a default must be given.
        data: what the section says.

    Raises:
        ConfigError: with every problem found.
    """
    settings = {found.name: found for found in settings_of(group, section)}
    problems, values = [], {}
    for name, value in data.items():
        if name not in settings:
            near = nearest(name, settings) or f"; there are {', '.join(settings)}"
            problems.append(f"{path}: [{section}] has an unknown setting '{name}'{near}")
            continue
        try:
            values[settings[name].field] = _checked(settings[name], value)
        except ValueError as error:
            problems.append(f"{path}: [{section}] {name} is {_shown(value)}, but {error}")
    problems += [
        f"{path}: [{section}] lacks {name}: {found.about}"
        for name, found in settings.items()
        if found.default is None and name not in data
    ]
    if problems:
        raise ConfigError("\n".join(problems))
    return group(**values)


def _checked(setting: Setting, value: Any) -> Any:
    found = setting.from_data(value)
    if problem := setting.problem(found):
        raise ValueError(problem)
    if found == "" and setting.default is None:
        raise ValueError("must not be empty")
    if not all(
        one.isprintable() for one in (found if setting.is_list else [found]) if type(one) is str
    ):
        raise ValueError("must be text on one line")
    if setting.is_list and len(set(found)) < len(found):
        raise ValueError("must have nothing twice")
    return found


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
