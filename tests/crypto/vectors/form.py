"""The common form of all files with test vectors: README.md has it in words."""

import dataclasses
import inspect
import json
from pathlib import Path

from crypto.errors import CryptoError

FOLDER = Path(__file__).parent


def plain(value):
    """Return a value as JSON can hold it: bytes in hexadecimal, a message as its fields."""
    if isinstance(value, bytes):
        return value.hex()
    if dataclasses.is_dataclass(value):
        in_order = inspect.signature(type(value)).parameters  # as the constructor takes them
        return {name: plain(getattr(value, name)) for name in in_order}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list | frozenset):
        return [plain(item) for item in value]
    return value


def case(operations, name, do, **given):
    """Run an operation, and return it with its outcome as one vector."""
    vector = {"name": name, "do": do, "given": plain(given)}
    try:
        return {**vector, "expect": plain(operations[do](**given))}
    except CryptoError as error:
        return {**vector, "error": type(error).__name__}


def write(name, content):
    """Write a file of vectors; the same content gives the same bytes."""
    (FOLDER / name).write_text(as_text(content))


def as_text(content):
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def read(name):
    return json.loads((FOLDER / name).read_text())
