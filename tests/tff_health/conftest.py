"""Shared by the tests that run TFF: one worker for all of them."""

import pytest


@pytest.fixture(scope="session")
def tff_context(tmp_path_factory):
    import tensorflow_federated as tff

    from tff_health.runtime.context import create_context
    from tff_health.runtime.worker import LocalWorker

    log = tmp_path_factory.mktemp("worker") / "worker.log"
    with LocalWorker(log, concurrency=2) as worker:
        tff.framework.set_default_context(create_context(worker))
        yield worker
