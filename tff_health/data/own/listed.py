"""What the forms of own images have in common: what is listed before anything is decoded."""

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tff_health.errors import DataError

MAX_CLASSES = 256
_NAMED = 3


class UnreadableError(Exception):
    """An image cannot be read; the message says why, in words that hold nothing of its headers."""


@dataclass(frozen=True)
class ImageFile:
    """A file with one image.

    Attributes:
        place: what people call it: its path below the folder of the data set.
        path: where it is; with links resolved.
        size: in bytes; -1 if there is no such file, or something else under its name.
        changed: when it was changed, in nanoseconds.
    """

    place: str
    path: Path
    size: int
    changed: int

    @classmethod
    def at(cls, place: str, path: Path) -> "ImageFile":
        """Returns the file, which need not be there."""
        try:
            status = path.stat()
        except OSError:
            return cls(place, path, -1, 0)
        # whoever opens a pipe waits for ever
        size = status.st_size if stat.S_ISREG(status.st_mode) else -1
        return cls(place, path, size, status.st_mtime_ns)


@dataclass(frozen=True, kw_only=True)
class Listed:
    """Images that were found, and what is said of each; all in one order.

    Attributes:
        form: for people, what the images were found as.
        places: what each is called, for errors.
        labels: the class of each.
        class_order: all classes in the order of their labels; None for the order of their names.
        groups: the patient or lesion that each shows; None if that is not known.
        sites: the hospital that each came from; None if that is not known.
        is_test: whether each is in the publisher's test part; None if there is none.
        numbers: by the name of a column of the table, its value for each; NaN where there is none.
        notes: for people, what else was noticed.
        stamp: changes whenever the images could have changed.
        batches: yields all images, some at a time, as `decode` takes them.
        decode: from one of these and the number of channels (0: its own) to uint8
            (height, width, 1 or 3); `UnreadableError` if it cannot.
        decoded_by: for people, by which libraries.
    """

    form: str
    places: Sequence[str]
    labels: Sequence[str]
    class_order: Sequence[str] | None = None
    groups: Sequence[str] | None = None
    sites: Sequence[str] | None = None
    is_test: Sequence[bool] | None = None
    numbers: Mapping[str, Sequence[float]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    stamp: str = field(repr=False)
    batches: Callable[[], Iterator[Sequence[Any]]] = field(repr=False)
    decode: Callable[[Any, int], NDArray[np.uint8]] = field(repr=False)
    decoded_by: str = ""


def within(root: Path, path: Path, what: str) -> Path:
    """Returns `path` with links resolved.

    Args:
        root: the folder of the data set, with links resolved.
        path: a file that belongs to it.
        what: names it, for the error.

    Raises:
        DataError: if it lies outside the folder.
    """
    resolved = Path(os.path.realpath(path))
    if not resolved.is_relative_to(root):
        raise DataError(
            f"{what} leads out of {root}, to {resolved}: copy the file into the folder, or name a "
            "folder that holds both"
        )
    return resolved


def class_names(where: Path, labels: Iterable[str], order: Sequence[str] | None) -> tuple[str, ...]:
    """Returns the classes that occur, in the order of their labels.

    Raises:
        DataError: if there is one class, or too many to be numbered by a byte.
    """
    present = set(labels)
    if len(present) < 2:
        raise DataError(
            f"{where}: all images are of one class, {next(iter(present))!r}: there must be two or "
            "more"
        )
    if len(present) > MAX_CLASSES:
        raise DataError(
            f"{where}: {len(present):,} classes found, such as {shortened(sorted(present))}, but "
            f"at most {MAX_CLASSES} are possible: are these its labels?"
        )
    if order is not None:
        return tuple(name for name in order if name in present)
    if all(name.isascii() and name.isdecimal() for name in present):
        return tuple(sorted(present, key=int))
    return tuple(sorted(present))


def shortened(names: Sequence[str]) -> str:
    """Returns the first few names, joined by commas."""
    return ", ".join(names[:_NAMED]) + (" ..." if len(names) > _NAMED else "")
