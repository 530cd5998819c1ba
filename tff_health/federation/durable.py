"""Writing that returns only once what was written is on the disk."""

import os
from pathlib import Path


def write_durably(descriptor: int, data: bytes, offset: int) -> None:
    """Writes bytes into a file at a place, all of them, down to the disk.

    Raises:
        OSError: if they cannot be written; some may have been.
    """
    rest = memoryview(data)
    while rest:
        written = os.pwrite(descriptor, rest, offset)
        rest, offset = rest[written:], offset + written
    os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """Has the disk know the names in a folder.

    Raises:
        OSError: if it cannot be done.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
