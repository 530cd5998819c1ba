import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from crypto.encoding.residues import centred as centred_integers
from tff_health.errors import RunError
from tff_health.secure_aggregation.slots import (
    MAX_BITS,
    Slot,
    common_bits,
    from_vector,
    to_vector,
    value_bits,
)

DTYPES = st.sampled_from([np.int32, np.int64])
SHAPES = st.sampled_from([(), (1,), (3,), (2, 2), (0,), (2, 0)])


@st.composite
def slots(draw):
    kind = draw(st.sampled_from(["bitwidth", "max_input", "modular"]))
    dtype = np.dtype(draw(DTYPES))
    largest = 2 ** (31 if dtype == np.int32 else 57) - 1
    if kind == "bitwidth":
        bound = 2 ** draw(st.integers(0, largest.bit_length()))
    elif draw(st.booleans()):
        bound = 2 ** draw(st.integers(0, largest.bit_length() - 1))
    else:
        bound = draw(st.integers(1, largest))
    return Slot(kind, bound, draw(SHAPES), dtype)


def tensor(draw, slot):
    span = np.iinfo(slot.dtype) if slot.kind == "modular" else None
    low, high = (int(span.min), int(span.max)) if span else (0, slot.bound - 1)
    numbers = st.one_of(st.integers(low, high), st.sampled_from([0, low, high]))
    values = draw(st.lists(numbers, min_size=slot.size, max_size=slot.size))
    return np.array(values, slot.dtype).reshape(slot.shape)


def expected_sum(slot, tensors):
    """What TFF says a sum is, over Python's integers; the dtype wraps."""
    total = sum(t.astype(object) for t in tensors)
    if slot.kind == "modular":
        total = total % slot.bound
    wrapped = np.array(total, object).reshape(-1) % 2 ** (8 * slot.dtype.itemsize)
    return wrapped.astype(np.uint64).astype(slot.dtype).reshape(slot.shape)


@settings(deadline=None)
@given(st.lists(slots(), min_size=1, max_size=5), st.integers(1, 20), st.data())
def test_the_sum_of_vectors_is_what_tff_says(chosen, num_clients, data):
    tensors = [[tensor(data.draw, slot) for slot in chosen] for _ in range(num_clients)]
    bits = common_bits(chosen, num_clients)
    vectors = [to_vector(chosen, given_, bits) for given_ in tensors]
    assert all(v.dtype == (np.uint32 if bits <= 32 else np.uint64) for v in vectors)
    assert all((v < 2**bits).all() for v in vectors)
    total = np.sum(vectors, axis=0, dtype=np.uint64) & np.uint64(2**bits - 1)
    sums = from_vector(chosen, total, bits)
    for slot, found, *given_ in zip(chosen, sums, *tensors, strict=True):
        assert (found.dtype, found.shape) == (slot.dtype, slot.shape)
        np.testing.assert_array_equal(found, expected_sum(slot, given_))


@settings(deadline=None)
@given(st.lists(slots(), min_size=1, max_size=5), st.integers(1, 20), st.data())
def test_the_sum_over_the_integers_is_what_tff_says(chosen, num_clients, data):
    tensors = [[tensor(data.draw, slot) for slot in chosen] for _ in range(num_clients)]
    vectors = [to_vector(chosen, given_, None) for given_ in tensors]
    bits = value_bits(chosen)
    assert all(v.dtype == np.uint64 and (v < 2**bits).all() for v in vectors)
    sums = from_vector(chosen, np.sum(vectors, axis=0, dtype=np.uint64), None)
    for slot, found, *given_ in zip(chosen, sums, *tensors, strict=True):
        assert (found.dtype, found.shape) == (slot.dtype, slot.shape)
        np.testing.assert_array_equal(found, expected_sum(slot, given_))


def test_a_sum_that_exceeds_its_dtype_wraps():
    slot = Slot("bitwidth", 2**31, (1,), np.dtype(np.int32))
    largest = np.array([2**31 - 1], np.int32)
    bits = common_bits([slot], 3)
    assert bits == 33
    total = 3 * to_vector([slot], [largest], bits)
    with np.errstate(over="ignore"):
        expected = largest + largest + largest
    np.testing.assert_array_equal(from_vector([slot], total, bits)[0], expected)


def test_a_power_of_two_needs_no_room_for_clients_and_others_do():
    power = Slot("modular", 2**20, (2,), np.dtype(np.int64))
    other = Slot("modular", 2**20 + 1, (2,), np.dtype(np.int64))
    assert [common_bits([power], n) for n in (1, 100)] == [20, 20]
    assert [common_bits([other], n) for n in (1, 100)] == [21, 27]
    assert common_bits([power, other], 100) == 27


