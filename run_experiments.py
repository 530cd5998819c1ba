"""Runs an experiment: `python run_experiments.py --help`."""

from __future__ import annotations

import gc

from tff_health import interrupts

if __name__ == "__main__":  # first, as what follows takes a moment
    interrupts.watch(interrupts.RUN_GOES_ON)
    # TensorFlow and TFF build millions of objects that stay. Python's default, a search for garbage
    # after every 700, takes a fifth of all time until the first round.
    gc.set_threshold(50_000, 20, 10)

import errno
import os
import sys
from typing import TYPE_CHECKING

from tff_health import flags, machine, utf8
from tff_health.errors import RunError, TffHealthError
from tff_health.experiments import dispatch
from tff_health.quiet import silence_libraries

if TYPE_CHECKING:
    from tff_health.settings.config import Invocation

# What goes wrong around us, not in us.
_MACHINE_ERRORS = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO),
    *(errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ELOOP, errno.ENAMETOOLONG),
}


def main(arguments: list[str]) -> int:
    """Parses the command line and runs what it asks for; returns the exit code."""
    try:
        invocation = flags.parse(arguments, os.environ)
    except TffHealthError as error:
        return _fail(str(error), error.exit_code)
    return _run(invocation)


def _run(invocation: Invocation | str) -> int:
    try:
        interrupts.allow_cleanup()  # not before, as nothing would catch what they raise
        if isinstance(invocation, str):
            print(invocation, flush=True)
        else:
            if problem := machine.processor_problem():
                raise RunError(problem)
            silence_libraries()
            dispatch.run(invocation)
    except TffHealthError as error:
        return _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        print(interrupts.RUN_GOES_ON, file=sys.stderr)
        return interrupts.EXIT_CODE
    except BrokenPipeError:
        # Whoever read our output has gone; there is no one to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        if error.errno not in _MACHINE_ERRORS:
            raise
        where = error.filename or "where the output goes"
        return _fail(f"{error.strerror}: {where}; when that is mended, the same command goes on", 1)
    return 0


def _fail(message: str, exit_code: int) -> int:
    for line in message.splitlines():
        print(f"error: {line}", file=sys.stderr)
    return exit_code


def program() -> None:
    """Runs what the command line of this process asks for, and ends the process."""
    utf8.use_utf8()
    sys.path.append("")  # the current folder, where a user's own model may lie
    code = main(sys.argv)
    interrupts.ignore()
    sys.exit(code)


if __name__ == "__main__":
    program()
