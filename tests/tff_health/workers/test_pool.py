"""Several workers as separate processes: lost, hung, refused, back again."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from contextlib import ExitStack

import numpy as np
import psutil
import pytest
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_health.workers.processes import (
    accepts,
    free_port,
    is_running,
    is_service,
    start,
    until,
    worker_program,
)
from tff_health.errors import RunError
from tff_health.workers import connection, context
from tff_health.workers.pool import WorkerPool
from tff_health.workers.worker import LocalWorker, RemoteWorker

SIZE = 4


@tff.tensorflow.computation(np.int32, np.int32)
def step(client, factor):
    """Takes a while for clients above 100."""
    turns = tf.where(client > 100, 150_000, 1)
    slow = tf.while_loop(lambda i: i < turns, lambda i: [i + 1], [0])[0]
    return tf.fill([SIZE], client * factor) + 0 * slow


@tff.federated_computation(
    tff.FederatedType(np.int32, tff.CLIENTS), tff.FederatedType(np.int32, tff.SERVER)
)
def work(data, factor):
    return tff.federated_map(step, (data, tff.federated_broadcast(factor)))


@tff.tensorflow.computation(np.str_)
def size_of_file(path):
    return tf.strings.length(tf.io.read_file(path))


@tff.federated_computation(
    tff.FederatedType(np.str_, tff.CLIENTS), tff.FederatedType(np.int32, tff.SERVER)
)
def file_work(data, factor):
    del factor
    return tff.federated_map(size_of_file, data)


@tff.tensorflow.computation(np.int32)
def double(number):
    return 2 * number


def expected(data, factor):
    return [[client * factor] * SIZE for client in data]


def mapped(pool, data, factor=3):
    return [list(result) for result in pool.map_clients(work, data, factor)]


class Programs:
    """Worker programs that tests kill and start again at the same ports."""

    def __init__(self, folder, stack):
        self.folder = folder
        self.stack = stack
        self.ports = [free_port() for _ in range(3)]
        self.running = {}

    def addresses(self, count=3):
        return [f"127.0.0.1:{port}" for port in self.ports[:count]]

    def start(self):
        """Starts those that do not run."""
        for port in self.ports:
            process = self.running.get(port)
            if process is None or process.poll() is not None:
                log = self.folder / f"{port}.log"
                self.running[port] = self.stack.enter_context(
                    worker_program(log, f"--port={port}", "--concurrency=1")
                )
        for port, process in self.running.items():
            assert until(lambda: is_service(process.pid) and accepts(port), 60)  # noqa: B023

    def signal(self, index, signum):
        process = self.running[self.ports[index]]
        process.send_signal(signum)
        if signum == signal.SIGKILL:
            process.wait()


@pytest.fixture(scope="module")
def all_programs(tmp_path_factory):
    with ExitStack() as stack:
        yield Programs(tmp_path_factory.mktemp("programs"), stack)


@pytest.fixture
def programs(all_programs):
    all_programs.start()
    return all_programs


@pytest.fixture(autouse=True)
def _fast_watch(monkeypatch):
    monkeypatch.setattr(context, "_WATCH_SECONDS", 0.2)
    monkeypatch.setattr(connection, "PROBE_SECONDS", 1.0)
    monkeypatch.setattr("tff_health.workers.worker._CONNECT_SECONDS", 3)


@pytest.fixture
def remote(programs):
    """Makes pools of remote workers."""
    with ExitStack() as stack:

        def make(count=3):
            workers = [RemoteWorker(address) for address in programs.addresses(count)]
            return WorkerPool([stack.enter_context(worker) for worker in workers])

        yield make


def after(seconds, action, *arguments):
    timer = threading.Timer(seconds, action, arguments)
    timer.start()
    return timer


def noise(capfd):
    """What Python says of errors that nobody catches; TensorFlow's own chatter aside."""
    lines = capfd.readouterr().err.splitlines()
    return [line for line in lines if "Exception" in line or "Traceback" in line]


SLOW = [101, 102, 103, 104, 105, 106]


@pytest.mark.parametrize("num_clients", [0, 1, 2, 7])
def test_the_number_of_workers_does_not_change_the_result(remote, tff_context, num_clients):
    data = list(range(num_clients))
    for pool in (remote(3), remote(2), remote(1), WorkerPool([tff_context])):
        assert mapped(pool, data) == expected(data, 3)


def test_local_workers_share_the_clients(tmp_path):
    with LocalWorker(tmp_path / "1", 1) as one, LocalWorker(tmp_path / "2", 1) as two:
        assert mapped(WorkerPool([one, two]), SLOW) == expected(SLOW, 3)
        assert one.pid != two.pid
        times = [psutil.Process(worker.pid).cpu_times().user for worker in (one, two)]
        assert min(times) > 0.3 * max(times)


