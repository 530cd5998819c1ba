"""Images that are the same, and images that look the same.

The same: pixel by pixel. Looking the same: perceptual hashes of 256 bits (pHash, by the library
ImageHash) that differ in at most 24. At 28x28, that holds for 81 pairs of images of one lesion of
HAM10000 and for one pair of two lesions, of 50 million; for none of drawn lesions or scikit-learn's
digits; and for 17 pairs of 10,000 digits of MNIST, of one class each. Images that were turned
over or rotated are not found.
"""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tff_health.atomic import atomic_write, make_private
from tff_health.data.pixels import Pixels, pieces_of

NEAR_BITS, HASH_BITS = 24, 256
MOST_PAIRS = 100_000
"""Of these, the first are kept: so many say that the images are drawings of one thing, or empty."""
_VERSION = 1
_ROWS = 1000  # of the table of distances at a time


@dataclass(frozen=True, eq=False)
class Alike:
    """Which images are alike.

    Attributes:
        same: int64 (n,), a number for each image, the same for the same pixels, from 0 up.
        near: int64 (pairs, 2), numbers in `same` of images that differ and look the same; None if
            nobody looked.
        is_all: whether these are all such pairs, and not just `MOST_PAIRS` of them.
    """

    same: NDArray[np.int64]
    near: NDArray[np.int64] | None
    is_all: bool


def find_alike(
    pixels: Pixels, digest: str, cache_dir: Path | None, most: int | None = None
) -> Alike:
    """Finds images that are alike, unless that was done before.

    Args:
        pixels: of the images.
        digest: names them, for the cache.
        cache_dir: where what was found is kept; made if needed. None to keep nothing.
        most: of more images, it is not looked which look the same; None to look always.

    Raises:
        OSError: if the cache cannot be written to.
    """
    path = None
    if cache_dir is not None:
        path = cache_dir / "alike" / f"{digest[:24]}-{_VERSION}.json"
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            return _read(found, len(pixels))
        except (OSError, ValueError, KeyError, TypeError):
            pass  # found anew
    same = _same(pixels)
    if most is not None and len(pixels) > most:
        return Alike(same, None, False)
    first = np.unique(same, return_index=True)[1]
    near, is_all = near_pairs(hashes(pixels, first), NEAR_BITS)
    if path is not None:
        make_private(path.parent)
        with atomic_write(path, private=True) as file:
            content = {"same": same.tolist(), "near": near.tolist(), "is_all": is_all}
            file.write(json.dumps(content).encode())
    return Alike(same, near, is_all)


def _read(found: dict[str, Any], count: int) -> Alike:
    same = np.array(found["same"], np.int64)
    near = np.array(found["near"], np.int64).reshape(-1, 2)
    if same.shape != (count,) or near.max(initial=0) > same.max():
        raise ValueError
    return Alike(same, near, found["is_all"] is True)


def _same(pixels: Pixels) -> NDArray[np.int64]:
    digests = [hashlib.sha256(image).digest() for piece in pieces_of(pixels) for image in piece]
    numbers: dict[bytes, int] = {}
    return np.array([numbers.setdefault(digest, len(numbers)) for digest in digests], np.int64)


def hashes(pixels: Pixels, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Returns the perceptual hashes of some images, bool (len(rows), `HASH_BITS`)."""
    import imagehash  # takes a moment

    def of_row(row: int) -> NDArray[np.bool_]:
        image = Image.fromarray(pixels[row].squeeze())  # of one channel: without it
        return imagehash.phash(image, hash_size=16).hash.ravel()  # type: ignore[no-any-return]

    with ThreadPoolExecutor() as threads:
        return np.array(list(threads.map(of_row, rows.tolist()))).reshape(len(rows), HASH_BITS)


def near_pairs(hashes: NDArray[np.bool_], most_bits: int) -> tuple[NDArray[np.int64], bool]:
    """Returns the pairs of hashes that differ in at most `most_bits`, and whether these are all.

    Args:
        hashes: bool (n, bits).
        most_bits: least is 0.

    Returns:
        int64 (pairs, 2), the smaller position first, in order; at most `MOST_PAIRS`.
    """
    signs = np.where(hashes, 1, -1).astype(np.float32)
    least = hashes.shape[1] - 2 * most_bits  # of the product of two rows, exact in float32
    found, count = [np.zeros((0, 2), np.int64)], 0
    for start in range(0, len(signs), _ROWS):
        alike = signs[start : start + _ROWS] @ signs[start:].T >= least
        pairs = start + np.argwhere(np.triu(alike, 1))
        found.append(pairs[: MOST_PAIRS - count])
        if count + len(pairs) > MOST_PAIRS:
            return np.concatenate(found), False
        count += len(pairs)
    return np.concatenate(found), True
