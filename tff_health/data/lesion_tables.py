"""Tables of skin lesions: which image shows which diagnosis, of which lesion, from where.

Recognised by their columns: HAM10000's own metadata in any export of it, the ISIC archive's
metadata, and the ground truth of the ISIC challenges with a column for each diagnosis.
"""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Final

from tff_health.data import files
from tff_health.data.file_tree import TreeFile
from tff_health.data.lesion_diagnoses import diagnosis_label
from tff_health.data.skin_lesions import CLASS_NAMES
from tff_health.data.table_text import open_table, value_of
from tff_health.errors import DataError

TABLE_SUFFIXES: Final = frozenset({".csv", ".tab", ".tsv", ".txt", ""})
# Of copies of one image, the first kind is read.
IMAGE_KINDS: Final = (
    (".jpg", ".jpeg", ".jpe", ".jfif"),
    (".png",),
    (".tif", ".tiff"),
    (".bmp",),
    (".webp",),
)
IMAGE_SUFFIXES: Final = tuple(suffix for kind in IMAGE_KINDS for suffix in kind)
# Names of columns without what stands between their words; the first that is there is taken.
_IMAGE_COLUMNS: Final = (
    *("imageid", "isicid", "image", "imagename", "filename", "imagefile", "imagepath", "imgid"),
    *("img", "path", "id", "name"),
)
_LESION_COLUMNS: Final = ("lesionid", "lesion")
# The ISIC archive's five levels from the finest to the coarsest.
_DIAGNOSIS_COLUMNS: Final = (
    "dx",
    "diagnosis",
    *(f"diagnosis{level}" for level in range(5, 0, -1)),
)
# Those of people, where there are none of these.
_OTHER_DIAGNOSIS_COLUMNS: Final = ("celltype", "label", "class", "classname", "target")
_SOURCE_COLUMNS: Final = ("dataset", "source")


@dataclass(frozen=True)
class LesionImage:
    """One image's line in a table.

    Attributes:
        image_id: as in the table, without a suffix.
        label: its diagnosis, 0 to 6.
        lesion_id: the lesion that it shows; None if the table does not say.
        source: the institution; None if the table does not say.
    """

    image_id: str
    label: int
    lesion_id: str | None = None
    source: str | None = None


@dataclass(frozen=True)
class _Columns:
    """Where the header has what; -1 where it has not."""

    image: int
    lesion: int
    source: int
    diagnoses: tuple[int, ...]
    one_hot: tuple[tuple[int, int], ...]  # (column, label)

    @property
    def tell_diagnoses(self) -> bool:
        return self.image >= 0 and bool(self.diagnoses or len(self.one_hot) > 1)

    @property
    def group_lesions(self) -> bool:
        return self.image >= 0 and self.lesion >= 0 and not self.tell_diagnoses


