"""Environments of their own for libraries that cannot be installed beside TFF.

They are kept in the user's cache folder. `make apart` makes those that are missing, which takes
downloads; other runs of the tests leave out what needs one that is not there.
"""

import os
import subprocess

import pytest

from benchmarks.environments import python_with

INSTALL = "TFF_HEALTH_INSTALL"


def python_of(name, *requirements):
    """Returns the interpreter of an environment with these packages, pinned; skips without one."""
    python = python_with(name, [requirements], install=bool(os.environ.get(INSTALL)))
    if python is None:
        pytest.skip(f"{name} is not installed: make apart")
    return python


def run(python, *arguments, **environment):
    """Runs a program there; returns what it printed."""
    process = subprocess.run(
        [str(python), *map(str, arguments)],
        check=False,
        capture_output=True,
        text=True,
        timeout=500,
        env={**os.environ, "PYTHONPATH": "", **environment},
    )
    assert process.returncode == 0, process.stderr[-2000:]
    return process.stdout
