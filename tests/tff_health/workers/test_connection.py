"""Connections, and the gRPC below them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CODE = """
import os
import time
import grpc
{imports}
for number in range(2):
    connection = {connection}
    connection.close()
    time.sleep({seconds})
os._exit(0)  # what gRPC takes down when a process ends is not looked at
"""
OURS = ("from tff_health.workers.connection import Connection", "Connection('unix:/nobody')")
PLAIN = ("", "grpc.insecure_channel('unix:/nobody')")


ENDS = "grpc_shutdown_from_cleanup_thread"
"""What gRPC says when it begins to take down what all channels share."""


def said(parts, seconds):
    """Yield what gRPC says while two connections are opened and closed, `seconds` apart."""
    code = CODE.format(imports=parts[0], connection=parts[1], seconds=seconds)
    environment = os.environ | {"GRPC_VERBOSITY": "debug", "GRPC_TRACE": "api"}
    with subprocess.Popen(
        [sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, env=environment, cwd=ROOT
    ) as process:
        try:
            yield from process.stderr
        finally:
            process.kill()


def test_grpc_stays_up_when_the_last_connection_is_closed():
    text = "".join(said(OURS, seconds=2))
    assert "grpc_shutdown(void)" in text
    assert ENDS not in text


def test_grpc_would_be_taken_down_without_us():
    assert any(ENDS in line for line in said(PLAIN, seconds=60))


THREAD = """
import threading
from tff_health.workers.connection import Connection
Connection("unix:/nobody").close()
def watch():
    raise ValueError({error!r})
thread = threading.Thread(target=watch)
thread.start()
thread.join()
"""


@pytest.mark.parametrize(("error", "is_told"), [("Channel closed!", False), ("another", True)])
def test_threads_that_watched_a_closed_channel_say_nothing(error, is_told):
    code = THREAD.format(error=error)
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert (f"ValueError: {error}" in result.stderr) == is_told
