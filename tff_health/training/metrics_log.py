"""metrics.csv: a row for each scheme and round."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from tff_health.errors import RunError
from tff_health.reporting.files import write_text

Value = float | int | str | None


class MetricsLog:
    """The rows of a metrics.csv, kept whole on disk after every `write`.

    Numbers are written so that reading gives the same float back; an empty cell is None. What an
    earlier process wrote is taken from `restore`, never from the file, which anyone may change.

    Args:
        path: the file.
        columns: names, in order.
    """

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self._path = path
        self._columns = list(columns)
        self.name = path.name
        self.rows: list[dict[str, Value]] = []

    @property
    def text(self) -> str:
        """Content of the file."""
        text = io.StringIO()
        writer = csv.DictWriter(text, self._columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        return text.getvalue()

    def restore(self, text: str) -> None:
        """Goes on from what `text` was earlier; empty at the start of a run.

        The file is repaired if it is missing or differs.

        Raises:
            RunError: if there is nothing to go on from, but the file has rows.
            ValueError: if the text has other columns.
        """
        if text:
            self.rows = _parse_rows(text, self._columns)
        elif self._path.is_file() and len(self._path.read_bytes().splitlines()) > 1:
            raise RunError(
                f"{self._path} tells of rounds, but no state of the run is left to go on from: "
                "start anew in another folder, or delete this one"
            )
        self.write()

    def add(self, rows: Iterable[dict[str, Value]]) -> None:
        """Adds rows; columns that one has not stay empty."""
        for row in rows:
            unknown = set(row) - set(self._columns)
            if unknown:
                raise ValueError(f"columns {sorted(unknown)} are not in {self.name}")
            self.rows.append({column: row.get(column) for column in self._columns})

    def write(self) -> None:
        """Writes the file, whole or not at all."""
        write_text(self._path, self.text)


def read_rows(path: Path) -> list[dict[str, Value]]:
    """Reads the rows of a metrics.csv.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is damaged.
    """
    return _parse_rows(path.read_text(encoding="utf-8"))


def _parse_rows(text: str, columns: list[str] | None = None) -> list[dict[str, Value]]:
    names, *cells = csv.reader(io.StringIO(text, newline=""), strict=True)
    if columns not in (None, names):
        raise ValueError(f"columns are {names}, not {columns}")
    return [{k: _parse(v) for k, v in zip(names, row, strict=True)} for row in cells]


def _parse(text: str) -> Value:
    if text == "":
        return None
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
