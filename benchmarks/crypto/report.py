"""How benchmarks print what they measured."""

import os
import platform
import statistics
from collections.abc import Sequence


def print_machine() -> None:
    """Say where and under what load the figures below were taken."""
    load = os.getloadavg()[0]
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, load {load:.1f}")
    print("Seconds are processor time of this one thread, medians of the runs.\n")


def print_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under a header, numbers to the right."""
    cells = [[_text(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(header, *cells, strict=True)]
    print("  ".join(name.ljust(width) for name, width in zip(header, widths, strict=True)))
    print("  ".join("-" * width for width in widths))
    for row, values in zip(cells, rows, strict=True):
        print(
            "  ".join(
                text.ljust(width) if isinstance(value, str) else text.rjust(width)
                for text, width, value in zip(row, widths, values, strict=True)
            )
        )
    print()


def median_and_range(values: Sequence[float]) -> str:
    """Return "median (lowest-highest)"."""
    return f"{statistics.median(values):.3f} ({min(values):.3f}-{max(values):.3f})"


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
