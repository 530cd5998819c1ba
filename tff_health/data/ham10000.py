"""HAM10000 at 28x28, from whichever form of it people have.

Tschandl, Rosendahl, Kittler 2018, doi:10.1038/sdata.2018.161.
"""

import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tff_health.data import files, ham10000_official
from tff_health.data.images import LabelledImages
from tff_health.data.skin_lesions import CLASS_NAMES
from tff_health.errors import DataError

PACKED_NAME = "ham10000_28.npz"
KAGGLE_NAME = "hmnist_28_28_RGB.csv"
KAGGLE_CLASS_NAMES = ("akiec", "bcc", "bkl", "df", "nv", "vasc", "mel")
IMAGE_SHAPE = (28, 28, 3)


def read(data_dir: Path, cache_dir: Path) -> LabelledImages:
    """Reads HAM10000 from the first form found in `data_dir` or in its sub-folder `ham10000`.

    The forms in this order: the packed file, the official download (metadata and JPEG files,
    reduced to 28x28 and kept in `cache_dir`), Kaggle's table of pixels.

    Returns:
        Images (n, 28, 28, 3), 10,015 in the published files. The forms agree in labels and order of
        classes, but not in every pixel: each was reduced by another program.

    Raises:
        MissingFilesError: if there is no such file.
        DataError: if a file is unreadable, damaged or not what it should be.
    """
    folders = files.search_folders(data_dir, "ham10000")
    for folder in folders:
        if path := files.find_file(folder, (PACKED_NAME,)):
            return read_packed(path, form=f"packed file {path.name}")
    for folder in folders:
        metadata = files.find_file(folder, ham10000_official.METADATA_NAMES)
        kaggle = files.find_file(folder, (KAGGLE_NAME,))
        # Kaggle's folder may have the metadata without the images.
        if metadata and not (kaggle and not ham10000_official.has_images(folder)):
            packed = ham10000_official.packed_copy(metadata, cache_dir)
            return read_packed(packed, form=f"official files beside {metadata.name}")
        if kaggle:
            return read_kaggle(kaggle)
    raise files.MissingFilesError(
        f"no {PACKED_NAME}, no {ham10000_official.METADATA_NAMES[0]} with its images and no "
        f"{KAGGLE_NAME} in {' or '.join(map(str, folders))}"
    )


def read_packed(path: Path, form: str) -> LabelledImages:
    """Reads a packed file.

    It has images uint8 (n, 28, 28, 3), labels (n,), class_names (7,), lesion_id (n,) and, where the
    institutions are known, source (n,).

    Raises:
        DataError: if it is anything else.
    """
    arrays = files.read_npz(path, ("images", "labels", "class_names", "lesion_id"), ("source",))
    files.check_pixels(path, "images", arrays["images"], IMAGE_SHAPE)
    count = len(arrays["images"])
    if tuple(arrays["class_names"].ravel().tolist()) != CLASS_NAMES:
        raise DataError(
            f"{path}: class_names are {arrays['class_names'].tolist()}, but must be "
            f"{list(CLASS_NAMES)}"
        )
    return LabelledImages(
        name="ham10000",
        form=form,
        pixels=arrays["images"],
        labels=files.check_labels(path, "labels", arrays["labels"], count, len(CLASS_NAMES)),
        class_names=CLASS_NAMES,
        lesion_ids=arrays["lesion_id"],
        sources=arrays.get("source"),
    )


def read_kaggle(path: Path) -> LabelledImages:
    """Reads Kaggle's table: a header, then 2,352 pixels and a label a row; no lesion ids.

    Its classes are numbered in another order than ours; the labels returned are ours.

    Raises:
        DataError: if it is anything else.
    """
    table = _read_table(path)
    ours = np.array([CLASS_NAMES.index(name) for name in KAGGLE_CLASS_NAMES], np.uint8)
    labels = files.check_labels(path, "label", table[:, -1], len(table), len(ours))
    return LabelledImages(
        name="ham10000",
        form=f"Kaggle's file {path.name}",
        pixels=table[:, :-1].reshape(-1, *IMAGE_SHAPE),
        labels=ours[labels],
        class_names=CLASS_NAMES,
    )


def _read_table(path: Path) -> NDArray[np.uint8]:
    num_pixels = int(np.prod(IMAGE_SHAPE))
    columns = [*(f"pixel{number:04}" for number in range(num_pixels)), "label"]
    try:
        with path.open(encoding="ascii") as lines, warnings.catch_warnings():
            # numpy only warns of an empty table and of numbers such as 1.5.
            warnings.simplefilter("error")
            header = lines.readline().strip().split(",")
            table = np.loadtxt(lines, np.uint8, delimiter=",", comments=None, ndmin=2)
    except (OSError, ValueError, Warning) as error:
        raise files.unreadable(path, error) from None
    if header != columns or table.shape[1] != len(columns):
        raise DataError(
            f"{path} has {table.shape[1]} columns from {header[0]} to {header[-1]}, but must have "
            f"{num_pixels} from {columns[0]} to {columns[-2]}, then label"
        )
    return table
