"""Images listed in a table: a line for each, with its class and perhaps its patient and site."""

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from tff_health.data.own import look, tables
from tff_health.data.own.columns import Columns, class_columns, find_columns, is_one
from tff_health.data.own.image_files import listed_files
from tff_health.data.own.listed import ImageFile, Listed, class_names, shortened, within
from tff_health.data.own.tables import Table
from tff_health.data.reading import Reading
from tff_health.errors import DataError


def list_table(path: Path, reading: Reading) -> Listed:
    """Lists the images of a table, which are looked for beside it and below.

    Raises:
        DataError: if the table cannot be read, or a line lacks a class, names another part than
            train, val or test, contradicts another one, or leads out of the table's folder.
    """
    table = tables.read_table(path)
    columns = find_columns(table.names)
    if columns.problem:
        raise DataError(f"{path} {columns.problem}")
    tables.check_types(table, columns.used)
    labels, order = _labels(table, columns)
    is_test = _test_part(table, columns)
    kept, repeats = _without_repeats(table, columns, labels, is_test)
    image = columns.image or 0
    files = _find_files(path, [(table.rows[row][0], table.rows[row][1][image]) for row in kept])
    notes = [f"{repeats:,} lines left out that repeat others"] if repeats else []
    groups = sites = None
    if columns.group is not None:
        groups = table.column(columns.group)
        if alone := groups.count(""):
            what = table.names[columns.group]
            notes.append(f"{alone:,} images without {what} count as of one each")
        groups = [
            group or f"line {number}" for (number, _), group in zip(table.rows, groups, strict=True)
        ]
        groups = [groups[row] for row in kept]
    if columns.site is not None:
        sites = [table.rows[row][1][columns.site] or "unknown" for row in kept]
    chosen = [labels[row] for row in kept]
    class_names(path, chosen, order)
    return listed_files(
        form=f"table {path.name} ({_told(table, columns)})",
        files=files,
        labels=chosen,
        class_order=order,
        groups=groups,
        sites=sites,
        is_test=[is_test[row] for row in kept] if is_test else None,
        numbers={
            name: [values[row] for row in kept]
            for name, values in tables.numbers(table, reading.columns).items()
        },
        notes=tuple(notes),
        reading=reading,
    )


def _labels(table: Table, columns: Columns) -> tuple[list[str], tuple[str, ...] | None]:
    """The class of each line, and the order of classes if columns say it."""
    if columns.label is not None:
        labels = table.column(columns.label)
        for (number, _), label in zip(table.rows, labels, strict=True):
            if not label:
                raise DataError(
                    f"{table.path}, line {number}: no value in column "
                    f"{table.names[columns.label]}: fill it in, or remove the line"
                )
        return labels, None
    places = class_columns(table, columns)
    names = tuple(table.names[place] for place in places)
    if len(places) < 2:
        raise DataError(
            f"{table.path} has no column label, and no column of 0 and 1 for each class"
        )
    labels = []
    for number, row in table.rows:
        marked = [name for name, place in zip(names, places, strict=True) if is_one(row[place])]
        if len(marked) != 1:
            raise DataError(
                f"{table.path}, line {number}: of the columns {shortened(names)} one must be 1, "
                f"all others 0, but {len(marked)} are 1; several classes an image are not read"
            )
        labels += marked
    return labels, names


def _test_part(table: Table, columns: Columns) -> list[bool] | None:
    if columns.split is None:
        return None
    parts = []
    for number, row in table.rows:
        part = look.part_of(row[columns.split])
        if part is None:
            raise DataError(
                f"{table.path}, line {number}: {table.names[columns.split]} is "
                f"'{row[columns.split]}', but must be train, val or test"
            )
        parts.append(part)
    tested = "test" if "test" in parts else "val"
    if len(set(parts)) < 2 or "train" not in parts:
        raise DataError(
            f"{table.path}: column {table.names[columns.split]} says {parts[0]} of all images, but "
            "must say train of some and test (or val) of others: correct it, or rename the column"
        )
    return [part == tested for part in parts]


def _without_repeats(
    table: Table, columns: Columns, labels: Sequence[str], is_test: Sequence[bool] | None
) -> tuple[list[int], int]:
    """The lines to keep, and how many say the same again; those that say otherwise are refused."""
    first: dict[str, int] = {}
    for row, (number, values) in enumerate(table.rows):
        name = values[columns.image or 0]
        if not name:
            raise DataError(
                f"{table.path}, line {number}: no value in column "
                f"{table.names[columns.image or 0]}: fill it in, or remove the line"
            )
        other = first.setdefault(name, row)
        told = [
            (labels[r], *(v for v in _of(table, columns, r)), bool(is_test and is_test[r]))
            for r in (other, row)
        ]
        if told[0] != told[1]:
            raise DataError(
                f"{table.path}: lines {table.rows[other][0]} and {number} say different things of "
                f"{name}: remove one of them"
            )
    return list(first.values()), len(table.rows) - len(first)


def _of(table: Table, columns: Columns, row: int) -> list[str]:
    places = (columns.group, columns.site)
    return [table.rows[row][1][place] for place in places if place is not None]


def _find_files(path: Path, names: Sequence[tuple[int, str]]) -> list[ImageFile]:
    """The files of the names that stand in a table: paths from its folder, or names below it."""
    root = Path(os.path.realpath(path.parent))
    below: Mapping[str, list[Path]] | None = None
    found = []
    for number, name in names:
        text = name.replace("\\", "/")
        what = f"{path}, line {number}: {name}"
        if "\0" in text:
            raise DataError(f"{path}, line {number}: no file can have this name")
        candidate = within(root, root / text, what)
        if not os.path.isfile(candidate):  # noqa: PTH113 - that of a path fails on long names
            below = _files_below(root) if below is None else below
            others = below.get(text) or below.get(
                Path(text).stem if Path(text).suffix.lower() in look.IMAGE_SUFFIXES else text, []
            )
            if len(others) > 1:
                raise DataError(
                    f"{what} may be {' or '.join(str(o.relative_to(root)) for o in others[:2])}: "
                    "name its path"
                )
            candidate = within(root, others[0], what) if others else candidate
        found.append(ImageFile.at(name, candidate))
    return found


def _files_below(root: Path) -> dict[str, list[Path]]:
    """Name, with and without suffix -> image files."""
    found: defaultdict[str, list[Path]] = defaultdict(list)
    for parent, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(parent, name)
            if path.suffix.lower() in look.IMAGE_SUFFIXES:
                found[name].append(path)
                found[path.stem].append(path)
    return found


def _told(table: Table, columns: Columns) -> str:
    """Which columns say what."""
    told = [f"images by {table.names[columns.image or 0]}"]
    told.append(
        "a column for each class"
        if columns.label is None
        else f"classes by {table.names[columns.label]}"
    )
    for what, place in (
        ("groups", columns.group),
        ("sites", columns.site),
        ("parts", columns.split),
    ):
        if place is not None:
            told.append(f"{what} by {table.names[place]}")
    return ", ".join(told)
