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
