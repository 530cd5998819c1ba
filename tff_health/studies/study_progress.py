"""Progress of an experiment of several runs: one line, with the time left for all of them."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import Self

from tqdm import tqdm

from tff_health.reporting.progress import Updates, duration

_PLAIN_SECONDS = 10.0
_BAR = "{desc}: {percentage:3.0f} %|{bar}| {postfix}"
_EARLY = 0.02  # of the work: until then what was expected tells more than what was measured


class StudyProgress:
    """A bar on a terminal, else a plain line every ten seconds, over all runs.

    Args:
        what: the experiment.
        expected: seconds that each run may take, by name; their proportions count.
    """

    def __init__(self, what: str, expected: Mapping[str, float]) -> None:
        self._what = what
        self._expected = dict(expected)
        self._total = max(sum(expected.values()), 1e-9)
        self._finished = self._before = 0.0
        self._start = self._last_line = time.monotonic()
        self._bar = None
        if sys.stderr.isatty():
            self._bar = tqdm(desc=what, total=1.0, bar_format=_BAR, dynamic_ncols=True)

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

    def update(self, done: int, note: str = "") -> None:
        """Takes what is too short to be shown: the images of a run being packed."""

    def skip(self, name: str) -> None:
        """Says that an earlier process finished a run."""
        self._before += self._expected[name]
        self._finished += self._expected[name]

    def finish(self, name: str) -> None:
        """Says that a run is finished."""
        self._finished += self._expected[name]
        self._show(self._finished, f"{name} finished")

    def part(self, name: str) -> Callable[[str, int, int], AbstractContextManager[Updates]]:
        """Returns what shows the rounds of a run."""

        @contextmanager
        def rounds(_: str, total: int, done: int) -> Iterator[Updates]:
            self._before += self._expected[name] * done / total
            yield _Rounds(lambda now, note: self._update(name, now, total, note))

        return rounds

    def _update(self, name: str, done: int, total: int, note: str) -> None:
        text = f"{name}: round {done} of {total}"
        share = self._expected[name] * done / total
        self._show(self._finished + share, f"{text}, {note}" if note else text)

    def _show(self, done: float, note: str) -> None:
        now = time.monotonic()
        worked = (done - self._before) / self._total
        left = self._total - done
        if worked > _EARLY:
            left *= (now - self._start) / (worked * self._total)
        text = f"{duration(left)} left, {note}"
        if self._bar is not None:
            self._bar.set_postfix_str(text, refresh=False)
            self._bar.update(done / self._total - self._bar.n)
        elif now - self._last_line >= _PLAIN_SECONDS or done >= self._total:
            self._last_line = now
            line = f"{self._what}: {100 * done / self._total:.0f} %, {text}"
            print(line, file=sys.stderr, flush=True)


class _Rounds:
    """Passes the rounds of one run on."""

    def __init__(self, show: Callable[[int, str], None]) -> None:
        self._show = show

    def update(self, done: int, note: str = "") -> None:
        self._show(done, note)
