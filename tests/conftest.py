"""The order of all tests, and marks of whole files."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Two processes share the tests file by file: they end together if the longest files come first.
FIRST = (
    "tests/tff_health/experiments/test_studies.py",
    "tests/tff_health/training/test_secure_train.py",
    "tests/tff_health/training/test_train.py",
    "tests/tff_health/training/test_private_train.py",
    "tests/tff_health/training/test_networks.py",
    "tests/test_examples.py",
    *("tests/tff_health/experiments", "tests/tff_health/training", "tests/tff_health/studies"),
    *("tests/tff_health/workers", "tests/tff_health/secure_aggregation"),
    *("tests/tff_health/learning", "tests/tff_health", "tests/models"),
)
# Whole sessions in every variation, and random input by the thousand: more than five seconds of
# processor time each. What they test in whole, the files beside them test in parts.
SLOW = (
    *("dkg/test_session.py", "elgamal_sum/test_session.py", "homomorphic_sum/test_session.py"),
    *("masking/test_random_input.py", "masking/test_session.py", "masking/test_sparse.py"),
    *("paillier_sum/test_session.py", "pairwise_masking/test_session.py"),
    *("quality_sum/test_conformance.py", "quality_sum/test_decryption.py"),
    *("quality_sum/test_exactness.py", "quality_sum/test_key_setup.py"),
    *("quality_sum/test_random_input.py", "sparse_sum/test_messages.py"),
    *("sparse_sum/test_session.py", "../session/test_opened_rounds.py"),
)


def pytest_collection_modifyitems(items):
    first = [ROOT / name for name in FIRST]
    slow = {(ROOT / "tests/crypto/protocols" / name).resolve() for name in SLOW}
    if missing := [path for path in {*first, *slow} if not path.exists()]:
        raise pytest.UsageError(f"tests/conftest.py names files that are gone: {missing}")
    for item in items:
        if item.path in slow:
            item.add_marker("slow")
    items.sort(key=lambda item: _place(item.path, first))


def _place(path, first):
    places = (i for i, name in enumerate(first) if path == name or name in path.parents)
    return next(places, len(first))
