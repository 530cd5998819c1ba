"""Shared by these tests: one worker for those that run TFF, and how interrupts arrive."""

import signal

import pytest


@pytest.fixture(scope="session")
def tff_context(tmp_path_factory):
    import tensorflow_federated as tff

    from tff_health.workers.context import create_context
    from tff_health.workers.worker import LocalWorker

    log = tmp_path_factory.mktemp("worker") / "worker.log"
    with LocalWorker(log, concurrency=2) as worker:
        tff.framework.set_default_context(create_context(worker))
        yield worker


@pytest.fixture(scope="module", autouse=True)
def _interruptible():
    """Lets children be interrupted even where these tests run as a background job of a shell."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
