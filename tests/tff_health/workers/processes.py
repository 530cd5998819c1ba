"""Processes that tests start, watch and end."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

import psutil


def until(condition, seconds=15.0):
    """Waits for a condition; tells whether it came true."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def is_running(pid):
    """Whether a process runs; a zombie does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def accepts(port):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def forwarder_of(pid):
    """The process that carries connections to the service `pid`."""
    (forwarder,) = psutil.Process(pid).children()
    return forwarder.pid


def environment():
    # JAX, which TFF imports, sets this one as soon as a test of this process imports TFF.
    return {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}


def start(command, **options):
    """Starts a process that Ctrl-C interrupts even where tests are a background job of a shell."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(command, env=environment(), **options)
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def worker_program(log, *flags):
    """Runs `python -m tff_health.worker` until it is left."""
    with log.open("ab") as output:
        process = start(
            [sys.executable, "-m", "tff_health.worker", *flags],
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
        process.wait()


def is_service(pid):
    """Whether the program has become TFF's executor service."""
    return is_running(pid) and psutil.Process(pid).name() == "worker_binary"
