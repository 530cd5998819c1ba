"""Pixels that need not all be in memory: read from a file when they are asked for."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tff_health.errors import DataError

HELD_BYTES = 64 << 20
"""The most bytes of pixels that are held at a time where they need not be."""
_PIECE_BYTES = 32 << 20
_IOV_MAX = 1 << 30  # bytes a call, below the 2 GB at which Linux stops


class Pixels(Protocol):
    """Pixels of images, uint8 (n, height, width, channels), in memory or not.

    Indexing by a row, a slice, rows or a mask returns an array of them that may be written to.
    """

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, height, width, channels)."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """What one number is."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Any, /) -> NDArray[np.uint8]: ...


class StoredPixels:
    """Pixels in a file that holds all images one after the other, and nothing else.

    Args:
        path: the file; it stays open for as long as this object lives.
        shape: (n, height, width, channels).

    Raises:
        OSError: if the file cannot be opened.
        DataError: if it is not as large as the shape says.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, path: Path, shape: tuple[int, ...]) -> None:
        self.path, self.shape = path, shape
        self._image_bytes = int(np.prod(shape[1:]))
        self._file = path.open("rb", buffering=0)
        found, wanted = os.fstat(self._file.fileno()).st_size, shape[0] * self._image_bytes
        if found != wanted:
            raise DataError(f"{path} has {found:,} bytes, but must have {wanted:,}: delete it")

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> NDArray[np.uint8]:
        """Reads the images that an index of an array's first dimension names."""
        chosen = np.arange(len(self))[rows]
        images = self._read(chosen.ravel())
        return images.reshape((*chosen.shape, *self.shape[1:]))

    def _read(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        images = np.empty((len(rows), *self.shape[1:]), np.uint8)
        # Rows that follow one another in the file are read by one call.
        ends = np.append(np.flatnonzero(np.diff(rows) != 1) + 1, len(rows)).tolist()
        start = 0
        for end in ends if len(rows) else ():
            part = images[start:end].reshape(-1).data
            self._read_at(int(rows[start]) * self._image_bytes, part)
            start = end
        return images

    def _read_at(self, offset: int, memory: memoryview) -> None:
        while memory:
            count = os.preadv(self._file.fileno(), [memory[:_IOV_MAX]], offset)
            if not count:
                raise DataError(f"{self.path} has become shorter while it was read")
            memory, offset = memory[count:], offset + count


def images_within(image_shape: tuple[int, ...], number_bytes: int, most: int) -> int:
    """Returns how many images make one piece, 1 to `most`; small images always make `most`.

    Args:
        image_shape: (height, width, channels).
        number_bytes: bytes of one number, 1 for uint8, 4 for float32.
        most: images.
    """
    return max(1, min(most, _PIECE_BYTES // (int(np.prod(image_shape)) * number_bytes)))


def held_if_small(pixels: Pixels) -> Pixels:
    """Returns pixels that are all in memory, unless they take more than `HELD_BYTES`."""
    if int(np.prod(pixels.shape)) > HELD_BYTES:
        return pixels
    return pixels[:]


def pieces_of(pixels: Pixels) -> Iterator[NDArray[np.uint8]]:
    """Yields all images in order, few enough at a time for memory."""
    step = images_within(pixels.shape[1:], 1, 4096)
    for start in range(0, len(pixels), step):
        yield pixels[start : start + step]
