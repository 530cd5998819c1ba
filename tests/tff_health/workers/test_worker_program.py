"""`python -m tff_health.worker` as a user runs it."""

import os
import signal
import socket
import subprocess
import sys

import pytest

from tests.tff_health.workers.processes import (
    accepts,
    environment,
    forwarder_of,
    free_port,
    is_running,
    is_service,
    until,
    worker_program,
)


def run(*flags):
    command = [sys.executable, "-m", "tff_health.worker", *flags]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment(), timeout=60
    )


def test_it_starts_at_once(tmp_path):
    """No import of TensorFlow, which takes seconds, comes before the service."""
    port = free_port()
    with worker_program(tmp_path / "log", f"--port={port}") as process:
        assert until(lambda: is_service(process.pid), 4)


def test_help_comes_without_tensorflow():
    command = [sys.executable, "-X", "importtime", "-m", "tff_health.worker", "--help"]
    result = subprocess.run(command, capture_output=True, text=True, check=True, env=environment())
    assert "--port" in result.stdout
    assert "neither passwords nor TLS" in result.stdout
    imported = {line.rpartition("|")[2].strip() for line in result.stderr.splitlines()}
    assert "argparse" in imported
    assert not {name for name in imported if name.split(".")[0].startswith("tensorflow")}


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ((), "--port"),
        (("--port=0",), "0 is no port: allowed are 1 to 65535"),
        (("--port=65536",), "65536 is no port: allowed are 1 to 65535"),
        (("--port=http",), "http is no port: allowed are 1 to 65535"),
        (("--port=8000", "--host="), "no address"),
        (("--port=8000", "--concurrency=0"), "0: must be 1 or more"),
    ],
)
def test_flags_that_cannot_be_are_refused(flags, message):
    result = run(*flags)
    assert result.returncode == 2
    assert message in result.stderr.splitlines()[-1]
    assert result.stdout == ""


@pytest.mark.parametrize("host", ["no-such-host.invalid", "192.0.2.1"])
def test_an_impossible_address_is_one_clear_line(host):
    result = run("--port=8000", f"--host={host}")
    assert result.returncode == 1
    assert result.stderr.startswith(f"error: cannot listen on {host}:8000: ")
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


def test_an_occupied_port_is_one_clear_line():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        result = run(f"--port={port}")
    assert result.returncode == 1
    assert result.stderr == f"error: cannot listen on 127.0.0.1:{port}: Address already in use\n"
    assert result.stdout == ""


def test_ctrl_c_ends_all_of_it_quietly(tmp_path):
    port, log = free_port(), tmp_path / "log"
    with worker_program(log, f"--port={port}", "--concurrency=3") as process:
        assert until(lambda: is_service(process.pid) and accepts(port))
        forwarder = forwarder_of(process.pid)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(10) == -signal.SIGINT
        assert until(lambda: not is_running(forwarder))
    assert log.read_text() == f"worker on 127.0.0.1:{port}, 3 clients at once\n"
    assert until(lambda: not accepts(port))
