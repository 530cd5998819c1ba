import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from tff_health.errors import RunError
from tff_health.workers import launch_service
from tff_health.workers.context import create_context
from tff_health.workers.worker import LocalWorker


@pytest.fixture
def worker(tmp_path):
    with LocalWorker(tmp_path / "worker.log", concurrency=1) as worker:
        yield worker


def gone(pid, seconds=10.0):
    """Whether the process ends within that time; a zombie has ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.05)
    return False


def test_it_starts_when_needed_and_ends_on_close(worker):
    assert worker.pid is None
    stub = worker.stub()
    assert worker.stub() is stub
    assert psutil.pid_exists(worker.pid)
    worker.close()
    assert gone(worker.pid, 0.1)
    worker.close()
    with pytest.raises(RunError, match="closed"):
        worker.stub()


def kill(worker):
    """Kills the worker and waits until the kernel says so: its threads take a moment to end."""
    pid = worker.pid
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def test_a_dead_worker_is_replaced_up_to_three_times(worker):
    seen = set()
    for _ in range(4):
        worker.stub()
        seen.add(worker.pid)
        kill(worker)
    assert len(seen) == 4
    with pytest.raises(RunError, match="ended 4 times"):
        worker.stub()


def test_a_computation_survives_the_death_of_its_worker(worker):
    import tensorflow_federated as tff

    @tff.federated_computation(tff.FederatedType(np.int32, tff.CLIENTS))
    def add(values):
        return tff.federated_sum(values)

    context = create_context(worker)
    with tff.framework.get_context_stack().install(context):
        assert add([1, 2]) == 3
        os.kill(worker.pid, signal.SIGKILL)
        assert add([3, 4, 5]) == 12


def test_its_output_goes_to_its_own_file(worker, tmp_path):
    worker.stub()
    descriptors = [Path(f"/proc/{worker.pid}/fd/{number}").readlink() for number in (1, 2)]
    assert descriptors == [tmp_path / "worker.log"] * 2


def test_a_worker_that_cannot_start_is_an_error_with_its_log(tmp_path, monkeypatch):
    monkeypatch.setattr("tff_health.workers.service.worker_binary", lambda: Path("/bin/false"))
    with (
        LocalWorker(tmp_path / "worker.log", concurrency=1) as worker,
        pytest.raises(RunError, match=r"code 1 while starting.*worker\.log"),
    ):
        worker.stub()


def start_with_parent():
    """A parent that starts `sleep` as we start workers, and prints its process number."""
    parent_code = (
        "import os, subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, {launch_service.__file__!r}, "
        f"str(os.getpid()), 'abstract:test-{os.getpid()}', '/bin/sleep', '60'], "
        "start_new_session=True)\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", parent_code], stdout=subprocess.PIPE, text=True
    )
    child = int(parent.stdout.readline())
    deadline = time.monotonic() + 10
    while psutil.Process(child).name() != "sleep" and time.monotonic() < deadline:
        time.sleep(0.02)
    return parent, child


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_kernel_ends_program_and_forwarder_with_their_parent(signum):
    parent, child = start_with_parent()
    assert psutil.Process(child).name() == "sleep"
    (forwarder,) = psutil.Process(child).children()
    parent.send_signal(signum)
    parent.wait()
    parent.stdout.close()
    assert gone(child)
    assert gone(forwarder.pid)


def test_the_program_does_not_start_without_its_parent():
    listener = f"abstract:test-{os.getpid()}"
    command = [sys.executable, launch_service.__file__, "1", listener, "/bin/echo", "started"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (1, "")
