"""HAM10000 at 28x28, from whichever form of it people have.

Tschandl, Rosendahl, Kittler 2018, doi:10.1038/sdata.2018.161.
"""

import io
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tff_health.data import files, ham10000_official
from tff_health.data.file_tree import FileTree, TreeFile
from tff_health.data.images import LabelledImages
from tff_health.data.lesion_packing import OfficialFiles, packed_copy
from tff_health.data.skin_lesions import CLASS_NAMES
from tff_health.errors import DataError

PACKED_NAME = "ham10000_28.npz"
KAGGLE_NAME = "hmnist_28_28_RGB.csv"
KAGGLE_CLASS_NAMES = ("akiec", "bcc", "bkl", "df", "nv", "vasc", "mel")
IMAGE_SHAPE = (28, 28, 3)


def read(data_dir: Path, cache_dir: Path) -> LabelledImages:
    """Reads HAM10000 from the first form found in `data_dir` or below it, links followed.

    The forms in this order: the packed file; a table of diagnoses and JPEG or PNG files, unpacked
    or in zip archives (reduced to 28x28 and kept in `cache_dir`); Kaggle's table of pixels; images
    in folders named by diagnosis. `data_dir` and its sub-folder `ham10000` come first.

    Returns:
        Images (n, 28, 28, 3), 10,015 in the published files. The forms agree in labels and order of
        classes, but not in every pixel: each was reduced by another program.

    Raises:
        MissingFilesError: if there is no such file.
        DataError: if a file is unreadable, damaged or not what it should be.
    """
    folders = files.search_folders(data_dir, "ham10000")
    if packed := _find_first(folders, PACKED_NAME):
        return read_packed(packed, form=f"packed file {packed.name}")
    with FileTree(data_dir) as tree:
        named = {file.place.name.lower(): file for file in reversed(tree.files)}
        if (packed_file := named.get(PACKED_NAME)) and not packed_file.member:
            return read_packed(packed_file.path, form=f"packed file {packed_file.place.name}")
        kaggle = named.get(KAGGLE_NAME.lower())
        if kaggle is None and (path := _find_first(folders, KAGGLE_NAME)):
            kaggle = TreeFile(PurePosixPath(path.name), -1, "", path)
        images = ham10000_official.find_images(tree)
        table = ham10000_official.find_table(tree, images)
        # Kaggle's folder may have the metadata without the images.
        if table and (images or not kaggle):
            official = ham10000_official.from_table(tree, table, images)
            return _read_official(official, cache_dir)
        if kaggle:
            return read_kaggle(kaggle)
        if by_folder := ham10000_official.from_class_folders(tree):
            return _read_official(by_folder, cache_dir)
        raise files.MissingFilesError(
            f"no {PACKED_NAME}, no {ham10000_official.METADATA_NAME} with its images and no "
            f"{KAGGLE_NAME} in {data_dir} or below it"
            f"{ham10000_official.what_is_there(tree, images)}"
        )


def read_packed(path: Path, form: str) -> LabelledImages:
    """Reads a packed file.

    It has images uint8 (n, 28, 28, 3), labels (n,), class_names (7,), lesion_id (n,) and, where the
    institutions are known, source (n,).

    Raises:
        DataError: if it is anything else.
    """
    needed = ("images", "labels", "class_names", "lesion_id")
    return _from_arrays(path, form, files.read_npz(path, needed, ("source",)))


def _read_official(official: OfficialFiles, cache_dir: Path) -> LabelledImages:
    path = packed_copy(official, cache_dir)
    needed = ("images", "labels", "class_names")
    return _from_arrays(path, official.form, files.read_npz(path, needed, ("lesion_id", "source")))


def _from_arrays(path: Path, form: str, arrays: Mapping[str, NDArray[Any]]) -> LabelledImages:
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
        groups=arrays.get("lesion_id"),
        sites=arrays.get("source"),
    )


def _find_first(folders: Sequence[Path], name: str) -> Path | None:
    return next((path for folder in folders if (path := files.find_file(folder, (name,)))), None)


def read_kaggle(file: TreeFile) -> LabelledImages:
    """Reads Kaggle's table: a header, then 2,352 pixels and a label a row; no lesion ids.

    Its classes are numbered in another order than ours; the labels returned are ours.

    Raises:
        DataError: if it is anything else.
    """
    table = _read_table(file)
    ours = np.array([CLASS_NAMES.index(name) for name in KAGGLE_CLASS_NAMES], np.uint8)
    labels = files.check_labels(Path(str(file)), "label", table[:, -1], len(table), len(ours))
    return LabelledImages(
        name="ham10000",
        form=f"Kaggle's file {file.place.name}",
        pixels=table[:, :-1].reshape(-1, *IMAGE_SHAPE),
        labels=ours[labels],
        class_names=CLASS_NAMES,
    )


def _read_table(file: TreeFile) -> NDArray[np.uint8]:
    num_pixels = int(np.prod(IMAGE_SHAPE))
    columns = [*(f"pixel{number:04}" for number in range(num_pixels)), "label"]
    try:
        lines = io.StringIO(file.read().decode("utf-8-sig").replace('"', ""))
        with warnings.catch_warnings():
            # numpy only warns of an empty table and of numbers such as 1.5.
            warnings.simplefilter("error")
            header = lines.readline().strip().split(",")
            table = np.loadtxt(lines, np.uint8, delimiter=",", comments=None, ndmin=2)
    except (ValueError, Warning) as error:
        raise files.unreadable(Path(str(file)), error) from None
    if header != columns or table.shape[1] != len(columns):
        raise DataError(
            f"{file} has {table.shape[1]} columns from {header[0]} to {header[-1]}, but must have "
            f"{num_pixels} from {columns[0]} to {columns[-2]}, then label"
        )
    return table
