"""Clients' profiles as a CSV file: read from a trace, written for a run that drew them."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import astuple, fields
from pathlib import Path

from tff_health.errors import ConfigError
from tff_health.virtual_time.profiles import Profile

_FIELDS = tuple(field.name for field in fields(Profile))
COLUMNS = ("client", *_FIELDS)
_NEEDED = COLUMNS[:4]
_MOST_ERRORS = 5  # that are told at once
_MOST_BYTES = 10**8


def write_trace(profiles: Sequence[Profile]) -> str:
    """Returns the text of a trace that `read_trace` reads as the same profiles."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows((client, *astuple(profile)) for client, profile in enumerate(profiles))
    return text.getvalue()


def read_trace(path: Path, num_clients: int) -> tuple[Profile, ...]:
    """Reads the profiles of clients 0 to `num_clients` - 1; rows of others are left aside.

    Args:
        path: CSV with a heading. Columns are `client`, `slowness`, `megabits_up` and
            `megabits_down`, and perhaps `share_on` and `on_from`; see `Profile`.
        num_clients: how many must be there.

    Raises:
        ConfigError: if it cannot be read, or rows are missing, double or bad; the first ones are
            told, with their lines.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ConfigError(f"--client_times={path}: is longer than {_MOST_BYTES:,} bytes")
        text = path.read_text(encoding="utf-8-sig")
        lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"--client_times={path}: cannot be read: {error}") from None
    names = [name.strip() for name in lines[0]] if lines else []
    if not set(_NEEDED) <= set(names) <= set(COLUMNS) or len(set(names)) != len(names):
        raise ConfigError(
            f"--client_times={path}: its columns are {', '.join(names) or 'none'}; there must be "
            f"{', '.join(_NEEDED)}, and there may be {', '.join(COLUMNS[4:])}"
        )
    found, problems = _rows(names, lines[1:])
    missing = [str(client) for client in range(num_clients) if client not in found]
    if missing and not problems:
        problems = [f"clients {', '.join(missing[:_MOST_ERRORS])} have no row"]
    if problems:
        told = "; ".join(problems[:_MOST_ERRORS])
        more = f"; and {len(problems) - _MOST_ERRORS} more" if len(problems) > _MOST_ERRORS else ""
        raise ConfigError(
            f"--client_times={path}: {told}{more}: it must have one row for each of "
            f"{num_clients} clients, numbered from 0"
        )
    return tuple(found[client] for client in range(num_clients))


def _rows(
    names: Sequence[str], lines: Sequence[Sequence[str]]
) -> tuple[dict[int, Profile], list[str]]:
    """Returns the clients of the rows below the heading, and what is wrong with the others."""
    found: dict[int, Profile] = {}
    problems = []
    for number, cells in enumerate(lines, start=2):
        if not cells:
            continue
        try:
            client, profile = _row(names, cells)
        except ValueError as error:
            problems.append(f"line {number}: {error}")
            continue
        if client in found:
            problems.append(f"line {number}: client {client} has a row already")
        found[client] = profile
    return found, problems


def _row(names: Sequence[str], cells: Sequence[str]) -> tuple[int, Profile]:
    if len(cells) != len(names):
        raise ValueError(f"{len(cells)} cells, and there are {len(names)} columns")
    given = dict(zip(names, cells, strict=True))
    client = given.pop("client").strip()
    if not (client.isascii() and client.isdigit()):
        raise ValueError(f"client '{client}' must be a number from 0 on")
    return int(client), Profile(**{name: _number(name, given) for name in given})


def _number(name: str, given: Mapping[str, str]) -> float:
    try:
        value = float(given[name])
    except ValueError:
        raise ValueError(f"{name} '{given[name].strip()}' must be a number") from None
    if name == "on_from":
        if not 0 <= value < 1:
            raise ValueError(f"on_from {value:g} must be from 0 to below 1")
    elif not 0 < value < math.inf or (name == "share_on" and value > 1):
        allowed = "at most 1" if name == "share_on" else "finite"
        raise ValueError(f"{name} {value:g} must be above 0 and {allowed}")
    return value
