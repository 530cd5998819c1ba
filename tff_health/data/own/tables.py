"""Tables that people keep of their images, CSV or Parquet, as text."""

import csv
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from tff_health.data import files
from tff_health.data.file_tree import TreeFile
from tff_health.data.table_text import open_table, value_of
from tff_health.errors import DataError

TEXT_SUFFIXES = frozenset({".csv", ".tsv", ".tab", ".txt"})
SUFFIXES = TEXT_SUFFIXES | {".parquet", ".pq"}


@dataclass(frozen=True)
class Table:
    """A table as text.

    Attributes:
        path: the file.
        names: of its columns, as they stand there.
        rows: its lines, (number in the file, values); "" where there is no value.
    """

    path: Path
    names: tuple[str, ...]
    rows: Sequence[tuple[int, tuple[str, ...]]]

    def column(self, place: int) -> list[str]:
        """Returns the values of one column."""
        return [row[place] for _, row in self.rows]


def column_names(path: Path) -> tuple[str, ...]:
    """Returns the names of a table's columns, without its rows.

    Raises:
        DataError: if it cannot be read.
    """
    if path.suffix.lower() in TEXT_SUFFIXES:
        return _names(path, _reader(path))
    return tuple(_parquet(path).schema_arrow.names)


def read_table(path: Path) -> Table:
    """Reads a whole table.

    Raises:
        DataError: if it cannot be read, has no rows, or a row has more values than columns.
    """
    if path.suffix.lower() in TEXT_SUFFIXES:
        table = _read_text(path)
    else:
        found = _parquet(path)
        try:
            columns = [list(map(_text, column.to_pylist())) for column in found.read().columns]
        except Exception as error:  # whatever a decoder stumbles over
            raise files.unreadable(path, error) from None
        names = tuple(found.schema_arrow.names)
        table = Table(path, names, list(enumerate(zip(*columns, strict=True), 1)))
    if not table.rows:
        raise DataError(f"{path} lists no images")
    return table


def check_types(table: Table, places: Iterable[int]) -> None:
    """Refuses columns whose values are no text, numbers or dates, such as images themselves.

    Args:
        table: of any format; in text, all is text.
        places: of the columns that are used.

    Raises:
        DataError: naming the column.
    """
    if table.path.suffix.lower() in TEXT_SUFFIXES:
        return
    from pyarrow import types

    schema = _parquet(table.path).schema_arrow
    for column in map(schema.field, places):
        kind = column.type.value_type if types.is_dictionary(column.type) else column.type
        if types.is_nested(kind) or types.is_binary(kind) or types.is_large_binary(kind):
            raise DataError(
                f"{table.path}: column {column.name} is of type {column.type}, but must hold "
                "text or numbers: write images into files of their own, and their paths into it"
            )


def numbers(table: Table, names: Sequence[str]) -> dict[str, list[float]]:
    """Returns columns as numbers by the names given, NaN where there is no value.

    Raises:
        DataError: if there is no such column, or a value is no number.
    """
    known = {name.lower(): place for place, name in enumerate(table.names)}
    if missing := [name for name in names if name.lower() not in known]:
        raise DataError(
            f"{table.path} has no column {', '.join(missing)}; it has {', '.join(table.names)}"
        )
    return {name: list(_numbers(table, known[name.lower()])) for name in names}


def _numbers(table: Table, place: int) -> Iterator[float]:
    for line, row in table.rows:
        try:
            value = float(row[place] or "nan")
        except ValueError:
            value = math.inf
        if math.isinf(value):
            raise DataError(
                f"{table.path}, line {line}: {table.names[place]} is '{row[place]}', but must be a "
                "number, or empty"
            )
        yield value


def _read_text(path: Path) -> Table:
    reader = _reader(path)
    names = _names(path, reader)
    rows = []
    for number, row in _lines(path, reader):
        if any(row[len(names) :]):
            raise DataError(f"{path}, line {number}: more values than columns")
        whole = [*row[: len(names)], *[""] * (len(names) - len(row))]
        rows.append((number, tuple(map(_text, whole))))
    return Table(path, names, rows)


def _reader(path: Path) -> Any:
    return open_table(TreeFile(PurePosixPath(path.name), -1, "", path))


def _lines(path: Path, reader: Any) -> Iterator[tuple[int, list[str]]]:
    try:
        for row in reader:
            if any(value.strip() for value in row):
                yield reader.line_num, row
    except csv.Error as error:
        raise files.unreadable(path, error) from None


def _names(path: Path, reader: Any) -> tuple[str, ...]:
    _, names = next(_lines(path, reader), (0, []))
    return tuple(name.strip() for name in names)


def _parquet(path: Path) -> Any:
    from pyarrow import ArrowException, parquet

    try:
        return parquet.ParquetFile(path)
    except (ArrowException, OSError) as error:
        raise files.unreadable(path, error) from None


def _text(value: Any) -> str:
    """A value as text without blanks around it; "" if it says that there is none."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # where a value is missing, 3 becomes 3.0
    return "" if value is None else value_of(str(value))
