"""MNIST, from Keras' `mnist.npz` or from the four IDX files that it was published in.

The IDX format: two zero bytes, the type of the numbers (8 is uint8), the number of dimensions,
their sizes as big-endian 32-bit numbers, then the numbers themselves. Source:
http://yann.lecun.com/exdb/mnist/
"""

import gzip
import io
import math
import struct
import zlib
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from tff_health.data import files
from tff_health.data.images import LabelledImages
from tff_health.errors import DataError

CLASS_NAMES = tuple("0123456789")
NPZ_NAME = "mnist.npz"
IDX_STEMS = (
    ("train-images", "idx3"),
    ("train-labels", "idx1"),
    ("t10k-images", "idx3"),
    ("t10k-labels", "idx1"),
)
GZIP_MAGIC = b"\x1f\x8b"
UINT8_CODE = 8
# Far above MNIST's 47 million pixels, far below what a forged header could ask for.
MAX_IDX_BYTES = 2**30


def read(data_dir: Path) -> LabelledImages:
    """Reads MNIST from the first form found in `data_dir` or in its sub-folder `mnist`.

    Returns:
        Images (n, 28, 28, 1), training part first, 70,000 in the published files; `is_test` marks
        the official test part.

    Raises:
        MissingFilesError: if there is no such file.
        DataError: if a file is unreadable, damaged or not what it should be.
    """
    folders = files.search_folders(data_dir, "mnist")
    for folder in folders:
        if path := files.find_file(folder, (NPZ_NAME,)):
            return read_npz(path)
        idx = [files.find_file(folder, _idx_names(*stem)) for stem in IDX_STEMS]
        if any(idx):
            return read_idx_files(folder, idx)
    raise files.MissingFilesError(
        f"no {NPZ_NAME} and no train-images-idx3-ubyte[.gz] in {' or '.join(map(str, folders))}"
    )


def read_npz(path: Path) -> LabelledImages:
    """Reads Keras' file: x_train, y_train, x_test and y_test, images uint8 (n, 28, 28).

    Raises:
        DataError: if it is anything else.
    """
    arrays = files.read_npz(path, ("x_train", "y_train", "x_test", "y_test"))
    parts = []
    for part in ("train", "test"):
        pixels = arrays[f"x_{part}"]
        if pixels.ndim == 4 and pixels.shape[3] == 1:  # with a channel, as networks want them
            pixels = pixels[..., 0]
        files.check_pixels(path, f"x_{part}", pixels, (28, 28))
        labels = arrays[f"y_{part}"]
        parts.append((pixels, files.check_labels(path, f"y_{part}", labels, len(pixels), 10)))
    return _labelled_images(f"Keras' file {path.name}", *parts)


def read_idx_files(folder: Path, paths: list[Path | None]) -> LabelledImages:
    """Reads the four IDX files, given in the order of `IDX_STEMS`, gzipped or not.

    Raises:
        DataError: if one is missing or is anything else.
    """
    missing = ["-".join(stem) for stem, path in zip(IDX_STEMS, paths, strict=True) if not path]
    if missing:
        raise DataError(
            f"{folder} has a part of MNIST's IDX files, but no {', '.join(missing)}-ubyte"
        )
    found = [path for path in paths if path]
    parts = []
    for images_path, labels_path in (found[:2], found[2:]):
        pixels = read_idx(images_path)
        files.check_pixels(images_path, "of images", pixels, (28, 28))
        labels = read_idx(labels_path)
        parts.append(
            (pixels, files.check_labels(labels_path, "of labels", labels, len(pixels), 10))
        )
    return _labelled_images(f"IDX files {found[0].name} and three more", *parts)


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Reads one IDX file of uint8 numbers; gzip is recognised by content, not by name.

    Raises:
        DataError: if the file is unreadable, or its length is not what its header says.
    """
    try:
        with path.open("rb") as raw:
            start = raw.read(len(GZIP_MAGIC))
            raw.seek(0)
            if start == GZIP_MAGIC:
                with gzip.GzipFile(fileobj=raw) as unpacked:
                    return _parse_idx(unpacked)
            return _parse_idx(raw)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise files.unreadable(path, error) from None


def _parse_idx(stream: IO[bytes] | io.BufferedIOBase) -> NDArray[np.uint8]:
    magic = stream.read(4)
    if len(magic) < 4 or magic[:3] != bytes((0, 0, UINT8_CODE)) or not 1 <= magic[3] <= 3:
        raise ValueError("not an IDX file of 8-bit numbers")
    dimensions = magic[3]
    sizes = stream.read(4 * dimensions)
    if len(sizes) < 4 * dimensions:
        raise ValueError("the file ends within its header")
    shape = struct.unpack(f">{dimensions}I", sizes)
    length = math.prod(shape)
    if length > MAX_IDX_BYTES:
        raise ValueError(f"its header announces {shape}, more than {MAX_IDX_BYTES} bytes")
    # One byte more than announced would show that the file is longer than its header says.
    content = stream.read(length + 1)
    if len(content) != length:
        side = "more" if len(content) > length else f"only {len(content)}"
        raise ValueError(f"its header announces {length} numbers, but there are {side}")
    return np.frombuffer(content, np.uint8).reshape(shape)


def _idx_names(stem: str, kind: str) -> tuple[str, ...]:
    plain = tuple(f"{stem}{separator}{kind}-ubyte" for separator in "-.")
    return plain + tuple(f"{name}.gz" for name in plain)


def _labelled_images(
    form: str,
    train: tuple[NDArray[np.uint8], NDArray[np.uint8]],
    test: tuple[NDArray[np.uint8], NDArray[np.uint8]],
) -> LabelledImages:
    return LabelledImages(
        name="mnist",
        form=form,
        pixels=np.concatenate([train[0], test[0]])[..., None],
        labels=np.concatenate([train[1], test[1]]),
        class_names=CLASS_NAMES,
        is_test=np.repeat([False, True], [len(train[1]), len(test[1])]),
    )
