"""A client's class that a job names: it takes part as its own file says, or serves keys."""

import os
from pathlib import Path

from nvflare.apis.executor import Executor
from nvflare.apis.fl_constant import ReturnCode
from nvflare.apis.fl_context import FLContext
from nvflare.apis.shareable import Shareable, make_reply
from nvflare.apis.signal import Signal

from tff_health.data import folders
from tff_health.federation.nvflare import job_program
from tff_health.federation.nvflare.engine_post import EnginePost
from tff_health.federation.nvflare.line import AuxConnector
from tff_health.federation.programs.authority import serve_keys
from tff_health.federation.programs.connection import Connect
from tff_health.federation.programs.site import take_part
from tff_health.federation.sections import read_toml


class StudyExecutor(Executor):
    """Takes part in the study that the file `local/tff_health.toml` of the client's kit names.

    A file with a section [policy] is a site's; one without it is an authority's, or key holder's.
    The class takes no arguments, so a job decides nothing but that the study goes on.
    """

    def execute(
        self, task_name: str, shareable: Shareable, fl_ctx: FLContext, abort_signal: Signal
    ) -> Shareable:
        """Takes part until the study is over, or the job ends."""
        del shareable  # it is empty
        if task_name != job_program.TASK:
            return make_reply(ReturnCode.TASK_UNKNOWN)
        connector = AuxConnector(EnginePost(fl_ctx.get_engine()))
        try:
            program = _program(job_program.file_of(fl_ctx), connector.connect)
            problem = job_program.run(program, lambda: bool(abort_signal.triggered))
        finally:
            connector.close()
        return make_reply(ReturnCode.EXECUTION_EXCEPTION if problem else ReturnCode.OK)


async def _program(path: Path, connect: Connect) -> int:
    data, cache = folders.data_folder(None, os.environ), folders.cache_folder(os.environ)
    if "policy" in read_toml(path):
        return await take_part(path, data, cache, connect)
    return await serve_keys(path, cache, connect)
