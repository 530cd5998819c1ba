"""Reading data files, where every failure is one clear error."""

import os
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tff_health.errors import DataError

# What numpy and zipfile raise on files that are not what they should be: RuntimeError for encrypted
# arrays, MemoryError for absurd shapes, TokenError for headers that end early.
NPZ_ERRORS = (
    OSError,
    ValueError,
    EOFError,
    RuntimeError,
    MemoryError,
    zlib.error,
    zipfile.BadZipFile,
    SyntaxError,
    tokenize.TokenError,
)


class MissingFilesError(DataError):
    """None of the files that a data set is made of was found."""


def search_folders(data_dir: Path, name: str) -> tuple[Path, ...]:
    """Where the files of data set `name` may lie: the data folder, or a folder of its name there.

    The name may be in any case, and what torchvision unpacks lies in `raw` below it.

    Raises:
        MissingFilesError: if the data folder is not there.
        DataError: if it is not a folder, or may not be read.
    """
    try:
        data_dir.stat()
        if not data_dir.is_dir():
            raise DataError(
                f"the data folder {data_dir} is a file: name the folder that it lies in"
            )
        named = [found for found in data_dir.iterdir() if found.name.lower() == name]
        named.sort(key=lambda folder: (folder.name != name, folder.name))
        below = [place for folder in named for place in (folder, folder / "raw")]
        return tuple(folder for folder in (data_dir, *below) if folder.is_dir())
    except FileNotFoundError:
        raise MissingFilesError(f"the data folder {data_dir} does not exist") from None
    except OSError as error:
        raise unreadable(data_dir, error) from None


def find_file(folder: Path, names: tuple[str, ...]) -> Path | None:
    """The first of the named entries that the folder has, in any case, whatever it is, or None.

    Of a folder that holds an entry of its own name, as some archives are unpacked, that entry.
    """
    there = {name.lower(): name for name in reversed(names_in(folder))}
    for name in names:
        found = name if os.path.lexists(folder / name) else there.get(name.lower())
        if found:
            within = folder / found / found
            return within if within.is_file() else folder / found
    return None


def names_in(folder: Path) -> list[str]:
    """The names of a folder's entries, sorted.

    Raises:
        DataError: if it may not be listed.
    """
    try:
        return sorted(path.name for path in folder.iterdir())
    except OSError as error:
        raise unreadable(folder, error) from None


def unreadable(path: Path, error: BaseException) -> DataError:
    """The error to raise when the operating system or a decoder would not read `path`."""
    if isinstance(error, OSError) and error.strerror:
        return DataError(f"{path} cannot be read: {error.strerror}")
    reason = " ".join(str(error).split()) or type(error).__name__
    return DataError(f"{path} is damaged or of another format: {reason}")


def read_npz(
    path: Path, required: tuple[str, ...], optional: tuple[str, ...] = ()
) -> dict[str, NDArray[Any]]:
    """Reads the named arrays of an npz file, and no Python objects.

    Raises:
        DataError: if the file cannot be read, is damaged, or lacks a required array.
    """
    try:
        # Opened here: numpy would take a lone array or a pickle for what it is, not for an error.
        with zipfile.ZipFile(path), np.load(path, allow_pickle=False) as archive:
            missing = [name for name in required if name not in archive]
            if missing:
                raise DataError(
                    f"{path} has no array {', '.join(missing)}; it has {', '.join(archive.files)}"
                )
            wanted = (*required, *(name for name in optional if name in archive))
            return {name: archive[name] for name in wanted}
    except NPZ_ERRORS as error:
        raise unreadable(path, error) from None


def check_pixels(path: Path, name: str, pixels: NDArray[Any], shape: tuple[int, ...]) -> None:
    """Checks that `pixels` are uint8 (n, *shape) with at least one image.

    Raises:
        DataError: if they are not.
    """
    if pixels.dtype != np.uint8 or pixels.shape[1:] != shape or not pixels.size:
        raise DataError(
            f"{path}: array {name} is {pixels.dtype} {pixels.shape}, but must be uint8 "
            f"(number, {', '.join(map(str, shape))})"
        )


def check_labels(
    path: Path, name: str, labels: NDArray[Any], count: int, num_classes: int
) -> NDArray[np.uint8]:
    """Returns the labels, integers (n,) or (n, 1) of any width, as uint8 (n,).

    Raises:
        DataError: if they are no integers, not `count` many, or not all below `num_classes`.
    """
    if labels.dtype.kind not in "iu" or labels.shape not in {(count,), (count, 1)}:
        raise DataError(
            f"{path}: array {name} is {labels.dtype} {labels.shape}, but {count} images need "
            f"integers ({count},)"
        )
    wrong = labels[(labels < 0) | (labels >= num_classes)]
    if wrong.size:
        raise DataError(
            f"{path}: array {name} has label {wrong[0]}, but the {num_classes} classes are "
            f"numbered 0 to {num_classes - 1}"
        )
    return labels.reshape(count).astype(np.uint8)
