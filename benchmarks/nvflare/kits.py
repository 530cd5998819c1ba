"""A consortium at NVFlare on loopback: provisioned kits, programs, and jobs."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_END_SECONDS = 30
ROOT = Path(__file__).parents[2]
LEAD = "lead@hospital.example"
OURS = ("tff_health.federation.nvflare.controller", "tff_health.federation.nvflare.executor")
LAUNCHER = "tff_health.federation.nvflare.launcher.SiteLauncher"
_PROJECT = """
api_version: 3
name: consortium
participants:
  - {{name: localhost, type: server, org: hospitals, fed_learn_port: {port}}}
{clients}
  - {{name: {lead}, type: admin, org: hospitals, role: lead}}
builders:
  - path: nvflare.lighter.impl.workspace.WorkspaceBuilder
    args: {{template_file: [master_template.yml]}}
  - path: nvflare.lighter.impl.static_file.StaticFileBuilder
    args: {{config_folder: config}}
  - path: nvflare.lighter.impl.cert.CertBuilder
  - path: nvflare.lighter.impl.signature.SignatureBuilder
"""
_PROGRAMS = {
    "server": ("nvflare.private.fed.app.server.server_train", "fed_server.json"),
    "client": ("nvflare.private.fed.app.client.client_train", "fed_client.json"),
}
_PERMISSIONS = {
    "lead": {
        "submit_job": "any",
        "manage_job": "n:submitter",
        "download_job": "n:submitter",
        "view": "any",
        "operate": "o:site",
        "byoc": "none",
    }
}


class Kits:
    """Server and clients at NVFlare, with mTLS; all programs end with the block.

    Args:
        python: the interpreter of an environment with NVFlare.
        folder: where all files are.
        names: of the clients.
        classes: prefixes of the classes that a job may name.
        environment: more variables of the programs.
    """

    def __init__(
        self,
        python: Path,
        folder: Path,
        names: Sequence[str],
        classes: Sequence[str] = OURS,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder, self.names = folder, tuple(names)
        self._python = python
        self._environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder),  # NVFlare keeps settings of the user's there
            "TF_CPP_MIN_LOG_LEVEL": "3",
            **(environment or {}),
        }
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._failed_before = 0
        self._provision()
        for name in ("localhost", *self.names):
            self._restrict(name, classes)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for name in list(self._running):
            self.kill(name)

    def kit(self, name: str) -> Path:
        """Returns the folder of a participant."""
        return self.folder / "workspace" / "consortium" / "prod_00" / name

    def local(self, name: str) -> Path:
        """Returns the folder of what the participant itself decides."""
        return self.kit(name) / "local"

    def start_all(self) -> None:
        """Starts the server and all clients."""
        for name in ("localhost", *self.names):
            self.start(name)

    def start(self, name: str) -> None:
        """Starts a program as the kit's own script does."""
        module, config = _PROGRAMS["server" if name == "localhost" else "client"]
        settings = ["secure_train=true", "org=hospitals", "config_folder=config"]
        if name != "localhost":
            settings.append(f"uid={name}")
        kit = self.kit(name)
        (kit / "transfer").mkdir(exist_ok=True)
        with (self.folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                [self._python, "-u", "-m", module, "-m", kit, "-s", config, "--set", *settings],
                env=self._environment,
                cwd=kit,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill(self, name: str) -> None:
        """Kills a participant's program and those of its jobs, which have sessions of their own.

        Raises:
            TimeoutError: if one of them does not end.
        """
        program = self._running.pop(name)
        program.kill()
        program.wait(_END_SECONDS)
        end = time.monotonic() + _END_SECONDS
        while found := self.programs_of(name):  # it may have started one just before its end
            if time.monotonic() > end:
                raise TimeoutError(f"{name}: {len(found)} programs do not end")
            for pid in found:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)

    def kill_job(self, name: str) -> None:
        """Kills what runs of a job at a participant, and leaves its own program."""
        for pid in self.programs_of(name):
            if pid != self._running[name].pid:
                os.kill(pid, signal.SIGKILL)

    def programs_of(self, name: str) -> list[int]:
        """Returns the processes that run in a participant's kit."""
        mark, found = os.fsencode(self.kit(name)) + b"\0", []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and mark in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                pass
        return found

    def submit(self, job: Path) -> dict[str, Any]:
        """Submits a job as its lead; returns what NVFlare says of it."""
        self._failed_before = self._failures()
        arguments = ("job", "submit", "-j", job, "--startup-kit", self.kit(LEAD))
        return self._nvflare("--format", "json", "--connect-timeout", "30", *arguments)

    def log(self, name: str) -> str:
        """Returns all that a participant's programs have logged."""
        logs = [self.folder / f"{name}.log", *self.kit(name).glob("*/log*.txt")]
        return "\n".join(path.read_text(errors="replace") for path in logs if path.exists())

    def wait_for(self, name: str, text: str, seconds: float = 120.0) -> None:
        """Waits until a participant has logged something.

        Raises:
            TimeoutError: with the ends of all logs.
        """
        end = time.monotonic() + seconds
        while text not in self.log(name):
            if time.monotonic() > end:
                raise TimeoutError(f"{name} never said {text!r}:\n{self.logs()}")
            time.sleep(0.1)

    def check_job(self) -> None:
        """Raises a RuntimeError, with the ends of all logs, if the last job has failed."""
        if self._failures() > self._failed_before:
            raise RuntimeError(f"the job has failed:\n{self.logs()}")

    def logs(self) -> str:
        """Returns the ends of all logs."""
        names = ("localhost", *self.names)
        return "\n".join(f"--- {name}\n{self.log(name)[-5000:]}" for name in names)

    def _failures(self) -> int:
        log = (self.folder / "localhost.log").read_text(errors="replace")
        return log.count("Fail the job run") + log.count("FATAL_SYSTEM_ERROR")

    def _provision(self) -> None:
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            port = found.getsockname()[1]
        lines = [f"  - {{name: {name}, type: client, org: hospitals}}" for name in self.names]
        project = self.folder / "project.yml"
        project.write_text(_PROJECT.format(port=port, clients="\n".join(lines), lead=LEAD))
        workspace = self.folder / "workspace"
        self._nvflare("provision", "-p", project, "-w", workspace, "--force")

    def allow_code(self, name: str) -> None:
        """Lets jobs bring code to a participant."""
        path = self.local(name) / "authorization.json"
        path.write_text(path.read_text().replace('"byoc": "none"', '"byoc": "any"'))

    def _restrict(self, name: str, classes: Sequence[str]) -> None:
        """Lets jobs name these classes alone and bring no code, and lets no log leave the site."""
        local = self.local(name)
        resources = json.loads((local / "resources.json.default").read_text())
        resources |= {"class_allow_list": list(classes), "allow_log_streaming": False}
        parts = {part["id"]: part for part in resources["components"]}
        parts.pop("site_log_streamer", None)
        parts.pop("log_receiver", None)
        if name != "localhost":
            parts["process_launcher"]["path"] = LAUNCHER
        resources["components"] = list(parts.values())
        if "job_manager" in parts:  # else jobs of all servers of a machine are in one folder
            parts["job_manager"]["args"]["uri_root"] = str(self.kit(name) / "jobs")
            storage = resources["snapshot_persistor"]["args"]["storage"]
            storage["args"]["root_dir"] = str(self.kit(name) / "snapshots")
        (local / "resources.json").write_text(json.dumps(resources))
        permissions = {"format_version": "1.0", "permissions": _PERMISSIONS}
        (local / "authorization.json").write_text(json.dumps(permissions))

    def _nvflare(self, *arguments: object) -> dict[str, Any]:
        command = [self._python.parent / "nvflare", *arguments]
        done = subprocess.run(
            [str(part) for part in command],
            check=False,
            env=self._environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
        )
        if "--format" not in arguments:
            if done.returncode:
                raise RuntimeError(f"nvflare {arguments[0]}: {done.stdout}{done.stderr}")
            return {}
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer


def write_job(folder: Path, name: str, controller: str, executor: str) -> Path:
    """Writes a job that names a controller and an executor; returns its folder."""
    shutil.rmtree(folder / name, ignore_errors=True)
    app = folder / name / "app" / "config"
    app.mkdir(parents=True)
    meta = {"name": name, "min_clients": 1, "deploy_map": {"app": ["@ALL"]}}
    (folder / name / "meta.json").write_text(json.dumps(meta))
    workflows = [{"id": "study", "path": controller, "args": {}}]
    server = {"format_version": 2, "workflows": workflows, "components": []}
    (app / "config_fed_server.json").write_text(json.dumps(server))
    executors = [{"tasks": ["study"], "executor": {"path": executor, "args": {}}}]
    client = {"format_version": 2, "executors": executors, "components": []}
    (app / "config_fed_client.json").write_text(json.dumps(client))
    return folder / name
