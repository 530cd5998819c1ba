"""Ctrl-C, SIGTERM or SIGHUP, at any time: one line, exit code 130, no traceback.

Programs import this first. While libraries are imported, an exception in the middle would come out
as whatever the library makes of it; so the program ends at once then. Later an interrupt is a
KeyboardInterrupt, so that workers are ended in good order, and a further one ends at once.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from types import FrameType

EXIT_CODE = 130
RUN_GOES_ON = "interrupted: the same command goes on from the last round"
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Watch:
    """What an interrupt does now."""

    def __init__(self, message: str) -> None:
        self.message = message
        self.ends_at_once = True

    def __call__(self, signum: int, frame: FrameType | None) -> None:
        del frame
        if self.ends_at_once:
            self.end()
        self.ends_at_once = True  # the next one
        raise KeyboardInterrupt(signum)

    def end(self) -> None:
        with contextlib.suppress(OSError):
            os.write(2, f"{self.message}\n".encode())
        os._exit(EXIT_CODE)  # workers end with their parent


def watch(message: str) -> None:
    """Has interrupts end this program at once with a line, until `allow_cleanup`.

    An interrupt that is ignored, as in background jobs of a shell, stays so.

    Args:
        message: the line, for people.
    """
    watching = _Watch(message)
    for signum in _SIGNALS:
        if signal.getsignal(signum) is not signal.SIG_IGN:
            signal.signal(signum, watching)
    told = sys.unraisablehook

    def hook(unraisable: "sys.UnraisableHookArgs") -> None:
        if isinstance(unraisable.exc_value, KeyboardInterrupt):
            watching.end()  # it came while a finaliser ran, which cannot pass it on
        told(unraisable)

    sys.unraisablehook = hook


def allow_cleanup() -> None:
    """Has the next interrupt raise KeyboardInterrupt, and only those after it end at once."""
    if watching := _current():
        watching.ends_at_once = False


@contextlib.contextmanager
def no_cleanup() -> Iterator[None]:
    """Has interrupts end the program at once inside, as while libraries are imported."""
    watching = _current()
    if watching is None or watching.ends_at_once:
        yield
        return
    watching.ends_at_once = True
    try:
        yield
    finally:
        watching.ends_at_once = False


def ignore() -> None:
    """Lets no interrupt spoil the end of a program that has done its work."""
    for signum in _SIGNALS:
        signal.signal(signum, signal.SIG_IGN)


def _current() -> _Watch | None:
    handler = signal.getsignal(signal.SIGINT)
    if not isinstance(handler, _Watch):
        handler = signal.getsignal(signal.SIGTERM)
    return handler if isinstance(handler, _Watch) else None
