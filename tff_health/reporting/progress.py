"""Progress of long work, with rate and time left, on standard error."""

import sys
import time
from types import TracebackType
from typing import Protocol, Self

from tqdm import tqdm

_PLAIN_SECONDS = 10.0


class Updates(Protocol):
    """What is told how far work is."""

    def update(self, done: int, note: str = "") -> None: ...  # noqa: D102


class Progress:
    """A bar on a terminal, else a plain line every ten seconds and at the end.

    Args:
        what: the work, e.g. "fedavg on mnist".
        unit: one piece of it, e.g. "round".
        total: how many pieces there are.
        done: how many of them were done by an earlier process.
    """

    def __init__(self, what: str, unit: str, total: int, done: int = 0) -> None:
        self._what, self._unit = what, unit
        self._total, self._done, self._done_before = total, done, done
        self._start = self._last_line = time.monotonic()
        self._bar: tqdm | None = None
        if sys.stderr.isatty():
            self._bar = tqdm(
                desc=what, unit=f" {unit}s", total=total, initial=done, dynamic_ncols=True
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def announce(self, what: str) -> None:
        """Names the piece that begins now, for pieces that take long; shown on a terminal."""
        if self._bar is not None:
            self._bar.set_postfix_str(what)

    def update(self, done: int, note: str = "") -> None:
        """Says that `done` pieces are done in all; `note` is the newest finding, if any."""
        if self._bar is not None:
            if note:
                self._bar.set_postfix_str(note, refresh=False)
            self._bar.update(done - self._done)
        self._done = done
        now = time.monotonic()
        if self._bar is None and (done == self._total or now - self._last_line >= _PLAIN_SECONDS):
            self._last_line = now
            print(self._line(now, note), file=sys.stderr, flush=True)

    def _line(self, now: float, note: str) -> str:
        seconds_each = (now - self._start) / max(1, self._done - self._done_before)
        parts = [f"{self._what}: {self._unit} {self._done} of {self._total}"]
        parts.append(f"{seconds_each:.2g} s each")
        if self._done < self._total:
            parts.append(f"{duration(seconds_each * (self._total - self._done))} left")
        return ", ".join([*parts, *([note] if note else [])])


def warn(text: str) -> None:
    """Prints a line on standard error, above the bar if there is one."""
    tqdm.write(text, file=sys.stderr)


def duration(seconds: float) -> str:
    """Seconds as people say them: "42 s", "3 min 5 s", "2 h 10 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
