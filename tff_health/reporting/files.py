"""Text and JSON files that are there whole or not at all."""

import json
import math
from pathlib import Path
from typing import Any

from tff_health.atomic import atomic_write
from tff_health.errors import RunError


def write_text(path: Path, text: str) -> None:
    """Writes `text` as UTF-8, whole or not at all."""
    with atomic_write(path) as file:
        file.write(text.encode())


def write_json(path: Path, value: object) -> None:
    """Writes strict JSON, whole or not at all; NaN and infinity become null."""
    write_text(path, json.dumps(_finite(value), indent=2, allow_nan=False) + "\n")


def read_json(path: Path, remedy: str) -> Any:
    """Reads what `write_json` wrote.

    Args:
        path: the file.
        remedy: what to do if it cannot be read, for people.

    Raises:
        RunError: if it cannot be read or is damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RunError(f"{path} cannot be read ({error.strerror}): {remedy}") from None
    except (ValueError, RecursionError) as error:
        raise RunError(f"{path} is damaged ({error}): {remedy}") from None


def _finite(value: object) -> object:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