def test_vectors_of_a_power_of_two_leave_nothing_in_the_low_bits():
    narrow = Slot("modular", 2**4, (2,), np.dtype(np.int32))
    wide = Slot("modular", 2**10, (1,), np.dtype(np.int32))
    vector = to_vector([narrow, wide], [np.array([3, 15], np.int32), np.int32(7)], 10)
    assert vector.tolist() == [3 << 6, 15 << 6, 7]


@pytest.mark.parametrize(("kind", "bound"), [("bitwidth", 2**4), ("max_input", 12)])
@pytest.mark.parametrize("excess", [-1, 0, 1000])
def test_out_of_range_is_refused(kind, bound, excess):
    slot = Slot(kind, bound, (2,), np.dtype(np.int64))
    value = bound + excess if excess >= 0 else -1
    counts = (
        f"{excess < 0:d} are below 0 and {excess >= 0:d} above {bound - 1}, the largest allowed"
    )
    with pytest.raises(RunError, match=rf"\({kind}\).*of 2 numbers {counts}"):
        to_vector([slot], [np.array([0, value])], 10)
    to_vector([slot], [np.array([0, bound - 1])], 10)


def test_other_integers_of_a_modular_sum_stand_for_their_residues():
    slot = Slot("modular", 10, (3,), np.dtype(np.int32))
    vector = to_vector([slot], [np.array([-1, 10, 27], np.int32)], 8)
    assert vector.tolist() == [9, 0, 7]


@pytest.mark.parametrize("kind", ["bitwidth", "max_input", "modular"])
def test_more_than_62_bits_are_refused(kind):
    bound = 2**59 if kind == "bitwidth" else 2**59 - 1
    slot = Slot(kind, bound, (1,), np.dtype(np.int64))
    assert common_bits([slot], 8) == MAX_BITS
    with pytest.raises(RunError, match=rf"{kind}.*over 9 clients needs 63 bits; 62 are there"):
        common_bits([slot], 9)


def test_a_modulus_of_62_bits_serves_any_number_of_clients():
    slot = Slot("modular", 2**62, (1,), np.dtype(np.int64))
    assert common_bits([slot], 10**6) == 62
    with pytest.raises(RunError, match="needs 63 bits"):
        common_bits([Slot("modular", 2**63, (1,), np.dtype(np.int64))], 1)


@settings(deadline=None)
@given(st.lists(slots(), min_size=1, max_size=5), st.integers(1, 20), st.data())
def test_around_the_middle_sums_of_integers_cannot_wrap(chosen, num_clients, data):
    numbers = [slot for slot in chosen if not slot.is_power_of_two_sum and slot.bound < 2**50]
    assume(numbers)
    bits = common_bits(numbers, num_clients, centred=True)
    tensors = [[tensor(data.draw, slot) for slot in numbers] for _ in range(num_clients)]
    vectors = [to_vector(numbers, given_, bits, centred=True) for given_ in tensors]
    least, most = -(2 ** (bits - 1) // num_clients), (2 ** (bits - 1) - 1) // num_clients
    for vector in vectors:
        integers = centred_integers(vector.astype(np.uint64), bits)
        assert all(least <= integer <= most for integer in integers.tolist())
    survivors = data.draw(st.integers(1, num_clients))
    total = np.sum(vectors[:survivors], axis=0, dtype=np.uint64) & np.uint64(2**bits - 1)
    sums = from_vector(numbers, total, bits, middles=survivors)
    for slot, found, *given_ in zip(numbers, sums, *tensors[:survivors], strict=True):
        np.testing.assert_array_equal(found, expected_sum(slot, given_))


def test_around_the_middle_most_sums_take_no_more_bits():
    ones, metric = (Slot("bitwidth", bound, (), np.dtype(np.int64)) for bound in (2, 2**19))
    assert [ones.bits(n, centred=True) for n in (1, 3, 10)] == [1, 3, 5]
    assert [metric.bits(n) for n in (10, 16, 30)] == [23, 23, 24]
    assert [metric.bits(n, centred=True) for n in (10, 16, 30)] == [23, 23, 24]
    power = Slot("modular", 2**20, (), np.dtype(np.int64))
    assert (power.middle, power.bits(9, centred=True)) == (0, 20)
    assert common_bits([ones, power], 9, centred=True, least=30) == 30
