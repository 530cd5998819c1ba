"""metrics.csv: a row for each scheme and round."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from tff_health.reporting.files import write_text

Value = float | int | str | None


class MetricsLog:
    """The rows of a metrics.csv, kept whole on disk after every append.

    Numbers are written so that reading gives the same float back; an empty cell is None.

    Args:
        path: the file; rows that it already holds are read.
        columns: names, in order.

    Raises:
        ValueError: if the file has other columns.
    """

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self._path = path
        self._columns = list(columns)
        self.rows: list[dict[str, Value]] = []
        if path.exists():
            with path.open(newline="") as file:
                found = csv.DictReader(file).fieldnames
            if found != self._columns:
                raise ValueError(f"{path} has columns {found}, not {self._columns}")
            self.rows = read_rows(path)

    def drop_after(self, round_number: int) -> None:
        """Forgets the rows of later rounds; they are computed again."""
        self.rows = [row for row in self.rows if int(row["round"] or 0) <= round_number]

    def append(self, row: dict[str, Value]) -> None:
        """Adds a row and writes the file anew; columns that `row` has not stay empty."""
        self.extend([row])

    def extend(self, rows: Iterable[dict[str, Value]]) -> None:
        """Adds several rows at once."""
        for row in rows:
            unknown = set(row) - set(self._columns)
            if unknown:
                raise ValueError(f"columns {sorted(unknown)} are not in {self._path.name}")
            self.rows.append({column: row.get(column) for column in self._columns})
        text = io.StringIO()
        writer = csv.DictWriter(text, self._columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        write_text(self._path, text.getvalue())


def read_rows(path: Path) -> list[dict[str, Value]]:
    """Reads the rows of a metrics.csv."""
    with path.open(newline="") as file:
        return [{k: _parse(v) for k, v in row.items()} for row in csv.DictReader(file)]


def _parse(text: str) -> Value:
    if text == "":
        return None
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
