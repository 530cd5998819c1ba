"""Traffic with workers goes through no proxy, whatever the environment names."""

import socket
from contextlib import contextmanager

import numpy as np
import psutil
import pytest
import tensorflow_federated as tff

from tests.tff_health.workers.processes import accepts, free_port, until, worker_program
from tff_health.workers import worker as workers
from tff_health.workers.context import create_context
from tff_health.workers.service import service_environment
from tff_health.workers.worker import LocalWorker, RemoteWorker

NAMES = ("http_proxy", "https_proxy", "grpc_proxy", "all_proxy")
ALL_NAMES = (*NAMES, *(name.upper() for name in NAMES))


@tff.federated_computation(tff.FederatedType(np.int32, tff.CLIENTS))
def add(values):
    return tff.federated_sum(values)


@contextmanager
def proxy():
    """A proxy that answers nobody; yields its address and whether someone has called."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.setblocking(False)

        def was_called():
            try:
                listener.accept()[0].close()
            except BlockingIOError:
                return False
            return True

        yield f"127.0.0.1:{listener.getsockname()[1]}", was_called


@pytest.fixture(autouse=True)
def short_patience(monkeypatch):
    monkeypatch.setattr(workers, "_START_SECONDS", 20)


def environments(address):
    """What environments say of a proxy, as hospitals set them."""
    yield dict.fromkeys(ALL_NAMES, f"http://{address}")
    for name in ALL_NAMES:
        yield {name: f"http://{address}", "no_proxy": "localhost,127.0.0.1", "NO_PROXY": "*.local"}
    yield {"http_proxy": address}  # without a scheme, as many write it
    yield {"http_proxy": f"http://user:secret@{address}", "no_grpc_proxy": ""}
    yield {"https_proxy": f"https://{address}", "no_proxy": ""}
    yield {"grpc_proxy": "not a proxy at all"}


def test_the_local_worker(tmp_path, monkeypatch, capfd):
    with proxy() as (address, was_called):
        for variables in environments(address):
            with monkeypatch.context() as patch:
                for name, value in variables.items():
                    patch.setenv(name, value)
                with LocalWorker(tmp_path / "worker.log", concurrency=1) as worker:
                    worker.stub()
                    assert worker.answers(), variables
                    assert not was_called(), variables
                    process = psutil.Process(worker.pid)
                    for told in (process, *process.children()):
                        proxies = {n for n in told.environ() if n.lower().endswith("_proxy")}
                        assert not proxies, variables
    assert capfd.readouterr().err == ""


def test_it_computes(tmp_path, monkeypatch):
    with proxy() as (address, was_called):
        for name in ALL_NAMES:
            monkeypatch.setenv(name, f"http://{address}")
        with (
            LocalWorker(tmp_path / "worker.log", concurrency=1) as worker,
            tff.framework.get_context_stack().install(create_context(worker)),
        ):
            assert add([1, 2, 3]) == 6
        assert not was_called()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_workers_that_the_user_names(tmp_path, monkeypatch, host):
    with proxy() as (address, was_called):
        for name in ALL_NAMES:
            monkeypatch.setenv(name, f"http://{address}")
        port = free_port()
        with worker_program(tmp_path / "log", f"--port={port}") as program:
            assert until(lambda: accepts(port))
            with (
                RemoteWorker(f"{host}:{port}") as worker,
                tff.framework.get_context_stack().install(create_context(worker)),
            ):
                assert add([1, 2, 3]) == 6
                assert not was_called()
            proxies = {n for n in psutil.Process(program.pid).environ() if "proxy" in n.lower()}
            assert not proxies


def test_a_service_keeps_what_else_the_user_says():
    said = {"TF_NUM_INTRAOP_THREADS": "7", "NO_PROXY": "*", "HTTPS_PROXY": "http://a:1", "A": "b"}
    told = service_environment(2, said)
    assert told["TF_NUM_INTRAOP_THREADS"] == "7"
    assert told["A"] == "b"
    assert told["MALLOC_ARENA_MAX"] == "1"
    assert told["TF_CPP_MIN_LOG_LEVEL"] == "1"
    assert service_environment(2, {"TF_CPP_MIN_LOG_LEVEL": "0"})["TF_CPP_MIN_LOG_LEVEL"] == "0"
    assert not {name for name in told if name.lower().endswith("_proxy")}
