"""The server's class that a job names: it runs the study of the server's own file."""

from typing import Any

from nvflare.apis.fl_context import FLContext
from nvflare.apis.impl.controller import Controller, Task
from nvflare.apis.shareable import Shareable
from nvflare.apis.signal import Signal

from tff_health.federation.carrier.reception import Reception
from tff_health.federation.nvflare import job_program
from tff_health.federation.nvflare.engine_post import EnginePost
from tff_health.federation.nvflare.hub import AuxHub
from tff_health.federation.nvflare.server_file import read_places
from tff_health.federation.programs.server import Opening, serve_study


class StudyController(Controller):
    """Runs the study that the file `local/tff_health.toml` of the server's kit names.

    It takes no arguments, so a job decides nothing but that the study goes on.
    """

    def start_controller(self, fl_ctx: FLContext) -> None:
        """Does nothing yet."""

    def stop_controller(self, fl_ctx: FLContext) -> None:
        """Does nothing: what there was to end has ended."""

    def process_result_of_unknown_task(self, *_: Any, **__: Any) -> None:
        """Ignores what a client says of a task that there was not."""

    def control_flow(self, abort_signal: Signal, fl_ctx: FLContext) -> None:
        """Has the sites begin, and runs the study until its end, or the job's."""
        post = EnginePost(fl_ctx.get_engine())

        async def open_hub(what: Opening) -> Reception:
            hub = AuxHub(
                *(post, what.credentials, what.study.digest, what.registry),
                spool=what.spool,
                decoding=what.decoding,
            )
            hub.start()
            return hub

        async def serve() -> int:
            return await serve_study(read_places(job_program.file_of(fl_ctx)), open_hub)

        self.broadcast(Task(job_program.TASK, Shareable()), fl_ctx, min_responses=0)
        problem = job_program.run(serve(), lambda: bool(abort_signal.triggered))
        self.cancel_all_tasks(fl_ctx=fl_ctx)
        if problem and not abort_signal.triggered:
            self.system_panic(problem, fl_ctx)
