"""A TFF worker process of our own: started, watched and ended here.

TFF can start its worker itself, but that one inherits our standard output (so that a pipe never
closes) and may outlive us. Ours writes to a file of its own, and the kernel ends it with us.
"""

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import grpc
import portpicker
import tensorflow_federated as tff

from tff_health.errors import RunError
from tff_health.runtime import exec_with_parent

_START_SECONDS = 60
_STOP_SECONDS = 5
_MAX_RESTARTS = 3
_POLL_SECONDS = 0.02
_MAX_MESSAGE_BYTES = 2_000_000_000
_CHANNEL_OPTIONS = [
    ("grpc.max_message_length", _MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", _MAX_MESSAGE_BYTES),
]


@dataclass(frozen=True)
class _Service:
    """A worker process and our connection to it."""

    process: "subprocess.Popen[bytes]"
    channel: grpc.Channel
    stub: tff.framework.RemoteExecutorGrpcStub

    def is_alive(self) -> bool:
        return self.process.poll() is None

    def end(self) -> None:
        self.channel.close()
        if not self.is_alive():
            return
        self.process.terminate()
        try:
            self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class LocalWorker:
    """One TFF executor service on this machine.

    Use it as a context manager, or call `close`; in any case it ends with this process. A worker
    that died is started again when it is needed next, up to three times.

    Args:
        log_path: file that takes what the worker prints.
        concurrency: how many clients the worker computes at once; 0 for no limit.
    """

    def __init__(self, log_path: Path, concurrency: int) -> None:
        self._log_path = log_path
        self._concurrency = concurrency
        self._service: _Service | None = None
        self._starts = 0
        self._closed = False
        self._lock = threading.Lock()
        # The kernel ends the worker when the *thread* that started it ends, so one thread of ours
        # starts them all and lives as long as this object.
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="worker-starter")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """Process number, or None before the first start."""
        return self._service.process.pid if self._service else None

    def stub(self) -> tff.framework.RemoteExecutorGrpcStub:
        """Returns the connection to the running worker, starting it first if need be.

        Raises:
            RunError: if the worker cannot be started, or died too often.
        """
        with self._lock:
            if self._closed:
                raise RunError("the TFF worker was closed")
            if self._service is None or not self._service.is_alive():
                self._service = self._start(self._service)
            return self._service.stub

    def close(self) -> None:
        """Ends the worker, politely and then by force. Can be called twice."""
        with self._lock:
            self._closed = True
            if self._service is not None:
                self._service.end()
        self._starter.shutdown()

    def _start(self, dead: _Service | None) -> _Service:
        if dead is not None:
            dead.end()
            if self._starts > _MAX_RESTARTS:
                raise RunError(
                    f"the TFF worker ended {self._starts} times (last exit code "
                    f"{dead.process.returncode}); what it printed: {self._log_path}"
                )
        self._starts += 1
        port = portpicker.pick_unused_port()
        command = [
            *(sys.executable, "-I", "-S", exec_with_parent.__file__, str(os.getpid())),
            str(worker_binary()),
            f"--port={port}",
            f"--max_concurrent_computation_calls={self._concurrency}",
        ]
        process = self._starter.submit(self._spawn, command).result()
        channel = grpc.insecure_channel(f"localhost:{port}", _CHANNEL_OPTIONS)
        service = _Service(process, channel, tff.framework.RemoteExecutorGrpcStub(channel))
        try:
            self._wait_until_ready(service)
        except BaseException:
            service.end()
            raise
        return service

    def _spawn(self, command: list[str]) -> "subprocess.Popen[bytes]":
        with self._log_path.open("ab") as log:
            # A session of its own: Ctrl-C reaches us alone, and we end the worker in good order.
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=self._environment() | os.environ,
            )

    def _environment(self) -> dict[str, str]:
        return {
            # Clients that are computed at once would fight for the processors with more threads.
            "TF_NUM_INTRAOP_THREADS": str(max(1, num_processors() // max(1, self._concurrency))),
            # glibc keeps what threads freed in arenas of their own, which grow for hundreds of
            # rounds; one arena, and its own pages for what is large, keep memory flat.
            "MALLOC_ARENA_MAX": "1",
            "MALLOC_MMAP_THRESHOLD_": str(2**20),
        }

    def _wait_until_ready(self, service: _Service) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not service.stub.is_ready:
            if not service.is_alive():
                raise RunError(
                    f"the TFF worker ended with code {service.process.returncode} while starting; "
                    f"what it printed: {self._log_path}"
                )
            if time.monotonic() > deadline:
                raise RunError(f"the TFF worker did not answer within {_START_SECONDS} seconds")
            time.sleep(_POLL_SECONDS)


def num_processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0))


def worker_binary() -> Path:
    """Path of the executor service that TFF's wheel brings along.

    Raises:
        RunError: if it is not there.
    """
    path = Path(tff.__file__).parent / "data" / "worker_binary"
    if not path.is_file():
        raise RunError(f"no TFF worker at {path}: install tensorflow-federated again")
    return path
