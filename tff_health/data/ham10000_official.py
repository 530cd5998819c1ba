"""HAM10000 as published: a table of metadata and 10,015 JPEG files of 600x450 pixels.

Decoding takes half a minute or more, so the reduced images are kept as a packed file in a cache.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from tff_health.data.file_tree import FileTree, TreeFile
from tff_health.data.lesion_diagnoses import diagnosis_label
from tff_health.data.lesion_packing import OfficialFiles, image_kind
from tff_health.data.lesion_tables import (
    IMAGE_SUFFIXES,
    TABLE_SUFFIXES,
    LesionImage,
    LesionTable,
    image_key,
)
from tff_health.errors import DataError

METADATA_NAME: Final = "HAM10000_metadata.csv"
# A table of 100,000 images has 10 MB.
_MAX_TABLE_BYTES: Final = 2**28
_OTHER_TABLES: Final = frozenset(
    {".xlsx", ".xls", ".ods", ".json", ".parquet", ".pkl", ".pickle", ".feather"}
)
_WHERE_IMAGES_ARE: Final = (
    "the archives HAM10000_images_part_1.zip and HAM10000_images_part_2.zip hold them all: put "
    "both there, unpacked or not"
)


def find_images(tree: FileTree) -> dict[str, TreeFile]:
    """Returns image key -> file.

    Of copies, JPEG comes first and then PNG; of those the largest file, which is no thumbnail; of
    those one that is unpacked; of those the first by place.
    """
    images = [file for file in tree.files if file.place.suffix.lower() in IMAGE_SUFFIXES]
    images.sort(key=lambda file: (image_kind(file), -file.size, bool(file.member)))
    found: dict[str, TreeFile] = {}
    for image in images:
        found.setdefault(image_key(image.place.name), image)
    return found


def find_table(tree: FileTree, images: Mapping[str, TreeFile]) -> LesionTable | None:
    """Returns the table of diagnoses: by name, else by columns and by images that are there.

    Raises:
        DataError: if a table of the published name cannot be read.
    """
    tables = [
        file
        for file in tree.files
        if file.place.suffix.lower() in TABLE_SUFFIXES and file.size <= _MAX_TABLE_BYTES
    ]
    named = [file for file in tables if _starts(file, "ham10000_metadata")]
    if named:  # before its copies, "HAM10000_metadata (1).csv"
        return LesionTable(min(named, key=lambda file: len(file.place.name)))
    for file in _other_tables(tables):
        try:
            table = LesionTable(file)
            if table.tells_diagnoses and any(
                image_key(row.image_id) in images for row in table.images()
            ):
                return table
        except DataError:  # some other table or text
            continue
    return None


def _other_tables(tables: Sequence[TreeFile]) -> list[TreeFile]:
    """Those that may be of HAM10000, the likeliest first."""
    # The challenge's other parts have no images in HAM10000.
    parts = [
        file
        for file in tables
        if _starts(file, "isic")
        and any(part in file.place.name.lower() for part in ("test", "validation"))
    ]
    possible = [file for file in tables if file.place.suffix and file not in parts]
    return sorted(
        possible, key=lambda file: not _starts(file, "isic2018_task3_training_groundtruth")
    )


def from_table(tree: FileTree, table: LesionTable, images: Mapping[str, TreeFile]) -> OfficialFiles:
    """Puts a table and its images together.

    Raises:
        DataError: if the table is damaged, or an image is missing.
    """
    rows = table.images()
    missing = [row.image_id for row in rows if image_key(row.image_id) not in images]
    if missing:
        raise DataError(
            f"{table.file} lists {len(rows)} images, but {len(missing)} of them are not in "
            f"{tree.folder} or below it, among them {missing[0]}.jpg"
            f"{_other_names(images) if len(missing) == len(rows) else ''}: {_what_to_do(tree)}"
        )
    if all(row.lesion_id is None for row in rows):
        rows = _with_lesions(tree, rows)
    found = [images[image_key(row.image_id)] for row in rows]
    return OfficialFiles(_form(table.file.place.name, rows, found), rows, found)


def _other_names(images: Mapping[str, TreeFile]) -> str:
    if not images:
        return ""
    file = next(iter(images.values()))
    return f"; {len(images):,} images of other names are there, such as {file.place.name}"


def from_class_folders(tree: FileTree) -> OfficialFiles | None:
    """Takes each image's diagnosis from the folder it lies in; None without two such folders."""
    pairs: dict[str, tuple[LesionImage, TreeFile]] = {}
    for file in tree.files:
        if file.place.suffix.lower() not in IMAGE_SUFFIXES:
            continue
        labels = [diagnosis_label(folder) for folder in file.place.parts[:-1]]
        label = next((label for label in reversed(labels) if label is not None), None)
        if label is None:
            continue
        image = LesionImage(image_key(file.place.name), label)
        other = pairs.setdefault(image.image_id, (image, file))
        if other[0].label != label:
            raise DataError(
                f"{file} and {other[1]} are one image under two diagnoses: remove one of them"
            )
    if len({image.label for image, _ in pairs.values()}) < 2:
        return None
    rows, found = zip(*(pairs[key] for key in sorted(pairs)), strict=True)
    return OfficialFiles(_form("", rows, found), rows, found)


