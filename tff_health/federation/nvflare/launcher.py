"""Starts a job's program at a site, and does not have the whole job fail if that program is killed.

NVFlare's own launcher says of a program that was killed what it says of one that failed, and then
the server ends the job for all. Here it is a dropout, as our protocols bear one. A hospital names
this class in place of NVFlare's in the `resources.json` of its own kit.
"""

from typing import Any

from nvflare.apis.fl_context import FLContext
from nvflare.apis.job_launcher_spec import JobReturnCode
from nvflare.app_common.job_launcher.client_process_launcher import ClientProcessJobLauncher
from nvflare.app_common.job_launcher.process_launcher import ProcessHandle


class SiteHandle(ProcessHandle):
    """A program of a job; that a signal has ended it is no failure of the job."""

    def poll(self) -> Any:
        """Returns how the program ended, as NVFlare has it; killed ones have an unknown end."""
        code = self.adapter.poll()
        return JobReturnCode.UNKNOWN if code is not None and code < 0 else super().poll()


class SiteLauncher(ClientProcessJobLauncher):
    """NVFlare's launcher of processes, with another judgement of their end."""

    def launch_job(self, job_meta: dict[str, Any], fl_ctx: FLContext) -> SiteHandle:
        """Starts the program."""
        return SiteHandle(process_adapter=super().launch_job(job_meta, fl_ctx).adapter)
