"""Values of settings that had another name in an earlier version, and are accepted under both."""

from typing import Any

_NOW: dict[str, dict[str | bool, str]] = {
    "partition": {"source": "site"},
    "dp_unit": {"lesion": "group"},
    "normalise": {"true": "public", "false": "none", True: "public", False: "none"},
}


def present(name: str, value: Any) -> Any:
    """Returns the present name of a setting's value; a value that was not renamed as it is.

    Args:
        name: of the setting.
        value: from a command line, a settings file or the config.json of an earlier run.
    """
    return _NOW.get(name, {}).get(value, value) if isinstance(value, str | bool) else value


def first(name: str, value: Any) -> Any:
    """Returns the name that a setting's value had at first, by which default folders are named."""
    names = [old for old, now in _NOW.get(name, {}).items() if now == value]
    return names[-1] if names else value
