"""Where data files and caches are, unless the user says otherwise."""

import os
from collections.abc import Mapping
from pathlib import Path

from tff_health.errors import ConfigError

DATA_DIR_VARIABLE = "TFF_HEALTH_DATA_DIR"


def data_folder(argument: str | Path | None, environment: Mapping[str, str]) -> Path | None:
    """The folder of the data files: `argument`, else $TFF_HEALTH_DATA_DIR, else the user's cache.

    An empty argument or variable counts as not given. The folder need not exist. None if nothing is
    given and the user has no home, as in many containers.

    Raises:
        ConfigError: if no file can have this name, or "~" stands for a home that is not known.
    """
    chosen = argument or environment.get(DATA_DIR_VARIABLE)
    if chosen:
        return expanded("--data_dir" if argument else f"${DATA_DIR_VARIABLE}", chosen)
    cache = _user_cache(environment)
    return cache and cache / "data"


def expanded(name: str, text: str | Path) -> Path:
    """Returns the path that a user wrote, with the home folder for "~".

    Args:
        name: of the flag or variable that it was given by, for errors.
        text: the path.

    Raises:
        ConfigError: if no file can have this name, or "~" stands for a home that is not known.
    """
    if not str(text).strip() or "\0" in str(text):
        raise ConfigError(f"{name}={str(text)!r}: no file can have this name; choose another")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise ConfigError(
            f"{name}={text}: no home folder is known here; write it in full"
        ) from None


def cache_folder(environment: Mapping[str, str]) -> Path | None:
    """The folder for what can be computed again at any time; it need not exist.

    None if the user has no home, or it cannot be written to.
    """
    cache = _user_cache(environment)
    return cache / "cache" if cache and _can_be_written(cache / "cache") else None


def _user_cache(environment: Mapping[str, str]) -> Path | None:
    # The XDG specification says that a relative path is to be ignored.
    base = Path(environment.get("XDG_CACHE_HOME", ""))
    if not base.is_absolute():
        try:
            base = Path("~/.cache").expanduser()
        except RuntimeError:  # the user has no home
            return None
    return base / "tff_health" if base.is_absolute() else None


def _can_be_written(folder: Path) -> bool:
    """Whether the folder, or the nearest one above it that is there, takes new files."""
    existing = next((path for path in (folder, *folder.parents) if os.path.lexists(path)), folder)
    return existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)
