"""Connections, and the gRPC below them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CODE = """
import time
import grpc
{imports}
for number in range(2):
    connection = {connection}
    connection.close()
    time.sleep(0.5)
"""
OURS = ("from tff_health.runtime.connection import Connection", "Connection('unix:/nobody')")
PLAIN = ("", "grpc.insecure_channel('unix:/nobody')")


@pytest.mark.parametrize(("parts", "ends"), [(OURS, False), (PLAIN, True)])
def test_grpc_stays_up_when_the_last_connection_is_closed(parts, ends):
    code = CODE.format(imports=parts[0], connection=parts[1])
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"GRPC_VERBOSITY": "debug", "GRPC_TRACE": "api"},
        cwd=ROOT,
    )
    assert "grpc_shutdown(void)" in result.stderr
    # What gRPC says when it begins to take down what all channels share.
    assert ("grpc_shutdown_from_cleanup_thread" in result.stderr) == ends
