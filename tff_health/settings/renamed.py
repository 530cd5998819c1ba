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
