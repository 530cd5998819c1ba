"""How programs with commands end: with an exit code, and one line for what went wrong."""

import os
import sys
from collections.abc import Callable

from tff_health import interrupts
from tff_health.errors import TffHealthError

_CLOSED_PIPE = 141


def exit_code_of(command: Callable[[], int]) -> int:
    """Runs a command whose arguments are read; returns its exit code.

    Errors of this package, of the system and interrupts become a line on standard error each.

    Args:
        command: returns its exit code.

    Raises:
        BrokenPipeError: for `piped`.
    """
    try:
        interrupts.allow_cleanup()  # not before, as nothing would catch what they raise
        return command()
    except TffHealthError as error:
        print(f"Error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("Interrupted; nothing half-written was kept.", file=sys.stderr)
        return interrupts.EXIT_CODE
    except BrokenPipeError:
        raise
    except OSError as error:
        print(f"Error: {_worded(error)}", file=sys.stderr)
        return 1


def _worded(error: OSError) -> str:
    if error.strerror and isinstance(error.filename, str | bytes):
        return f"{os.fsdecode(error.filename)}: {error.strerror}"
    return str(error)


def piped(main: Callable[[], int]) -> int:
    """Runs a program, and ends it quietly if nobody reads what it prints.

    Args:
        main: returns the exit code.
    """
    try:
        code = main()
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _CLOSED_PIPE
    return code
