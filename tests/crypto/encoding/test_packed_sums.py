"""Adding packed vectors as they are, beside unpacking them first; the memory that it takes."""

import tracemalloc

import numpy as np
import pytest

from crypto.encoding.bit_packing import add_unpacked, pack, unpack
from crypto.encoding.residues import ResidueSum
from crypto.errors import DecodingError
from crypto.primitives.prg import word_dtype

BLOCK = 1 << 17


@pytest.mark.parametrize("bits", [1, 7, 8, 16, 28, 32, 33, 48, 62])
@pytest.mark.parametrize("length", [0, 1, 9, BLOCK - 1, BLOCK, 2 * BLOCK + 3])
def test_it_adds_what_unpacking_gives(bits, length):
    rng = np.random.default_rng([bits, length])
    dtype = word_dtype(bits)
    first, second = (rng.integers(0, 1 << bits, length, dtype=np.uint64) for _ in range(2))
    packed, total = pack(second.astype(dtype), bits), first.astype(dtype)
    add_unpacked(packed, total, bits)
    np.testing.assert_array_equal(total, first.astype(dtype) + unpack(packed, length, bits))


@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data[:-1] + b"\xff"])
def test_what_is_refused_leaves_the_sum_as_it_was(change):
    total = np.arange(5, dtype=word_dtype(7))
    data = change(pack(np.arange(5, dtype=word_dtype(7)), 7))
    with pytest.raises(DecodingError):
        add_unpacked(data, total, 7)
    np.testing.assert_array_equal(total, np.arange(5))


@pytest.mark.parametrize("bits", [28, 32, 40])
def test_a_sum_takes_no_second_vector(bits):
    length = 16 * BLOCK
    total, packed = ResidueSum(length, bits), bytes((length * bits + 7) // 8)
    tracemalloc.start()
    try:
        total.add_packed(packed)
        assert tracemalloc.get_traced_memory()[1] < 4 * length
        tracemalloc.reset_peak()
        array = total.to_array()
        assert tracemalloc.get_traced_memory()[1] < 9 * length
    finally:
        tracemalloc.stop()
    assert not array.any()
