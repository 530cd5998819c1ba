"""Processes that run run_experiments.py as a shell starts it, but have their imports behind them.

One process imports TensorFlow and TFF, runs nothing, and forks for each run; a run so saves the
ten seconds of processor time that importing takes. What a run does while it imports is tested with
processes of the usual kind, in test_interrupts.py.
"""

import ctypes
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).parents[2]
IMPORTED = (
    *("tensorflow", "tensorflow_federated", "h5py", "matplotlib.figure", "jinja2"),
    *("tff_health.flags", "tff_health.training.run"),
    *("tff_health.experiments.schemes", "tff_health.experiments.privacy.budgets"),
)
NOISE = "pkg_resources is deprecated"
_PR_SET_CHILD_SUBREAPER = 36


def run(command, environment):
    """Like `subprocess.run` with its output captured as text."""
    process = start(command, environment)
    said, errors = process.communicate()
    return subprocess.CompletedProcess(command, process.returncode, said, errors)


def start(command, environment, **options):
    """Like `subprocess.Popen` with pipes of text."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return WarmProcess(command, env=environment, **pipes, **options)


class WarmProcess(subprocess.Popen):
    """A `Popen` of `run_experiments.py` whose process is forked off the one that has imported.

    Takes the options of `Popen` that these tests use: pipes, `env`, `start_new_session`.
    """

    def _execute_child(self, args, *given):
        names = subprocess.Popen._execute_child.__code__.co_varnames[2 : 2 + len(given)]
        options = dict(zip(names, given, strict=True))
        ends = [options[name] for name in ("p2cread", "c2pwrite", "errwrite")]
        inherited = [own if end == -1 else end for own, end in enumerate(ends)]
        request = {
            "arguments": args[1:],
            "environment": dict(options["env"]),
            "new_session": options["start_new_session"],
        }
        try:
            self.pid = _forks().fork(request, inherited)
        finally:
            for end in {*ends} - {-1}:
                os.close(end)
        self._child_created = True


class _Forks:
    """The process that has imported, as seen by the one that runs tests."""

    def __init__(self):
        ours, theirs = socket.socketpair()
        self._socket, self._lock = ours, threading.Lock()
        self._reader = ours.makefile()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-W", f"ignore:{NOISE}", "-m", __name__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                cwd=ROOT,
                env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
            )

    def fork(self, request, files):
        """Returns the number of a new process, which is a child of ours."""
        with self._lock, _adopting():
            socket.send_fds(self._socket, [json.dumps(request).encode() + b"\n"], files)
            answer = self._reader.readline()
        if not answer:
            raise OSError(f"the process that forks ended with {self._process.wait()}")
        return int(answer)


class _adopting:  # noqa: N801
    """Inside, this process becomes the parent of descendants that lose theirs."""

    def __enter__(self):
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def __exit__(self, *_):
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


_started = []


def _forks():
    if not _started:
        _started.append(_Forks())
    return _started[0]


def _serve(connection):
    """Forks until the tests have ended; returns in the forked processes alone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in IMPORTED:
        importlib.import_module(name)
    _forget_default_context()
    gc.freeze()  # what is frozen takes no time when a run ends
    while True:
        message, files, *_ = socket.recv_fds(connection, 1 << 20, 3)
        if not message:
            os._exit(0)
        while not message.endswith(b"\n"):
            message += connection.recv(1 << 20)
        number, write_number = os.pipe()
        child = os.fork()
        if child == 0:
            run = os.fork()
            if run == 0:
                connection.close()
                os.close(number)
                os.close(write_number)
                return json.loads(message), files
            os.write(write_number, b"%d\n" % run)
            os._exit(0)  # its child becomes one of the tests' process
        os.waitpid(child, 0)
        connection.sendall(os.read(number, 100))
        for file in (number, write_number, *files):
            os.close(file)


def _forget_default_context():
    """TFF's own ends with a line on stderr when it is among what is frozen."""
    import tensorflow_federated as tff

    from tff_health.workers.context import create_context
    from tff_health.workers.worker import RemoteWorker

    tff.framework.set_default_context(create_context(RemoteWorker("nowhere")))
    gc.collect()


def _become(request, files):
    for own, file in enumerate(files):
        os.dup2(file, own)
    for file in files:
        os.close(file)
    if request["new_session"]:
        os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv[:] = request["arguments"]


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as to_tests:
        asked = _serve(to_tests)
    _become(*asked)
    runpy.run_path(sys.argv[0], run_name="__main__")
