"""The files of a consortium that travel: what JSON can say, written in one way."""

from pathlib import Path
from typing import Any

from tff_health.federation.errors import FederationError
from tff_health.settings.files import read_json


def read_record(path: Path, most_bytes: int) -> Any:
    """Returns what a file says; None if that is no JSON in ASCII, or longer than allowed.

    Raises:
        FederationError: if it cannot be read.
    """
    try:
        with path.open("rb") as file:
            content = file.read(most_bytes + 1)
    except OSError as error:
        raise FederationError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        return read_json(content.decode("ascii")) if len(content) <= most_bytes else None
    except (ValueError, RecursionError):
        return None
