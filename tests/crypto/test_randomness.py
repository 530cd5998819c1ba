from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from crypto.errors import ParameterError
from crypto.randomness import SYSTEM, TestVectorRandomness, uniform_below


def test_system_randomness_does_not_repeat():
    assert len(SYSTEM.bytes(32)) == 32
    assert len({SYSTEM.bytes(16) for _ in range(100)}) == 100


def test_test_vector_randomness_repeats_by_label_and_never_within():
    first, second = TestVectorRandomness(b"a"), TestVectorRandomness(b"a")
    drawn = [first.bytes(16) for _ in range(20)]
    assert drawn == [second.bytes(16) for _ in range(20)]
    assert len(set(drawn)) == 20
    assert TestVectorRandomness(b"b").bytes(16) not in drawn


@given(st.integers(1, 2**300), st.binary(min_size=1, max_size=8))
def test_uniform_below_stays_below(bound, label):
    assert 0 <= uniform_below(bound, TestVectorRandomness(label)) < bound


@pytest.mark.parametrize("bound", [0, -1])
def test_uniform_below_refuses_empty_ranges(bound):
    with pytest.raises(ParameterError):
        uniform_below(bound)


def test_uniform_below_reaches_both_ends_evenly():
    source = TestVectorRandomness(b"uniform")
    counts = Counter(uniform_below(5, source) for _ in range(10_000))
    assert set(counts) == {0, 1, 2, 3, 4}
    assert 1e-6 < chisquare(list(counts.values())).pvalue < 1 - 1e-6
