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
    """Lets children be ended by signals even where a shell or nohup has these tests ignore them."""
    before = {
        signal.SIGINT: signal.signal(signal.SIGINT, signal.default_int_handler),
        signal.SIGHUP: signal.signal(signal.SIGHUP, signal.SIG_DFL),
    }
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
