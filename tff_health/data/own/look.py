"""What lies at a path that somebody names as a data set: recognised by looking, nothing decoded."""

import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tff_health.data import files
from tff_health.data.own import dicom, pictures, tables
from tff_health.data.own.columns import Columns, class_columns, find_columns
from tff_health.data.own.listed import shortened
from tff_health.errors import DataError

IMAGE_SUFFIXES = pictures.SUFFIXES | dicom.SUFFIXES
ALLOWED = (
    "a folder with a folder of images for each class (also in train/, val/ and test/), a table "
    "(CSV or Parquet) with columns image and label, or an .npz file with images and labels"
)
_PARTS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}


@dataclass(frozen=True)
class Form:
    """What was found.

    Attributes:
        kind: "folders", "table" or "arrays".
        path: the folder, the table or the .npz file.
        has_test: whether the publisher says which images are to test with.
        tells_groups: whether it says which images show the same patient or lesion.
    """

    kind: str
    path: Path
    has_test: bool
    tells_groups: bool


def look(path: Path) -> Form:
    """Says what lies at a path.

    Raises:
        DataError: if that is none of `ALLOWED`, or it cannot be read.
    """
    try:
        path.stat()
        if path.is_dir():
            return _look_into(path)
        suffix = path.suffix.lower()
        if suffix == ".npz":
            return _arrays(path)
    except FileNotFoundError:
        raise DataError(f"{path} does not exist: name {ALLOWED}") from None
    except OSError as error:
        raise files.unreadable(path, error) from None
    if suffix in tables.SUFFIXES:
        columns = find_columns(tables.column_names(path))
        if problem := columns.problem:
            raise DataError(f"{path} {problem}")
        return _table(path, columns)
    raise DataError(f"{path} is a file of another kind: name {ALLOWED}")


def part_folders(folder: Path) -> dict[str, Path]:
    """Returns the folders of the publisher's parts: "train", "val" or "test" -> folder.

    They count if there is one to train with and one to test with, be it named val.
    """
    found: dict[str, Path] = {}
    for name in subfolders(folder):
        if part := _PARTS.get(name.lower()):
            found.setdefault(part, folder / name)
    if "train" not in found or len(found) < 2:
        return {}
    return {part: found[part] for part in ("train", "val", "test") if part in found}


def part_of(text: str) -> str | None:
    """Returns "train", "val" or "test" for a word that says so, else None."""
    return _PARTS.get(re.sub(r"[^a-z]", "", text.lower()))


def subfolders(folder: Path) -> list[str]:
    """Returns the names of the folders in a folder, hidden ones left out, sorted."""
    names = files.names_in(folder)
    return [name for name in names if not name.startswith(".") and (folder / name).is_dir()]


def _look_into(folder: Path) -> Form:
    usable: list[tuple[Path, Columns]] = []
    others: list[tuple[Path, Columns]] = []
    for name in files.names_in(folder):
        path = folder / name
        if path.suffix.lower() not in tables.SUFFIXES or name.startswith(".") or path.is_dir():
            continue
        columns = find_columns(tables.column_names(path))
        (usable if _tells_classes(path, columns) else others).append((path, columns))
    if len(usable) > 1:
        names = [path.name for path, _ in usable]
        raise DataError(
            f"{folder} has {len(usable)} tables of images ({shortened(names)}): name the one to "
            "use; with a column split it may hold several parts"
        )
    if usable:
        return _table(*usable[0])
    parts = part_folders(folder)
    if parts or subfolders(folder):
        return Form("folders", folder, has_test=bool(parts), tells_groups=False)
    raise DataError(f"{folder} {_why_not(folder, [path for path, _ in others])}: name {ALLOWED}")


def _tells_classes(path: Path, columns: Columns) -> bool:
    """Whether a table that lies there may be meant, and is not of other things."""
    if columns.problem or not columns.one_hot:
        return not columns.problem
    return len(class_columns(tables.read_table(path), columns)) > 1


def _why_not(folder: Path, others: Sequence[Path]) -> str:
    names = files.names_in(folder)
    if others:
        return f"has {others[0].name}, without columns image and label"
    images = [name for name in names if Path(name).suffix.lower() in IMAGE_SUFFIXES]
    if images:
        return f"has {len(images):,} images, but nothing that says their classes"
    if arrays := [name for name in names if name.lower().endswith(".npz")]:
        return f"has {arrays[0]}, which is to be named itself"
    if archives := [name for name in names if name.lower().endswith((".zip", ".tar", ".gz"))]:
        return f"has {archives[0]}, which is to be unpacked first"
    return "has no folders, tables or images" if names else "is empty"


def _table(path: Path, columns: Columns) -> Form:
    return Form("table", path, columns.split is not None, columns.tells_groups)


def _arrays(path: Path) -> Form:
    try:
        with zipfile.ZipFile(path) as archive:
            names = {Path(name).stem for name in archive.namelist()}
    except files.NPZ_ERRORS as error:
        raise files.unreadable(path, error) from None
    parted = {"train_images", "test_images"} <= names
    if not parted and not {"images", "labels"} <= names:
        raise DataError(
            f"{path} has arrays {', '.join(sorted(names)) or 'none'}; needed are images and "
            "labels, or MedMNIST's train_images, train_labels and so on"
        )
    return Form("arrays", path, has_test=parted, tells_groups="groups" in names)
