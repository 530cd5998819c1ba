"""Files that are there whole or not at all, and those that are for their user alone."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_SUFFIX = ".part"


@contextlib.contextmanager
def atomic_write(path: Path, *, private: bool = False) -> Iterator[BinaryIO]:
    """Opens a temporary file that becomes `path` when the block ends without an exception.

    After an exception, Ctrl-C included, the temporary file is gone and `path` is as before.

    Args:
        path: the file.
        private: whether it is for its user alone.

    Raises:
        OSError: if it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}{_SUFFIX}")
    try:
        with open_private(temporary) if private else temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def all_or_nothing(*files: Path) -> Iterator[None]:
    """Removes what a block made of these files if it ends with an exception, Ctrl-C included.

    Args:
        files: those that are there already are left alone.
    """
    missing = [file for file in files if not os.path.lexists(file)]
    try:
        yield
    except BaseException:
        for file in missing:
            file.unlink(missing_ok=True)
        raise


def open_private(path: Path) -> BinaryIO:
    """Opens a file for writing that nobody but its user can read: what clients hold, and secrets.

    Raises:
        OSError: if it cannot be written.
    """
    file = open(path, "wb", opener=_opener)  # noqa: SIM115
    os.fchmod(file.fileno(), 0o600)  # also if it was there before
    return file


def make_private(folder: Path) -> None:
    """Makes a folder, if need be, that nobody but its user can look into.

    Raises:
        OSError: if it cannot be made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)


def _opener(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def remove_leftovers(folder: Path) -> None:
    """Removes what writers that were killed left below `folder`; no one may be writing there."""
    for path in folder.rglob(f".*{_SUFFIX}"):
        path.unlink(missing_ok=True)
