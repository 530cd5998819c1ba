"""Decodes listed images once, on all cores, into a packed file that is read in pieces.

The file holds all pixels, uint8, one image after the other; a note beside it says their shape and
which images could not be read. The note is written last: a file without one counts for nothing.
"""

import fcntl
import hashlib
import json
import os
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from tff_health.atomic import atomic_write, make_private, remove_leftovers
from tff_health.data.own import dicom
from tff_health.data.own.listed import Listed, UnreadableError
from tff_health.data.pixels import StoredPixels
from tff_health.data.reading import Reading
from tff_health.errors import DataError

_VERSION = 1  # a change in how images are read must not meet old files
_NAMED = 5
_AT_A_TIME = 16  # most images that a thread decodes before it looks for others


@dataclass(frozen=True)
class Packed:
    """Images as they were packed.

    Attributes:
        pixels: uint8 (n, height, width, channels), of those that could be read.
        unreadable: row of what was listed -> why that one could not.
    """

    pixels: StoredPixels
    unreadable: dict[int, str]


class _ColourError(Exception):
    """An image has colours, and so far all were taken for grey."""


def pack(listed: Listed, reading: Reading, where: Path, cache_dir: Path) -> Packed:
    """Decodes what was listed, unless that was done before.

    Args:
        listed: the images.
        reading: what is made of them.
        where: the data set, for errors.
        cache_dir: for the packed file; made if needed, for its user alone.

    Raises:
        DataError: if an image cannot be read and is not to be skipped, or none can, or the cache
            cannot be written. Nothing is kept then.
    """
    folder = cache_dir / "own_images"
    stamp = repr((_VERSION, reading.side, reading.fit, reading.channels, listed.stamp))
    path = folder / f"{hashlib.sha256(stamp.encode()).hexdigest()[:24]}.bin"
    try:
        make_private(folder)
        with _alone(folder):
            found = _read(path)
            if found is None:
                remove_leftovers(folder)
                _write(path, listed, reading, where)
                found = _read(path)
        if found is None:
            raise DataError(f"{path} is not what was just written to it: mend that disk")
    except OSError as error:
        raise DataError(f"the cache {path} cannot be written: {error.strerror or error}") from None
    _check(listed, found.unreadable, reading, where)
    return found


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Lets one process at a time pack into a folder; others wait, and find what it packed."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _read(path: Path) -> Packed | None:
    """What was packed; None if that is not there, or not whole."""
    try:
        note = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        shape = tuple(note["shape"])
        if path.stat().st_size != int(np.prod(shape)):
            return None
        unreadable = {int(row): str(reason) for row, reason in note["unreadable"]}
        return Packed(StoredPixels(path, shape), unreadable)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(path: Path, listed: Listed, reading: Reading, where: Path) -> None:
    try:
        shape, unreadable = _decode_all(path, listed, reading, where, reading.channels or 1)
    except _ColourError:
        shape, unreadable = _decode_all(path, listed, reading, where, 3)
    note = {"shape": shape, "unreadable": list(unreadable.items())}
    with atomic_write(path.with_suffix(".json"), private=True) as file:
        file.write(json.dumps(note).encode())


def _decode_all(
    path: Path, listed: Listed, reading: Reading, where: Path, channels: int
) -> tuple[list[int], dict[int, str]]:
    """Writes the pixels; returns their shape, and which images could not be read."""
    # While nobody says so, a coloured image among grey ones is not made grey.
    asked = channels if reading.channels or channels == 3 else 0
    shape: list[int] = []
    unreadable: dict[int, str] = {}
    row = 0
    with (
        atomic_write(path, private=True) as file,
        _threads() as threads,
        _progress(len(listed.places)) as progress,
    ):
        for batch in listed.batches():
            for pixels in _decoded(threads, listed, batch, asked):
                if isinstance(pixels, str):
                    unreadable[row] = pixels
                elif pixels.shape[2] != channels:
                    raise _ColourError
                else:
                    shape = shape or [0, *pixels.shape]
                    shape[0] += 1
                    file.write(np.ascontiguousarray(pixels).data)
                row += 1
                progress.update()
        _check(listed, unreadable, reading, where)
    return shape, unreadable


def _progress(count: int) -> Any:
    """A line on terminals that says how many images are read, and how long the others take."""
    return tqdm(None, "Reading images", count, unit="image", disable=None, leave=False)


@contextmanager
def _threads() -> Iterator[ThreadPoolExecutor]:
    """A thread for each core, as libraries decode outside Python's lock."""
    with dicom.silenced(), warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        threads = ThreadPoolExecutor(len(os.sched_getaffinity(0)))
        try:
            yield threads
        finally:
            threads.shutdown(cancel_futures=True)


def _decoded(
    threads: ThreadPoolExecutor, listed: Listed, batch: Sequence[Any], channels: int
) -> Iterator[NDArray[np.uint8] | str]:
    """Yields the pixels of a batch, or why there are none, in order."""
    size = max(1, min(_AT_A_TIME, len(batch) // 8))
    parts = [batch[start : start + size] for start in range(0, len(batch), size)]
    for part in threads.map(lambda ones: [_attempt(listed, o, channels) for o in ones], parts):
        yield from part


def _attempt(listed: Listed, one: Any, channels: int) -> NDArray[np.uint8] | str:
    """An image's pixels, or why there are none."""
    try:
        return listed.decode(one, channels)
    except UnreadableError as error:
        return str(error)


def _check(listed: Listed, unreadable: dict[int, str], reading: Reading, where: Path) -> None:
    """Refuses what could not be read, unless it is to be left out."""
    if not unreadable:
        return
    rows, count = list(unreadable.items()), len(listed.places)
    named = "; ".join(f"{listed.places[row]}: {reason}" for row, reason in rows[:_NAMED])
    named += f"; and {len(rows) - _NAMED:,} more" if len(rows) > _NAMED else ""
    if len(rows) == count:
        raise DataError(f"{where}: none of {count:,} images can be read: {named}")
    if not reading.skip_unreadable:
        raise DataError(
            f"{where}: {len(rows):,} of {count:,} images cannot be read: {named}. Mend or remove "
            "them, or go on without them: --skip_unreadable"
        )
