"""A program of ours within a job of NVFlare's: where its file is, and how it ends."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final

from nvflare.apis.fl_context import FLContext

from tff_health.errors import TffHealthError
from tff_health.federation.nvflare.server_file import FILE

log = logging.getLogger(__name__)
TASK: Final = "study"
"""The one task of the job: it lasts as long as the study."""
_LOOK_EVERY: Final = 0.1


def file_of(fl_ctx: FLContext) -> Path:
    """Returns the file that this participant's own kit has; a job cannot name another."""
    return Path(fl_ctx.get_engine().get_workspace().get_site_config_dir()) / FILE


def run(work: Coroutine[Any, Any, int], stops: Callable[[], bool]) -> str:
    """Runs a program in this thread, until it ends or NVFlare ends the job.

    Args:
        work: the program.
        stops: whether NVFlare wants it to end.

    Returns:
        what kept it from its end, in a line for people; "" if nothing did.
    """
    try:
        asyncio.run(_watched(work, stops))
    except TffHealthError as error:
        log.error("Error: %s", error)  # noqa: TRY400 - a line for people, and no trace
        return str(error)
    except asyncio.CancelledError:
        return "the job was ended before the study was over; a new job goes on from the last round"
    return ""


async def _watched(work: Coroutine[Any, Any, int], stops: Callable[[], bool]) -> None:
    program = asyncio.ensure_future(work)
    while not program.done():
        await asyncio.wait((program,), timeout=_LOOK_EVERY)
        if stops() and not program.done():
            program.cancel()
            await asyncio.wait((program,))
    program.result()
