def pytest_generate_tests(metafunc):
    """Run tests that ask for a `stage` once for each stage of the protocol under test."""
    if "stage" in metafunc.fixturenames and hasattr(metafunc.cls, "protocol"):
        metafunc.parametrize("stage", metafunc.cls().protocol().stages)
