"""Runs tests again and again without starting Python anew: what mutation.py lets run them.

Usage: python tests/crypto/warm_tests.py SOCKET TEST...     serves, with the project's packages
       python tests/crypto/warm_tests.py SOCKET             asks for one run; exits as it ended

The server loads what tests need from other packages once. Each run is a child that loads `crypto`
as it stands on the disk then; it ends with its client.
"""

import importlib
import os
import select
import signal
import socket
import sys
import time

HEAVY = ("numpy", "scipy.stats", "hypothesis", "gmpy2", "nacl.bindings", "coincurve", "phe")


def serve(path, tests):
    import pytest

    for name in HEAVY:
        importlib.import_module(name)
    sys.dont_write_bytecode = True  # a module that is broken now will not be so in the next run
    sys.path.insert(0, os.getcwd())  # noqa: PTH109
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        while True:
            connection, _ = server.accept()
            with connection:
                child = os.fork()
                if child == 0:
                    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
                    os._exit(first_failure(pytest, tests))
                answer(connection, child)


def first_failure(pytest, tests):
    """Run one file after the other, so that most broken modules are found out by the first."""
    runs = (int(pytest.main(["-xq", "-p", "no:cacheprovider", test])) for test in tests)
    return next(filter(None, runs), 0)


def answer(connection, child):
    """Wait for the child, or end it if nobody waits for it any more."""
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            connection.sendall(bytes([os.waitstatus_to_exitcode(status) & 0xFF]))
            return
        gone, _, _ = select.select([connection], [], [], 0.01)
        if gone:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return


def ask(path):
    with socket.socket(socket.AF_UNIX) as client:
        for _ in range(600):
            try:
                client.connect(path)
                break
            except OSError:
                time.sleep(0.1)
        return client.recv(1)[0]


if __name__ == "__main__":
    if len(sys.argv) == 2:
        sys.exit(ask(sys.argv[1]))
    serve(sys.argv[1], sys.argv[2:])