def what_is_there(tree: FileTree, images: Mapping[str, TreeFile]) -> str:
    """Returns, for an error, what a folder without a table has; empty if nothing of use."""
    found = []
    if images:
        found.append(
            f"{len(images):,} images are there, but no table of their diagnoses: put "
            f"{METADATA_NAME} beside them"
        )
        found += _refused_tables(tree, images)[:1]
    if tree.closed_archives:
        found.append(_what_to_do(tree))
    found += [
        f"{file} has one channel or too few pixels"
        for file in tree.files
        if _starts(file, "hmnist_")
    ][:1]
    return "".join(f"; {text}" for text in found)


def _refused_tables(tree: FileTree, images: Mapping[str, TreeFile]) -> list[str]:
    """Says why tables of these images are not taken."""
    found = []
    for file in tree.files:
        suffix = file.place.suffix.lower()
        if suffix in _OTHER_TABLES:
            found.append(f"{file} is not read: save it as CSV")
        if suffix not in TABLE_SUFFIXES - {""} or file.size > _MAX_TABLE_BYTES:
            continue
        try:
            table = LesionTable(file)
            if table.image_keys() & images.keys():
                table.images()
        except DataError as error:
            found.append(str(error))
    return found


def _what_to_do(tree: FileTree) -> str:
    if tree.closed_archives:
        return (
            f"{tree.closed_archives[0]} is an archive that is not read (damaged, not finished "
            "loading, inside another one, or no zip archive): unpack it there"
        )
    return _WHERE_IMAGES_ARE


def _starts(file: TreeFile, beginning: str) -> bool:
    return file.place.name.lower().startswith(beginning)


def _with_lesions(tree: FileTree, rows: Sequence[LesionImage]) -> list[LesionImage]:
    """Adds the lesions of a table that groups all these images, if there is one."""
    for file in tree.files:
        if file.place.suffix.lower() not in TABLE_SUFFIXES - {""} or file.size > _MAX_TABLE_BYTES:
            continue
        try:
            table = LesionTable(file)
            lesions = table.lesions() if table.groups_lesions else {}
        except DataError:
            continue
        if all(image_key(row.image_id) in lesions for row in rows):
            return [replace(row, lesion_id=lesions[image_key(row.image_id)]) for row in rows]
    return list(rows)


def _form(table: str, rows: Sequence[LesionImage], images: Sequence[TreeFile]) -> str:
    parts = [f"official files beside {table}" if table else "images in folders by diagnosis"]
    archives = Counter(image.path.name for image in images if image.member)
    if archives:
        parts.append(f"images in {', '.join(sorted(archives))}")
    if any(row.lesion_id is None for row in rows):
        parts.append("lesions unknown")
    return "; ".join(parts)
