"""Images of skin lesions as published, reduced to 28x28 and packed into one file in a cache."""

import hashlib
import io
import zipfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from tqdm import tqdm

from tff_health.atomic import atomic_write
from tff_health.data import files
from tff_health.data.file_tree import TreeFile
from tff_health.data.lesion_tables import IMAGE_KINDS, LesionImage
from tff_health.data.skin_lesions import CLASS_NAMES
from tff_health.errors import DataError

SIZE: Final = (28, 28)
THREADS: Final = 4
# Part of the cache's key: a change in how images are reduced must not meet old copies.
REDUCTION: Final = b"28x28 bicubic 2"
# Pillow's names of `IMAGE_KINDS`.
_FORMATS: Final = ("JPEG", "PNG", "TIFF", "BMP", "WEBP")


@dataclass(frozen=True)
class OfficialFiles:
    """Images that were found, with what is known of each; both in the order of image ids.

    Attributes:
        form: one line for people on what was found.
        rows: what is known.
        images: the files.
    """

    form: str
    rows: Sequence[LesionImage]
    images: Sequence[TreeFile]


def image_kind(file: TreeFile) -> int:
    """Returns the place of a file's kind, by its suffix, in `IMAGE_KINDS`."""
    suffix = file.place.suffix.lower()
    return next(number for number, kind in enumerate(IMAGE_KINDS) if suffix in kind)


def packed_copy(official: OfficialFiles, cache_dir: Path) -> Path:
    """Reduces the images to 28x28, once; later calls find the result.

    Args:
        official: what was found.
        cache_dir: where the packed file is kept; made if needed. Its name depends on what is known
            of the images and on their names, sizes and times of change.

    Returns:
        The path of the packed file.

    Raises:
        DataError: if an image is damaged, or the cache cannot be written. Nothing is kept then.
    """
    packed = cache_dir / f"ham10000_28-{_key(official)}.npz"
    # Not `exists`: a copy that lost its end on a failing disk is made again.
    if not zipfile.is_zipfile(packed):
        pixels = _reduce_all(official.images)
        try:
            cache_dir.mkdir(parents=True, exist_ok=True)
            _write_packed(packed, official.rows, pixels)
        except OSError as error:
            raise DataError(f"the cache {packed} cannot be written: {error.strerror}") from None
    return packed


def _key(official: OfficialFiles) -> str:
    digest = hashlib.sha256(REDUCTION)
    for row, image in zip(official.rows, official.images, strict=True):
        digest.update(repr((row, str(image.place), image.size, image.stamp)).encode())
    return digest.hexdigest()[:16]


def _reduce_all(images: Sequence[TreeFile]) -> NDArray[np.uint8]:
    # Pillow decodes outside Python's lock. After an error `map` cancels what has not begun.
    with ThreadPoolExecutor(THREADS) as threads:
        reduced = threads.map(_reduce, images)
        bar = tqdm(
            reduced, "Reducing HAM10000", len(images), unit="image", disable=None, leave=False
        )
        return np.stack(list(bar))


def _reduce(file: TreeFile) -> NDArray[np.uint8]:
    kind = _FORMATS[image_kind(file)]
    try:
        with Image.open(io.BytesIO(file.read()), formats=[kind]) as image:
            _check_image(image)
            return np.asarray(image.convert("RGB").resize(SIZE, Image.Resampling.BICUBIC))
    except UnidentifiedImageError:
        error: Exception = ValueError(f"it is no {kind} image")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as problem:
        error = problem
    raise DataError(
        f"{files.unreadable(Path(str(file)), error)}: get this image again, from the archive that "
        "it came in"
    ) from None


def _check_image(image: Image.Image) -> None:
    if image.mode.startswith(("I", "F")):  # Pillow would cut such values off, not scale them
        raise ValueError(f"more than 8 bits a channel (mode {image.mode}): save it with 8")
    if min(image.size) < min(SIZE):
        raise ValueError(f"it has {image.width}x{image.height} pixels, fewer than 28x28")


def _write_packed(path: Path, rows: Sequence[LesionImage], pixels: NDArray[np.uint8]) -> None:
    arrays = {
        "images": pixels,
        "labels": np.array([row.label for row in rows], np.uint8),
        "class_names": np.array(CLASS_NAMES),
        "image_id": np.array([row.image_id for row in rows]),
    }
    if all(row.lesion_id for row in rows):
        arrays["lesion_id"] = np.array([row.lesion_id for row in rows])
    if all(row.source for row in rows):
        arrays["source"] = np.array([row.source for row in rows])
    with atomic_write(path) as file:
        np.savez(file, **arrays)
