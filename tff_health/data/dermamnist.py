"""DermaMNIST: HAM10000 in MedMNIST's own split, from a file of MedMNIST's form.

Yang et al. 2023, doi:10.1038/s41597-022-01721-8. That split was drawn by image: views of one lesion
stand in several parts, and the file has no lesion ids that would tell. Abhishek, Jain and Hamarneh
made a corrected and an extended one, split by lesion (2025, doi:10.1038/s41597-025-04382-5).
"""

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tff_health.data import files
from tff_health.data.images import LabelledImages
from tff_health.data.skin_lesions import CLASS_NAMES

NPZ_NAME = "dermamnist.npz"
PARTS = ("train", "val", "test")
SIZE = 28
# MedMNIST's larger files, and the corrected and extended ones; the first that is there is read.
_NAMES = (
    NPZ_NAME,
    *(
        f"dermamnist_{variant}{size}.npz"
        for variant in ("", "corrected_", "extended_")
        for size in (28, 64, 128, 224)
    ),
)


def read(data_dir: Path) -> LabelledImages:
    """Reads DermaMNIST from `data_dir` or its sub-folder `dermamnist`.

    Returns:
        Images (n, 28, 28, 3) in the order train, val, test, 10,015 in the published file; larger
        ones are reduced. `is_test` marks the part `test`; `train` and `val` are both there to learn
        from.

    Raises:
        MissingFilesError: if there is no such file.
        DataError: if it is unreadable, damaged or not what it should be.
    """
    folders = files.search_folders(data_dir, "dermamnist")
    found = {
        name.lower(): folder / name
        for folder in reversed(folders)
        for name in files.names_in(folder)
        if re.fullmatch(r"dermamnist.*\.npz", name, re.IGNORECASE)
    }
    path = next((found[name] for name in _NAMES if name in found), None)
    path = path or next(iter(found.values()), None)
    if path is None:
        raise files.MissingFilesError(f"no {NPZ_NAME} in {' or '.join(map(str, folders))}")
    return read_npz(path)


def read_npz(path: Path) -> LabelledImages:
    """Reads MedMNIST's file: <part>_images uint8 (n, size, size, 3) and <part>_labels (n, 1).

    Raises:
        DataError: if it is anything else, or smaller.
    """
    arrays = files.read_npz(
        path, tuple(f"{p}_{what}" for p in PARTS for what in ("images", "labels"))
    )
    shape = arrays["train_images"].shape[1:]
    size = shape[0] if len(shape) == 3 and shape[0] > SIZE else SIZE
    pixels, labels = [], []
    for part in PARTS:
        images = arrays.pop(f"{part}_images")
        files.check_pixels(path, f"{part}_images", images, (size, size, 3))
        name = f"{part}_labels"
        labels.append(files.check_labels(path, name, arrays[name], len(images), len(CLASS_NAMES)))
        pixels.append(images if size == SIZE else _reduced(images))
    return LabelledImages(
        name="dermamnist",
        form=f"MedMNIST's file {path.name}"
        + (f", reduced from {size}x{size}" if size > SIZE else ""),
        pixels=np.concatenate(pixels),
        labels=np.concatenate(labels),
        class_names=CLASS_NAMES,
        is_test=np.repeat([part == "test" for part in PARTS], [len(part) for part in labels]),
    )


def _reduced(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Returns images uint8 (n, size, size, 3) as (n, 28, 28, 3), as HAM10000's are reduced."""
    size = (SIZE, SIZE)
    return np.stack(
        [np.asarray(Image.fromarray(one).resize(size, Image.Resampling.BICUBIC)) for one in images]
    )
