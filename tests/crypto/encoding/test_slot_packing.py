import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto.encoding.slot_packing import SlotPacking
from crypto.errors import CapacityError, DecodingError, ParameterError


@st.composite
def sums(draw):
    """A packing and some vectors, up to as many as it has guard bits for."""
    addends = draw(st.integers(1, 9))
    bits = draw(st.integers(1, 58))
    signed = draw(st.booleans())
    packing = SlotPacking(bits, addends, draw(st.integers(62, 700)), signed)
    low = packing.lowest
    length = draw(st.integers(0, 40))
    value = st.integers(low, low + packing.max_lifted)
    count = draw(st.integers(1, addends))
    vectors = [
        np.array(draw(st.lists(value, min_size=length, max_size=length)), np.int64)
        for _ in range(count)
    ]
    return packing, vectors


def add(packed):
    return [sum(column) for column in zip(*packed, strict=True)]


@settings(max_examples=60, deadline=None)
@given(sums())
def test_sums_of_plaintexts_are_plaintexts_of_sums(case):
    packing, vectors = case
    total = add([packing.pack(vector) for vector in vectors])
    assert all(0 <= m < 1 << packing.plaintext_bits for m in total)
    unpacked = packing.unpack(total, len(vectors[0]), len(vectors))
    np.testing.assert_array_equal(unpacked, sum(vectors))


@settings(max_examples=30, deadline=None)
@given(sums())
def test_packing_is_what_it_says(case):
    # The naive oracle: slot i of a plaintext is worth 2^(i slot_bits).
    packing, (vector, *_) = case
    lifted = [int(value) - packing.lowest for value in vector]
    slots = packing.slots
    expected = [
        sum(
            value << (place * packing.slot_bits)
            for place, value in enumerate(lifted[i : i + slots])
        )
        for i in range(0, len(lifted), slots)
    ]
    assert packing.pack(vector) == expected


@pytest.mark.parametrize("addends", [1, 2, 3, 4, 5, 8, 10, 16, 17])
@pytest.mark.parametrize("signed", [False, True])
def test_the_largest_values_fill_the_guard_bits_and_no_more(addends, signed):
    packing = SlotPacking(20, addends, 2047, signed)
    largest = packing.lowest + packing.max_lifted
    for value in (largest, packing.lowest):
        vector = np.full(packing.slots + 1, value, np.int64)
        total = add([packing.pack(vector)] * addends)
        assert max(total) < 1 << packing.plaintext_bits
        assert set(packing.unpack(total, len(vector), addends)) == {addends * value}
    # The slots are as small as can be: with one bit less the largest sum would carry.
    assert addends * packing.max_lifted >= 1 << (packing.slot_bits - 1)
    assert addends * packing.max_lifted < 1 << packing.slot_bits


def test_one_addend_too_many_is_refused_and_would_be_wrong():
    packing = SlotPacking(20, 4, 2047)
    vector = np.full(3, packing.max_lifted, np.uint64)
    total = add([packing.pack(vector)] * 5)
    with pytest.raises(CapacityError):
        packing.unpack(total, 3, 5)
    with pytest.raises(DecodingError):
        packing.unpack(total, 3, 4)
    low = total[0] & ((1 << packing.slot_bits) - 1)
    assert low != 5 * packing.max_lifted  # it ran into its neighbour


def test_figures_of_the_benchmark():
    packing = SlotPacking(20, 10, 2047)
    assert (packing.slot_bits, packing.slots) == (24, 85)
    assert packing.plaintexts(306_063) == 3601
    assert [packing.plaintexts(length) for length in (0, 1, 85, 86)] == [0, 1, 1, 2]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((0, 3, 100), ParameterError),
        ((-1, 3, 100), ParameterError),
        ((8, 0, 100), ParameterError),
        ((8, 2**32, 100), ParameterError),
        ((62, 2, 2047), CapacityError),
        ((60, 5, 2047), CapacityError),
        ((20, 10, 23), CapacityError),
    ],
)
def test_overflow_is_refused_when_the_session_is_planned(arguments, error):
    with pytest.raises(error):
        SlotPacking(*arguments)
    assert SlotPacking(62, 1, 2047).slots == 33
    assert SlotPacking(60, 4, 2047).slots == 33
    assert SlotPacking(20, 10, 24).slots == 1


@pytest.mark.parametrize(
    ("signed", "vector"),
    [
        (False, np.array([16], np.uint64)),
        (False, np.array([-1], np.int64)),
        (False, np.array([1.0])),
        (False, np.zeros((2, 2), np.int64)),
        (True, np.array([8], np.int64)),
        (True, np.array([-9], np.int64)),
        (True, np.array([1], np.uint64)),
        (True, [1, 2]),
    ],
)
def test_unfit_vectors_are_refused(signed, vector):
    with pytest.raises(ParameterError):
        SlotPacking(4, 3, 100, signed).pack(vector)


def test_what_is_no_sum_is_refused():
    packing = SlotPacking(4, 3, 30)  # five slots of six bits
    good = add([packing.pack(np.array([15, 15, 15, 15, 15, 15], np.uint64))] * 3)
    assert packing.unpack(good, 6, 3).tolist() == [45] * 6
    for wrong in (
        [good[0]],
        [*good, 0],
        [good[0], good[1] + (1 << 6)],  # a value beyond the vector's end
        [good[0] + 1, good[1]],  # 46 is no sum of three values of four bits
        [good[0], 1 << 30],
        [good[0], -1],
    ):
        with pytest.raises(DecodingError):
            packing.unpack(wrong, 6, 3)
    with pytest.raises(DecodingError):
        packing.unpack(good, 6, 2)