class LesionTable:
    """A table that was found, with its header understood.

    Args:
        file: the table.

    Attributes:
        file: the same.

    Raises:
        DataError: if the file cannot be read or is not text.
    """

    def __init__(self, file: TreeFile) -> None:
        self.file = file
        self._reader = open_table(file)
        self._names = [re.sub(r"\s+", "_", name.strip().lower()) for name in self._next_row()]
        self._columns = _find_columns(self._names)

    @property
    def tells_diagnoses(self) -> bool:
        """Whether it has images and their diagnoses."""
        return self._columns.tell_diagnoses

    def image_keys(self) -> set[str]:
        """Returns the images of its lines as far as it tells any; `DataError` if it is damaged."""
        column = self._columns.image
        return {image_key(row[column]) for _, row in self._rows} if column >= 0 else set()

    @property
    def groups_lesions(self) -> bool:
        """Whether it has images and their lesions, but no diagnoses."""
        return self._columns.group_lesions

    def images(self) -> list[LesionImage]:
        """Returns its lines, sorted by image.

        Raises:
            DataError: if a column or value that is needed is missing, a diagnosis is unknown, or an
                image is listed twice.
        """
        missing = [
            name
            for name, there in (
                ("image_id", self._columns.image >= 0),
                ("dx", self._columns.diagnoses or len(self._columns.one_hot) > 1),
            )
            if not there
        ]
        if missing:
            raise DataError(
                f"{self.file} has no column {', '.join(missing)}; it has "
                f"{', '.join(self._names) or 'none'}: its first line must name them"
            )
        rows = self._rows
        columns = self._columns
        columns = replace(
            columns,
            lesion=columns.lesion if _has_values(rows, columns.lesion) else -1,
            source=columns.source if _has_values(rows, columns.source) else -1,
        )
        images = [self._parse(number, row, columns) for number, row in rows]
        return sorted(_without_repeats(self.file, images), key=lambda image: image.image_id)

    def lesions(self) -> dict[str, str]:
        """Returns image (in lower case) -> lesion, of a table that groups lesions."""
        columns = self._columns
        return {
            image_key(row[columns.image]): self._value(number, row, columns.lesion)
            for number, row in self._rows
        }

    @cached_property
    def _rows(self) -> list[tuple[int, list[str]]]:
        """The lines after the header, with their numbers."""
        rows = []
        while row := self._next_row():
            if any(row):
                rows.append((self._reader.line_num, row))
        if not rows:
            raise DataError(f"{self.file} lists no images")
        for number, row in rows:
            if any(row[len(self._names) :]):
                raise DataError(f"{self.file}, line {number}: more values than columns")
            row[:] = [*row[: len(self._names)], *[""] * (len(self._names) - len(row))]
        return rows

    def _next_row(self) -> list[str]:
        """Returns the next line that is not empty; an empty list after the last."""
        try:
            return next((row for row in self._reader if row), [])
        except csv.Error as error:
            raise files.unreadable(Path(str(self.file)), error) from None

    def _parse(self, number: int, row: Sequence[str], columns: _Columns) -> LesionImage:
        image = _without_suffix(self._value(number, row, columns.image))
        label = (
            self._label_in_words(number, row, columns)
            if columns.diagnoses
            else self._one_hot_label(number, row, columns)
        )
        lesion = self._value(number, row, columns.lesion) if columns.lesion >= 0 else None
        source = self._value(number, row, columns.source) if columns.source >= 0 else None
        return LesionImage(image, label, lesion, source)

    def _label_in_words(self, number: int, row: Sequence[str], columns: _Columns) -> int:
        words = [value_of(row[column]) for column in columns.diagnoses]
        for text in words:
            label = diagnosis_label(text)
            if label is not None:
                return label
        if not any(words):
            self._value(number, row, columns.diagnoses[0])
        found = next(text for text in words if text)
        raise DataError(
            f"{self.file}, line {number}: diagnosis '{found}' is not among "
            f"{', '.join(CLASS_NAMES)}, nor a name of one of them: correct it, or remove the line"
        )

    def _one_hot_label(self, number: int, row: Sequence[str], columns: _Columns) -> int:
        values = [_yes_or_no(row[column]) for column, _ in columns.one_hot]
        rest = [value for value in values if value is None]
        marked = [label for (_, label), value in zip(columns.one_hot, values, strict=True) if value]
        if len(marked) != 1 or rest:
            names = ", ".join(self._names[column] for column, _ in columns.one_hot)
            raise DataError(
                f"{self.file}, line {number}: of the columns {names} one must be 1, all others 0"
            )
        return marked[0]

    def _value(self, number: int, row: Sequence[str], column: int) -> str:
        value = value_of(row[column])
        if not value:
            raise DataError(
                f"{self.file}, line {number}: no value in column {self._names[column]}: "
                "fill it in, or remove the line"
            )
        return value


def _yes_or_no(text: str) -> bool | None:
    text = text.strip().lower().replace(",", ".")
    if text in ("true", "false"):
        return text == "true"
    try:
        return {1.0: True, 0.0: False}.get(float(text))
    except ValueError:
        return None


def image_key(text: str) -> str:
    """Returns what images are compared by: the name without folder and suffix, in lower case."""
    return _without_suffix(text).lower().removesuffix("_downsampled")


def _without_suffix(text: str) -> str:
    name = re.split(r"[/\\]", text.strip())[-1]
    for suffix in IMAGE_SUFFIXES:
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return name


def _find_columns(names: Sequence[str]) -> _Columns:
    def first(candidates: Sequence[str]) -> int:
        return next((names.index(name) for name in candidates if name in names), -1)

    labels = [(column, diagnosis_label(name)) for column, name in enumerate(names)]
    names = [re.sub(r"[^a-z0-9]", "", name) for name in names]
    one_hot = tuple((column, label) for column, label in labels if label is not None)
    diagnoses = [name for name in _DIAGNOSIS_COLUMNS if name in names]
    if not diagnoses and len(one_hot) < 2:
        diagnoses = [name for name in _OTHER_DIAGNOSIS_COLUMNS if name in names]
    return _Columns(
        image=first(_IMAGE_COLUMNS),
        lesion=first(_LESION_COLUMNS),
        source=first(_SOURCE_COLUMNS),
        diagnoses=tuple(map(names.index, diagnoses)),
        one_hot=one_hot,
    )


def _has_values(rows: Sequence[tuple[int, Sequence[str]]], column: int) -> bool:
    return column >= 0 and any(value_of(row[column]) for _, row in rows)


def _without_repeats(file: TreeFile, images: Sequence[LesionImage]) -> list[LesionImage]:
    """Takes lines that are there twice once; refuses those that tell two things of one image."""
    found: dict[str, LesionImage] = {}
    for image in images:
        key = image_key(image.image_id)
        if key in found and image == found[key]:
            continue
        if key in found:
            raise DataError(f"{file} lists image {image.image_id} twice: remove one of the lines")
        found[key] = image
    return list(found.values())
