from pathlib import Path

import pytest

LIMITS = {
    "allowed_bits": "allowed_bits",
    "extreme_bits": "extreme_bits",
    "refused_bits": "refused_bits",
    "some_length": "lengths",
    "alteration": "alterations",
}


def pytest_generate_tests(metafunc):
    """Run tests of a protocol once for each of its stages, and for each of the limits it states."""
    if not hasattr(metafunc.cls, "protocol"):
        return
    if "stage" in metafunc.fixturenames:
        stages = metafunc.cls().protocol().stages
        metafunc.parametrize("stage", [s for s in stages if s not in metafunc.cls.partial_stages])
    for name, attribute in LIMITS.items():
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, getattr(metafunc.cls, attribute))


@pytest.fixture
def no_process_is_left():
    """Fails a test that leaves a process."""
    before = children()
    yield
    assert children() <= before


def children():
    """The processes that this one has started and not yet seen the end of."""
    listed = Path("/proc/self/task").glob("*/children")
    return {int(pid) for one in listed for pid in one.read_text().split()}
