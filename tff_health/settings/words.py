"""How errors about settings are worded: what was found, what is allowed, what to do."""

import difflib
from collections.abc import Iterable
from typing import Any

from tff_health.settings.table import SETTINGS


def shown(name: str, value: Any) -> str:
    """Returns a setting as it would be given on the command line."""
    if isinstance(value, tuple):
        value = ",".join(map(str, value))
    return f"--{name}={value}"


def no_effect(found: str, other: str, *, used_with: str = "") -> str:
    """Says that a setting has no effect beside another one.

    Args:
        found: the setting, as on the command line.
        other: the one beside which it has none.
        used_with: where it has one; "" if that is no help.
    """
    return f"{found} has no effect with {other}: leave it out{used_with}"


def scheme_has_no_effect(name: str, value: Any, scheme: str) -> str:
    """Says that a setting has no effect with a scheme, and with which it has one."""
    having = ", ".join(SETTINGS[name].schemes)
    used_with = f", or use --scheme with one of {having}"
    return no_effect(shown(name, value), f"--scheme={scheme}", used_with=used_with)


def nearest(name: str, known: Iterable[str]) -> str:
    """Returns "; did you mean ...?" with the most similar name; "" if none is."""
    spelled = {other.lower(): other for other in known}
    found = difflib.get_close_matches(name.lower(), list(spelled), 1)
    return f"; did you mean {spelled[found[0]]}?" if found else ""
