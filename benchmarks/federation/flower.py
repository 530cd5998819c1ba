"""SecAgg+ of Flower on its own deployment engine, with the same clients and coordinates."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from benchmarks.environments import python_with
from benchmarks.federation.secure_sum import free_port

FLOWER = "flwr==1.42.0"
_APP = Path(__file__).with_name("flower_app")
_CONFIG = """
[superlink]
default = "here"

[superlink.here]
address = "127.0.0.1:{port}"
insecure = true
"""


def flower_round(sites: int, length: int, install: bool, limit: float) -> dict[str, Any] | None:
    """What a SecAgg+ round of Flower took between a SuperLink and SuperNodes of this machine.

    Its clock starts when all nodes are known. There is no TLS, which ours has.

    Args:
        sites: how many there are.
        length: coordinates.
        install: whether Flower may be installed.
        limit: seconds to wait.

    Returns:
        seconds, and the largest error of the mean; None, with a printed note, if it cannot be run.
    """
    python = python_with(FLOWER, [[FLOWER]], install)
    if python is None:
        return None
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        shutil.copytree(_APP, folder / "app")
        port = free_port()
        (folder / "config.toml").write_text(_CONFIG.format(port=port))
        engine = _Engine(python.parent, folder, stack)
        engine.start("flower-superlink", "--insecure", "--host", "127.0.0.1", "--port", str(port))
        time.sleep(8)
        for number in range(sites):
            engine.start(
                "flower-supernode",
                *("--insecure", "--superlink", f"127.0.0.1:{port}", "--port", str(free_port())),
                *("--node-config", f"partition-id={number} num-partitions={sites}"),
            )
        result = folder / "result.json"
        values = f"coordinates={length} clients={sites} out='{result}'"
        engine.run("flwr", "run", str(folder / "app"), "here", "--run-config", values)
        end = time.monotonic() + limit
        while not result.exists() or not result.read_text():
            if time.monotonic() > end:
                print(f"Skipped: {FLOWER} has not finished its round in {limit:.0f} seconds.")
                print(engine.log()[-1500:])
                return None
            time.sleep(0.2)
        found: dict[str, Any] = json.loads(result.read_text())
        return found


class _Engine:
    """Flower's programs, which end with the stack."""

    def __init__(self, programs: Path, folder: Path, stack: ExitStack) -> None:
        self._programs, self._folder, self._stack = programs, folder, stack
        path = f"{programs}{os.pathsep}{os.environ['PATH']}"
        self._environment = {
            **os.environ,
            "PATH": path,
            "FLWR_HOME": str(folder),
            "FLWR_TELEMETRY_ENABLED": "0",
            "PYTHONPATH": "",
        }

    def start(self, *words: str) -> None:
        with (self._folder / "engine.log").open("ab") as log:
            one = subprocess.Popen(
                [str(self._programs / words[0]), *words[1:]],
                cwd=self._folder,
                env=self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._stack.callback(_end, one)

    def run(self, *words: str) -> None:
        told = subprocess.run(
            [str(self._programs / words[0]), *words[1:]],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        with (self._folder / "engine.log").open("a") as log:
            log.write(told.stdout + told.stderr)

    def log(self) -> str:
        return (self._folder / "engine.log").read_text(errors="replace")


def _end(one: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(one.pid, signal.SIGKILL)
    one.wait()
