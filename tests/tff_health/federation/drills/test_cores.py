"""A program that dies of a fault leaves no core, which would hold its keys and updates."""

import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tff_health.federation.drills.drill import Drill

pytestmark = [pytest.mark.slow, pytest.mark.drill]


class Coring(Drill):
    """A drill whose programs may leave cores, as far as whoever starts them says."""

    def command(self, name, arguments):
        return [
            "sh",
            "-c",
            'ulimit -c unlimited && exec "$@"',
            "-",
            *super().command(name, arguments),
        ]


def limits(pid):
    for line in Path(f"/proc/{pid}/limits").read_text().splitlines():
        if line.startswith("Max core file size"):
            return line.split()[4:6]
    raise KeyError(pid)


def cores(folder):
    return [path for path in folder.rglob("*") if path.name.startswith("core")]


def test_no_core_is_left(tmp_path):
    if resource.getrlimit(resource.RLIMIT_CORE)[1] == 0:
        pytest.skip("no process may leave a core here")
    control = tmp_path / "control"
    control.mkdir()
    dies = "import os; os.abort()"
    subprocess.run(
        ["sh", "-c", 'ulimit -c unlimited && exec "$@"', "-", sys.executable, "-c", dies],
        cwd=control,
        check=False,
        capture_output=True,
        timeout=60,
    )
    with Coring(tmp_path, "bonawitz", rounds=100_000) as drill:
        drill.start_all()
        drill.wait_for_round(3)
        for name in ("hospital-1", "server"):
            assert limits(drill.pid(name)) == ["1", "1"]
            drill.kill(name, signal.SIGABRT)
        assert not [path for path in cores(tmp_path) if control not in path.parents]
    if not cores(control):
        pytest.skip("limits are right; cores of this machine go elsewhere, so no more can be seen")
