"""DermaMNIST: HAM10000 at 28x28 in MedMNIST's own split, from MedMNIST's `dermamnist.npz`.

Yang et al. 2023, doi:10.1038/s41597-022-01721-8. The split was drawn by image: views of one lesion
stand in several parts, and the file has no lesion ids that would tell.
"""

from pathlib import Path

import numpy as np

from tff_health.data import files
from tff_health.data.images import LabelledImages
from tff_health.data.skin_lesions import CLASS_NAMES

NPZ_NAME = "dermamnist.npz"
PARTS = ("train", "val", "test")


def read(data_dir: Path) -> LabelledImages:
    """Reads DermaMNIST from `data_dir` or its sub-folder `dermamnist`.

    Returns:
        Images (n, 28, 28, 3) in the order train, val, test, 10,015 in the published file.
        `is_test` marks the part `test`; `train` and `val` are both there to learn from.

    Raises:
        MissingFilesError: if there is no such file.
        DataError: if it is unreadable, damaged or not what it should be.
    """
    folders = files.search_folders(data_dir, "dermamnist")
    for folder in folders:
        if path := files.find_file(folder, (NPZ_NAME,)):
            return read_npz(path)
    raise files.MissingFilesError(f"no {NPZ_NAME} in {' or '.join(map(str, folders))}")


def read_npz(path: Path) -> LabelledImages:
    """Reads MedMNIST's file: <part>_images uint8 (n, 28, 28, 3) and <part>_labels (n, 1).

    Raises:
        DataError: if it is anything else.
    """
    arrays = files.read_npz(
        path, tuple(f"{p}_{what}" for p in PARTS for what in ("images", "labels"))
    )
    pixels, labels = [], []
    for part in PARTS:
        images = arrays[f"{part}_images"]
        files.check_pixels(path, f"{part}_images", images, (28, 28, 3))
        name = f"{part}_labels"
        pixels.append(images)
        labels.append(files.check_labels(path, name, arrays[name], len(images), len(CLASS_NAMES)))
    return LabelledImages(
        name="dermamnist",
        form=f"MedMNIST's file {path.name}",
        pixels=np.concatenate(pixels),
        labels=np.concatenate(labels),
        class_names=CLASS_NAMES,
        is_test=np.repeat([part == "test" for part in PARTS], [len(part) for part in labels]),
    )
