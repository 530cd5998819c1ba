"""Runs an experiment: `python run_experiments.py --help`."""

import errno
import os
import signal
import sys
from pathlib import Path

from tff_health import flags
from tff_health.errors import ConfigError, TffHealthError
from tff_health.experiments import dispatch
from tff_health.experiments.config import Invocation
from tff_health.quiet import silence_libraries

# What goes wrong around us, not in us.
_MACHINE_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO}


def main(arguments: list[str]) -> int:
    """Parses the command line and runs what it asks for; returns the exit code."""
    try:
        invocation = flags.parse(arguments, os.environ)
    except ConfigError as error:
        return _fail(str(error), error.exit_code)
    return _run(invocation)


def _run(invocation: Invocation | str) -> int:
    try:
        if isinstance(invocation, str):
            print(invocation, flush=True)
        else:
            silence_libraries()
            dispatch.run(invocation)
    except TffHealthError as error:
        return _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        print("interrupted: the same command goes on from the last round", file=sys.stderr)
        return 130
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


def _end_on_termination(signum: int, _: object) -> None:
    raise KeyboardInterrupt(signum)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end_on_termination)
    sys.path.append(str(Path.cwd()))  # where a user's own model may lie
    sys.exit(main(sys.argv))
