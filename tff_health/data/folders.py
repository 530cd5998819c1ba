"""Where data files and caches are, unless the user says otherwise."""

from collections.abc import Mapping
from pathlib import Path

DATA_DIR_VARIABLE = "TFF_HEALTH_DATA_DIR"


def data_folder(argument: str | Path | None, environment: Mapping[str, str]) -> Path:
    """The folder of the data files: `argument`, else $TFF_HEALTH_DATA_DIR, else the user's cache.

    An empty argument or variable counts as not given. The folder need not exist.
    """
    chosen = argument or environment.get(DATA_DIR_VARIABLE)
    return Path(chosen).expanduser() if chosen else _user_cache(environment) / "data"


def cache_folder(environment: Mapping[str, str]) -> Path:
    """The folder for what can be computed again at any time. It need not exist."""
    return _user_cache(environment) / "cache"


def _user_cache(environment: Mapping[str, str]) -> Path:
    # The XDG specification says that a relative path is to be ignored.
    chosen = Path(environment.get("XDG_CACHE_HOME", ""))
    base = chosen if chosen.is_absolute() else Path("~/.cache").expanduser()
    return base / "tff_health"
