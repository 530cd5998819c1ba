import signal

import pytest


@pytest.fixture(scope="module", autouse=True)
def _interruptible():
    """Lets children be interrupted even where these tests run as a background job of a shell."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