def test_clients_are_shared_out(remote, programs):
    def used():
        return [psutil.Process(p.pid).cpu_times().user for p in programs.running.values()]

    before = used()
    assert mapped(remote(3), SLOW) == expected(SLOW, 3)
    spent = [b - a for a, b in zip(before, used(), strict=True)]
    assert min(spent) > 0.1 * max(spent)


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGSTOP])
@pytest.mark.parametrize("count", [2, 3])
def test_a_worker_that_is_lost_in_mid_round_does_not_change_the_result(
    remote, programs, signum, count, capfd
):
    pool = remote(count)
    assert mapped(pool, [1, 2, 3]) == expected([1, 2, 3], 3)
    timer = after(0.3, programs.signal, 0, signum)
    try:
        assert mapped(pool, SLOW) == expected(SLOW, 3)
        timer.join()
        assert [member.is_lost for member in pool._members] == [True] + [False] * (count - 1)
        assert pool.call(double, 4) == 8
        assert mapped(pool, [1, 2, 3]) == expected([1, 2, 3], 3)
    finally:
        programs.signal(0, signal.SIGCONT)
    programs.start()
    assert until(
        lambda: mapped(pool, [1, 2]) == expected([1, 2], 3) and not pool._members[0].is_lost
    )
    assert mapped(pool, [1, 2, 3]) == expected([1, 2, 3], 3)
    assert noise(capfd) == []


def test_a_worker_that_refuses_from_the_start_is_left_out(programs):
    addresses = [f"127.0.0.1:{free_port()}", *programs.addresses(1)]
    with RemoteWorker(addresses[0]) as one, RemoteWorker(addresses[1]) as two:
        pool = WorkerPool([one, two])
        began = time.monotonic()
        assert pool.call(double, 4) == 8
        assert mapped(pool, [1, 2, 3]) == expected([1, 2, 3], 3)
        assert time.monotonic() - began < 3


def test_when_all_are_gone_the_error_names_them_and_it_works_when_one_is_back(remote, programs):
    pool = remote(2)
    assert mapped(pool, [1, 2]) == expected([1, 2], 3)
    for index in (0, 1):
        programs.signal(index, signal.SIGKILL)
    for call in (lambda: mapped(pool, [1, 2]), lambda: pool.call(double, 4)):
        with pytest.raises(RunError) as caught:
            call()
        assert type(caught.value) is RunError
        assert "\n" not in str(caught.value)
        for address in programs.addresses(2):
            assert f"the TFF worker at {address} " in str(caught.value)
    programs.start()
    assert mapped(pool, [1, 2]) == expected([1, 2], 3)
    assert pool.call(double, 4) == 8


@pytest.mark.parametrize("kind", ["remote", "local"])
def test_an_error_of_the_computation_is_not_a_lost_worker(remote, tff_context, tmp_path, kind):
    pool = remote(2) if kind == "remote" else WorkerPool([tff_context])
    (tmp_path / "there").write_text("12345")
    there, missing = str(tmp_path / "there"), str(tmp_path / "missing")
    assert pool.map_clients(file_work, [there, there], 0) == [5, 5]
    began = time.monotonic()
    with pytest.raises(RunError, match=rf"{missing}; No such file or directory$") as caught:
        pool.map_clients(file_work, [there, missing], 0)
    assert time.monotonic() - began < 5
    assert "\n" not in str(caught.value)
    assert "node" not in str(caught.value)
    assert not any(member.is_lost for member in pool._members)
    assert pool.map_clients(file_work, [there, there], 0) == [5, 5]


def test_a_local_worker_that_hangs_is_replaced(tmp_path, capfd):
    with LocalWorker(tmp_path / "log", 1) as worker:
        pool = WorkerPool([worker])
        assert mapped(pool, [1, 2]) == expected([1, 2], 3)
        first = worker.pid
        after(0.3, os.kill, first, signal.SIGSTOP)
        assert mapped(pool, SLOW[:2]) == expected(SLOW[:2], 3)
        assert worker.pid != first
        assert not is_running(first)
    assert noise(capfd) == []


INTERRUPTED = """
    import sys
    from pathlib import Path
    from tff_health.quiet import silence_libraries
    silence_libraries()
    from tests.tff_health.workers.test_pool import SLOW, mapped
    from tff_health.workers.pool import open_pool
    try:
        with open_pool(sys.argv[2:], Path(sys.argv[1]), 1) as pool:
            mapped(pool, [1, 2])
            print("ready", flush=True)
            mapped(pool, SLOW * 10)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""


@pytest.mark.parametrize("kind", ["remote", "local"])
def test_ctrl_c_in_mid_round_leaves_no_process(programs, tmp_path, kind):
    addresses = programs.addresses(2) if kind == "remote" else []
    process = start(
        [sys.executable, "-c", textwrap.dedent(INTERRUPTED), str(tmp_path / "log"), *addresses],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.3)
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) == (0 if kind == "remote" else 2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (out, err, process.returncode) == ("interrupted\n", "", 0)
    assert until(lambda: not any(is_running(child.pid) for child in children))
    assert all(is_running(program.pid) for program in programs.running.values())
