import hashlib
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from crypto.errors import ParameterError
from crypto.randomness import SYSTEM, TestVectorRandomness, uniform_below
from tests.crypto.session.scripted import Scripted


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


@pytest.mark.parametrize(
    ("bound", "drawn", "sizes", "expected"),
    [
        (1, [0], [0], 0),
        (2, [0xFF], [1], 1),
        (5, [0xFF, 0xFD, 0xFC], [1, 1, 1], 4),  # of three bits 7 and 5 are refused, 4 is not
        (256, [0xFE], [1], 0xFE),
        (257, [0xFFFF, 0x0101, 0x0100], [2, 2, 2], 0x100),  # of nine bits 511 and 257 are refused
        (2**16, [0xFFFF], [2], 0xFFFF),
        (2**16 + 1, [0x010001, 0x010000], [3, 3], 2**16),
    ],
)
def test_uniform_below_by_hand(bound, drawn, sizes, expected):
    source, asked = Scripted(drawn), []

    class Watched:
        def bytes(self, count):
            asked.append(count)
            return source.bytes(count)

    assert uniform_below(bound, Watched()) == expected
    assert asked == sizes
    assert source.left == []


def test_the_source_of_test_vectors_is_shake_256_of_counter_and_label():
    source = TestVectorRandomness(b"label")
    for number in (1, 2, 3):
        counter = number.to_bytes(8, "little")
        expected = hashlib.shake_256(counter + b"label").digest(20)
        assert source.bytes(20) == expected
