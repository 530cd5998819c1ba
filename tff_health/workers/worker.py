"""TFF's executor services as we use them: one that we start and end, or one on another machine.

TFF can start its service itself, but that one inherits our standard output (so that a pipe never
closes), may outlive us, and listens on all interfaces. Ours writes to a file of its own, ends with
us, and answers nobody but us.
"""

import os
import secrets
import shutil
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import tensorflow_federated as tff

from tff_health.workers.connection import Connection, WorkerLostError
from tff_health.workers.service import num_processors, service_command, service_environment

__all__ = ["LocalWorker", "RemoteWorker", "Worker", "WorkerLostError", "num_processors"]

_START_SECONDS = 60
_CONNECT_SECONDS = 10
_STOP_SECONDS = 5
_MAX_RESTARTS = 3
_POLL_SECONDS = 0.02


class Worker(ABC):
    """One TFF executor service.

    Attributes:
        name: for messages.
        restarts: whether a service that died is started again when it is needed next.
        files: a folder for files that this process and the service both see; None if they share no
            disk.
    """

    name: str
    restarts: bool
    files: Path | None = None

    @abstractmethod
    def stub(self) -> tff.framework.RemoteExecutorStub:
        """Returns TFF's stub over a connection that is ready.

        Raises:
            WorkerLostError: if there is none and none can be had.
        """

    @abstractmethod
    def answers(self) -> bool:
        """Tells, after some seconds at most, whether the service answers."""

    @abstractmethod
    def abandon(self) -> None:
        """Gives up on calls under way, because the service does not answer."""

    @abstractmethod
    def close(self) -> None:
        """Ends the connection, and the service if it is ours. Can be called twice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class RemoteWorker(Worker):
    """An executor service that someone else runs: `python -m tff_health.worker`.

    Args:
        address: "host:port".
    """

    restarts = False

    def __init__(self, address: str) -> None:
        self.name = address
        self._connection: Connection | None = None
        self._lock = threading.Lock()

    def stub(self) -> tff.framework.RemoteExecutorStub:
        """Returns the stub; connects first if need be.

        Raises:
            WorkerLostError: if it refuses, or does not answer for ten seconds.
        """
        with self._lock:
            if self._connection is None or not self._connection.is_ready:
                self._disconnect()
                self._connection = self._connect()
            return self._connection.stub

    def answers(self) -> bool:
        """Tells whether the service answers."""
        connection = self._connection
        return connection is not None and connection.answers()

    def abandon(self) -> None:
        """Ends the connection; the next `stub` tries a new one."""
        with self._lock:
            self._disconnect()

    def close(self) -> None:
        """Ends the connection; the service goes on."""
        self.abandon()

    def _connect(self) -> Connection:
        connection = Connection(self.name, f"the TFF worker at {self.name}")
        deadline = time.monotonic() + _CONNECT_SECONDS
        while not connection.is_ready:
            if connection.is_refused or time.monotonic() > deadline:
                connection.close()
                raise WorkerLostError(f"the TFF worker at {self.name} cannot be reached")
            time.sleep(_POLL_SECONDS)
        return connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@dataclass(frozen=True)
class _Service:
    """A service that we started, and our connection to it."""

    process: "subprocess.Popen[bytes]"
    connection: Connection

    def is_alive(self) -> bool:
        return self.process.poll() is None

    def end(self) -> None:
        self.connection.close()
        if not self.is_alive():
            return
        self.process.terminate()
        try:
            self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


class LocalWorker(Worker):
    """An executor service on this machine, started when it is needed.

    Use it as a context manager, or call `close`; in any case it ends with this process. A service
    that died is started again when it is needed next, up to three times.

    Args:
        log_path: file that takes what the service prints. A folder beside it takes large tensors;
            what a process that was killed left there goes when it is used again, and at the end.
        concurrency: how many clients it computes at once; 0 for no limit.
    """

    name = "the local TFF worker"
    restarts = True

    def __init__(self, log_path: Path, concurrency: int) -> None:
        self._log_path = log_path
        self.files: Path = log_path.with_name(f"{log_path.stem}-files")
        self._concurrency = concurrency
        self._service: _Service | None = None
        self._starts = 0
        self._closed = False
        self._lock = threading.Lock()
        # The kernel ends the service when the *thread* that started it ends, so one thread of ours
        # starts them all and lives as long as this object.
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="worker-starter")

    @property
    def pid(self) -> int | None:
        """Process number, or None before the first start."""
        return self._service.process.pid if self._service else None

    def stub(self) -> tff.framework.RemoteExecutorStub:
        """Returns the stub; starts the service first if need be.

        Raises:
            RunError: if it cannot be started, or died too often.
        """
        with self._lock:
            if self._closed:
                raise WorkerLostError("the TFF worker was closed")
            if self._service is None or not self._service.is_alive():
                self._service = self._start(self._service)
            return self._service.connection.stub

    def answers(self) -> bool:
        """Tells whether the service answers."""
        service = self._service
        return service is not None and service.connection.answers()

    def abandon(self) -> None:
        """Kills the service; the next `stub` starts a new one."""
        service = self._service
        if service is not None:
            service.kill()

    def close(self) -> None:
        """Ends the service, politely and then by force."""
        self._closed = True  # before the lock: a start under way ends by it
        with self._lock:
            if self._service is not None:
                self._service.end()
        shutil.rmtree(self.files, ignore_errors=True)
        self._starter.shutdown()

    def _start(self, dead: _Service | None) -> _Service:
        if dead is not None:
            dead.end()
            if self._starts > _MAX_RESTARTS:
                raise WorkerLostError(
                    f"the TFF worker ended {self._starts} times (last exit code "
                    f"{dead.process.returncode}); what it printed: {self._log_path}"
                )
        self._starts += 1
        socket_name = f"tff_health-{os.getpid()}-{secrets.token_hex(8)}"
        command = service_command(os.getpid(), f"abstract:{socket_name}", self._concurrency)
        process = self._starter.submit(self._spawn, command).result()
        service = _Service(process, Connection(f"unix-abstract:{socket_name}", self.name))
        try:
            self._wait_until_ready(service)
        except BaseException:
            service.end()
            raise
        return service

    def _spawn(self, command: list[str]) -> "subprocess.Popen[bytes]":
        with self._log_path.open("ab") as log:
            # A session of its own: Ctrl-C reaches us alone, and we end the service in good order.
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=service_environment(self._threads(), os.environ),
            )

    def _threads(self) -> int:
        """Clients that are computed at once would fight for the processors with more threads."""
        return max(1, num_processors() // max(1, self._concurrency))

    def _wait_until_ready(self, service: _Service) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not service.connection.is_ready:
            if self._closed:
                raise WorkerLostError("the TFF worker was closed")
            if not service.is_alive():
                raise WorkerLostError(
                    f"the TFF worker ended with code {service.process.returncode} while starting; "
                    f"what it printed: {self._log_path}"
                )
            if time.monotonic() > deadline:
                raise WorkerLostError(
                    f"the TFF worker did not answer within {_START_SECONDS} seconds"
                )
            time.sleep(_POLL_SECONDS)
