"""Hospitals that are apart, from the command line: `python -m tff_health.federation COMMAND`."""

import os

from tff_health import interrupts

if __name__ == "__main__":  # first, as what follows takes a moment
    interrupts.watch("Interrupted; nothing half-written was kept.")
    # gRPC reads it when it is imported; what it would print, errors here say in their own words.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")

import argparse
import sys

from tff_health import utf8
from tff_health.federation.commands import check, consortium, run, verify
from tff_health.federation.memory import forbid_core_files
from tff_health.program import exit_code_of, piped
from tff_health.quiet import silence_libraries

_COMMANDS = (consortium, run, check, verify)


def main(arguments: list[str]) -> int:
    """Runs one command; returns the exit code."""
    options = parser().parse_args(arguments)
    return exit_code_of(lambda: _run(options))


def _run(options: argparse.Namespace) -> int:
    silence_libraries()
    return int(options.run(options))


def parser() -> argparse.ArgumentParser:
    """Returns the parser of all commands."""
    found = argparse.ArgumentParser(
        prog="python -m tff_health.federation",
        description="Train between hospitals that are apart.",
    )
    commands = found.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in _COMMANDS:
        module.add(commands)
    return found


def program() -> int:
    """Runs the command of this process; ends quietly if nobody reads what it prints."""
    forbid_core_files()
    utf8.use_utf8()
    return piped(lambda: main(sys.argv[1:]))


if __name__ == "__main__":
    sys.exit(program())
