"""Tables as CSV (to compute with) and Markdown (to paste)."""

import csv
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tff_health.reporting.files import write_text

Cell = str | int | float
_NUMBER = re.compile(r"[-+±]?\d|-$")


@dataclass(frozen=True)
class Table:
    """A table with a name for its files, a title for people, column names and rows."""

    name: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]

    def save(self, folder: Path) -> None:
        """Writes `name`.csv and `name`.md into `folder`."""
        folder.mkdir(exist_ok=True)
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows(self.rows)
        write_text(folder / f"{self.name}.csv", text.getvalue())
        write_text(folder / f"{self.name}.md", self.markdown())

    def markdown(self) -> str:
        """The table in Markdown, numbers aligned to the right."""
        lines = [self.columns, ["---:" if right else "---" for right in self.numeric()]]
        lines += [[show(cell) for cell in row] for row in self.rows]
        return "".join(f"| {' | '.join(line)} |\n" for line in lines)

    def numeric(self) -> list[bool]:
        """Which columns hold numbers, alone or as text that begins with one, and nothing else.

        A column without a name holds the names of rows, whatever they begin with.
        """
        return [
            name != ""
            and any(row[i] != "" for row in self.rows)
            and all(_is_numeric(row[i]) for row in self.rows)
            for i, name in enumerate(self.columns)
        ]


def _is_numeric(cell: Cell) -> bool:
    return not isinstance(cell, str) or not cell or bool(_NUMBER.match(cell))


def show(cell: Cell) -> str:
    """A cell as people read it: floats with four decimals, thousands separated."""
    if isinstance(cell, float):
        return "-" if math.isnan(cell) else f"{cell:.4f}"
    return f"{cell:,}" if isinstance(cell, int) else cell
