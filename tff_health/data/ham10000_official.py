"""HAM10000 as published: a table of metadata and 10,015 JPEG files of 600x450 pixels.

Decoding takes half a minute or more, so the reduced images are kept as a packed file in a cache.
"""

import csv
import hashlib
import itertools
import os
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from tff_health.atomic import atomic_write
from tff_health.data import files
from tff_health.data.skin_lesions import CLASS_NAMES
from tff_health.errors import DataError

# The name in most copies, then those under which Dataverse gives it.
METADATA_NAMES = ("HAM10000_metadata.csv", "HAM10000_metadata", "HAM10000_metadata.tab")
IMAGE_SUFFIXES = (".jpg", ".jpeg")
SIZE = (28, 28)
THREADS = 4
# Part of the cache's key: a change in how images are reduced must not meet old copies.
REDUCTION = b"28x28 bicubic 1"


@dataclass(frozen=True)
class _Row:
    """One image's line in the table."""

    image_id: str
    lesion_id: str
    label: int
    source: str | None


def has_images(folder: Path) -> bool:
    """Says whether there is a JPEG file in the folder or below it."""
    return next(_jpeg_files(folder), None) is not None


def packed_copy(metadata: Path, cache_dir: Path) -> Path:
    """Reduces the images of an official download to 28x28, once; later calls find the result.

    Args:
        metadata: the table; the images lie beside it, in any sub-folder.
        cache_dir: where the packed file is kept; made if needed. Its name depends on the table's
            content and on the images' names, sizes and times of change.

    Returns:
        The path of the packed file.

    Raises:
        DataError: if the table or an image is missing or damaged, or the cache cannot be written.
            Nothing is kept then.
    """
    rows = _read_metadata(metadata)
    images = _find_images(metadata, rows)
    packed = cache_dir / f"ham10000_28-{_key(metadata, images)}.npz"
    # Not `exists`: a copy that lost its end on a failing disk is made again.
    if not zipfile.is_zipfile(packed):
        pixels = _reduce_all(images)
        try:
            cache_dir.mkdir(parents=True, exist_ok=True)
            _write_packed(packed, rows, pixels)
        except OSError as error:
            raise DataError(f"the cache {packed} cannot be written: {error.strerror}") from None
    return packed


def _read_metadata(path: Path) -> list[_Row]:
    """Reads the table, separated by commas or tabs, sorted by image_id.

    Raises:
        DataError: if a needed column or value is missing, a diagnosis is unknown, or an image
            is listed twice.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            header = lines.readline()
            delimiter = "\t" if "\t" in header else ","
            names = next(csv.reader([header], delimiter=delimiter), [])
            table = list(csv.DictReader(lines, names, delimiter=delimiter, strict=True))
    except (OSError, ValueError, csv.Error) as error:
        raise files.unreadable(path, error) from None
    missing = [name for name in ("lesion_id", "image_id", "dx") if name not in names]
    if missing:
        raise DataError(f"{path} has no column {', '.join(missing)}")
    if not table:
        raise DataError(f"{path} lists no images")
    rows = [_parse_row(path, number, line) for number, line in enumerate(table, start=2)]
    rows.sort(key=lambda row: row.image_id)
    for row, following in itertools.pairwise(rows):
        if row.image_id == following.image_id:
            raise DataError(f"{path} lists image {row.image_id} twice")
    return rows


def _parse_row(path: Path, number: int, line: dict[str, str | None]) -> _Row:
    if None in line:
        raise DataError(f"{path}, line {number}: more values than columns")
    for column, value in line.items():
        if not value and column in ("lesion_id", "image_id", "dx", "dataset"):
            raise DataError(f"{path}, line {number}: no value in column {column}")
    diagnosis = str(line["dx"])
    if diagnosis not in CLASS_NAMES:
        raise DataError(
            f"{path}, line {number}: diagnosis '{diagnosis}' is not among {', '.join(CLASS_NAMES)}"
        )
    label = CLASS_NAMES.index(diagnosis)
    return _Row(str(line["image_id"]), str(line["lesion_id"]), label, line.get("dataset"))


def _jpeg_files(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders.sort()  # os.walk goes on in this order
        for name in sorted(names):
            if name.lower().endswith(IMAGE_SUFFIXES):
                yield Path(parent, name)


def _find_images(metadata: Path, rows: list[_Row]) -> list[Path]:
    """Finds the rows' images; of copies in several folders, the first."""
    found: dict[str, Path] = {}
    for path in _jpeg_files(metadata.parent):
        found.setdefault(path.stem, path)
    missing = [row.image_id for row in rows if row.image_id not in found]
    if missing:
        raise DataError(
            f"{metadata} lists {len(rows)} images, but {len(missing)} of them are not in "
            f"{metadata.parent} or below it, among them {missing[0]}.jpg"
        )
    return [found[row.image_id] for row in rows]


def _key(metadata: Path, images: list[Path]) -> str:
    try:
        digest = hashlib.sha256(REDUCTION + metadata.read_bytes())
        for path in images:
            status = path.stat()
            name = path.relative_to(metadata.parent)
            digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    except OSError as error:
        raise files.unreadable(Path(error.filename or metadata), error) from None
    return digest.hexdigest()[:16]


def _reduce_all(images: list[Path]) -> NDArray[np.uint8]:
    # Pillow decodes outside Python's lock. After an error `map` cancels what has not begun.
    with ThreadPoolExecutor(THREADS) as threads:
        reduced = threads.map(_reduce, images)
        bar = tqdm(
            reduced, "Reducing HAM10000", len(images), unit="image", disable=None, leave=False
        )
        return np.stack(list(bar))


def _reduce(path: Path) -> NDArray[np.uint8]:
    try:
        with Image.open(path, formats=["JPEG"]) as image:
            return np.asarray(image.convert("RGB").resize(SIZE, Image.Resampling.BICUBIC))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise files.unreadable(path, error) from None


def _write_packed(path: Path, rows: list[_Row], pixels: NDArray[np.uint8]) -> None:
    arrays = {
        "images": pixels,
        "labels": np.array([row.label for row in rows], np.uint8),
        "class_names": np.array(CLASS_NAMES),
        "image_id": np.array([row.image_id for row in rows]),
        "lesion_id": np.array([row.lesion_id for row in rows]),
    }
    if all(row.source for row in rows):
        arrays["source"] = np.array([row.source for row in rows])
    with atomic_write(path) as file:
        np.savez(file, **arrays)
