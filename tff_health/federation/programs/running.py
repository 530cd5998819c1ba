"""How a program of a study begins and ends: its log, and what an interrupt does."""

import asyncio
import logging
import os
import resource
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from tff_health.interrupts import EXIT_CODE

_SIGNALS = signal.SIGINT, signal.SIGTERM, signal.SIGHUP


def run(main: Callable[[], Coroutine[Any, Any, int]], message: str) -> int:
    """Runs a program; returns its exit code.

    The first interrupt cancels it, so that it can tell others that it goes; the next ends it at
    once. What it keeps is whole at any moment, so threads that compute are not waited for.

    Args:
        main: makes the program.
        message: what an interrupt leaves on the terminal.
    """
    forbid_cores()
    return asyncio.run(_watched(main, message))


def forbid_cores() -> None:
    """Keeps the memory of this program, with its keys and updates, out of core files.

    The kernel writes no core of one byte, to a file or to a program that collects cores; a limit
    of 0 would not keep it from the latter.
    """
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    least = 0 if most == 0 else 1
    resource.setrlimit(resource.RLIMIT_CORE, (least, least))


def show_log() -> None:
    """Has the log of this package appear on standard error, with the time."""
    logging.basicConfig(
        level=logging.WARNING,
        format="%(asctime)s %(message)s",
        datefmt="%H:%M:%S",
        stream=sys.stderr,
    )
    logging.getLogger("tff_health").setLevel(logging.INFO)
    logging.getLogger("grpc._cython.cygrpc").addFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    """Whether gRPC tells what nothing else does; of a party that left just then, carriers tell."""
    return not record.getMessage().startswith("ExecuteBatchError raised in core")


async def _watched(main: Callable[[], Coroutine[Any, Any, int]], message: str) -> int:
    program = asyncio.ensure_future(main())
    interrupts = 0

    def interrupt() -> None:
        nonlocal interrupts
        interrupts += 1
        if interrupts > 1:
            _end(message)
        program.cancel()

    loop = asyncio.get_running_loop()
    for signum in _SIGNALS:
        if signal.getsignal(signum) is not signal.SIG_IGN:  # as in background jobs of a shell
            loop.add_signal_handler(signum, interrupt)
    try:
        return await program
    except asyncio.CancelledError:
        if not interrupts:
            raise
        _end(message)
        return EXIT_CODE


def _end(message: str) -> None:
    sys.stdout.flush()
    os.write(2, f"{message}\n".encode())
    os._exit(EXIT_CODE)
