"""Forked processes that compute for this one, and are gone when it no longer needs them.

A child has all that its parent had, without a copy, and runs nothing else of it: at its end no
handler of the parent's is called. Whoever forks ends the child in a `finally`.
"""

import fcntl
import os
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO, Final

_PIPE_BYTES: Final = 1 << 20  # what Linux allows everybody; an upload then is a few reads


def fork_child(run: Callable[[], None]) -> int:
    """Fork a process that calls `run` and ends; return its number to the parent.

    It ends quietly when whoever reads from it or writes to it is gone, by which also a parent that
    was killed ends its children. A terminal's Ctrl-C it leaves to the parent.
    """
    process = os.fork()
    if process:
        return process
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        with suppress(EOFError, BrokenPipeError):
            run()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(0)


def end_child(process: int) -> None:
    """Kill a child, if it has not ended, and wait for that."""
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)


def pipe() -> tuple[BinaryIO, BinaryIO]:
    """Return the reading and the writing end of a pipe."""
    reading, writing = os.pipe()
    with suppress(OSError):  # beyond what this user may have; a small pipe does as well
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    return os.fdopen(reading, "rb"), os.fdopen(writing, "wb")


@contextmanager
def reading_from(write: Callable[[BinaryIO], None]) -> Iterator[BinaryIO]:
    """Read what a forked process writes, and end it afterwards.

    Args:
        write: is run by the other process, and writes to what it is given.
    """
    reading, writing = pipe()

    def run() -> None:
        os.close(reading.fileno())
        write(writing)
        writing.flush()

    process = fork_child(run)
    writing.close()
    try:
        yield reading
    finally:
        end_child(process)
        reading.close()
