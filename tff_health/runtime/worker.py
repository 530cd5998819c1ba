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
from pathlib import Path

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
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: grpc.Channel | None = None
        self._stub: tff.framework.RemoteExecutorGrpcStub | None = None
        self._starts = 0
        self._closed = False
        self._lock = threading.Lock()
        # The kernel ends the worker when the *thread* that started it ends, so one thread of ours
        # starts them all and lives as long as this object.
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="worker-starter")

    def __enter__(self) -> "LocalWorker":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """Process number, or None before the first start."""
        return self._process.pid if self._process else None

    def stub(self) -> tff.framework.RemoteExecutorGrpcStub:
        """Returns the connection to the running worker, starting it first if need be.

        Raises:
            RunError: if the worker cannot be started, or died too often.
        """
        with self._lock:
            if self._closed:
                raise RunError("the TFF worker was closed")
            if self._process is None or self._process.poll() is not None:
                self._start()
            return self._stub

    def close(self) -> None:
        """Ends the worker, politely and then by force. Can be called twice."""
        with self._lock:
            self._closed = True
            self._end()
        self._starter.shutdown()

    def _start(self) -> None:
        if self._starts > _MAX_RESTARTS:
            raise RunError(
                f"the TFF worker ended {self._starts} times (last exit code "
                f"{self._process.returncode}); what it printed: {self._log_path}"
            )
        self._end()
        self._starts += 1
        port = portpicker.pick_unused_port()
        command = [
            *(sys.executable, "-I", "-S", exec_with_parent.__file__, str(os.getpid())),
            str(worker_binary()),
            f"--port={port}",
            f"--max_concurrent_computation_calls={self._concurrency}",
        ]
        self._process = self._starter.submit(self._spawn, command).result()
        self._channel = grpc.insecure_channel(f"localhost:{port}", _CHANNEL_OPTIONS)
        self._stub = tff.framework.RemoteExecutorGrpcStub(self._channel)
        self._wait_until_ready()

    def _spawn(self, command: list[str]) -> "subprocess.Popen[bytes]":
        with self._log_path.open("ab") as log:
            # A session of its own: Ctrl-C reaches us alone, and we end the worker in good order.
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not self._stub.is_ready:
            code = self._process.poll()
            if code is not None:
                raise RunError(
                    f"the TFF worker ended with code {code} while starting; what it printed: "
                    f"{self._log_path}"
                )
            if time.monotonic() > deadline:
                self._end()
                raise RunError(f"the TFF worker did not answer within {_START_SECONDS} seconds")
            time.sleep(_POLL_SECONDS)

    def _end(self) -> None:
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def worker_binary() -> Path:
    """Path of the executor service that TFF's wheel brings along.

    Raises:
        RunError: if it is not there.
    """
    path = Path(tff.__file__).parent / "data" / "worker_binary"
    if not path.is_file():
        raise RunError(f"no TFF worker at {path}: install tensorflow-federated again")
    return path
