import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto.encoding import bit_packing, residues
from crypto.encoding.bit_packing import pack, packed_bytes, unpack
from crypto.encoding.residues import ResidueSum, centred, check_range, check_vector
from crypto.errors import DecodingError, ParameterError
from crypto.primitives.prg import expand_mask, word_dtype

SEEDS = [bytes([i]) * 32 for i in range(4)]
all_bits = st.integers(1, 62)


def naive_pack(values, bits):
    """Coordinate i holds bits i k to (i + 1) k of one big number."""
    number = sum(int(value) << (i * bits) for i, value in enumerate(values))
    return number.to_bytes(packed_bytes(len(values), bits), "little")


@pytest.mark.parametrize(
    ("check", "vector"),
    [
        (lambda vector: check_vector(vector, 3, 8), np.array([1, 48271, -777], np.int64)),
        (lambda vector: check_vector(vector, 3, 8), np.array([1, 48271, 777], np.uint64)),
        (lambda vector: check_range(vector, 3, 10), np.array([1, 48271, -777], np.int64)),
        (lambda vector: check_range(vector, 3, 10), np.array([1, 48271, 777], np.uint64)),
    ],
)
def test_errors_count_values_and_quote_none(check, vector):
    with pytest.raises(ParameterError, match="2 of 3 values") as caught:
        check(vector)
    assert "48271" not in str(caught.value)
    assert "777" not in str(caught.value)
    with pytest.raises(ParameterError, match="not float64") as caught:
        check(vector.astype(np.float64))
    assert "48271" not in str(caught.value)
    with pytest.raises(ParameterError, match="not list"):
        check(vector.tolist())


@given(all_bits, st.data())
def test_packing_equals_the_naive_form_and_comes_back(bits, data):
    values = data.draw(st.lists(st.integers(0, 2**bits - 1), max_size=150))
    words = np.array(values, word_dtype(bits))
    packed = pack(words, bits)
    assert packed == naive_pack(values, bits)
    back = unpack(packed, len(values), bits)
    assert back.dtype == word_dtype(bits)
    np.testing.assert_array_equal(back, words)


@pytest.mark.parametrize("bits", range(1, 63))
def test_packing_across_blocks(bits, monkeypatch):
    words = expand_mask(SEEDS[0], 1000, bits).astype(word_dtype(bits))
    whole = pack(words, bits)
    monkeypatch.setattr(bit_packing, "_BLOCK", 64)
    assert pack(words, bits) == whole == naive_pack(words, bits)
    np.testing.assert_array_equal(unpack(whole, 1000, bits), words)


def test_packed_length_is_exact():
    assert packed_bytes(306_063, 32) == 4 * 306_063
    assert packed_bytes(3, 3) == 2
    assert packed_bytes(0, 62) == 0


@pytest.mark.parametrize("bits", [3, 8, 20, 32, 62])
def test_wrong_lengths_are_refused(bits):
    packed = pack(np.ones(9, word_dtype(bits)), bits)
    for wrong in (packed[:-1], packed + b"\0", b""):
        with pytest.raises(DecodingError):
            unpack(wrong, 9, bits)


def test_filling_bits_must_be_zero():
    packed = bytearray(pack(np.ones(3, "<u4"), 3))
    packed[-1] |= 0x80
    with pytest.raises(DecodingError):
        unpack(bytes(packed), 3, 3)


@settings(max_examples=60)
@given(all_bits, st.integers(0, 300), st.lists(st.tuples(st.integers(0, 3), st.booleans())))
def test_masks_add_up_as_their_plain_form(bits, length, steps):
    total = ResidueSum(length, bits)
    expected = np.zeros(length, np.uint64)
    for number, add in steps:
        mask = expand_mask(SEEDS[number], length, bits)
        if add:
            total.add_mask(SEEDS[number])
            expected += mask
        else:
            total.subtract_mask(SEEDS[number])
            expected -= mask
    np.testing.assert_array_equal(total.to_array(), expected & np.uint64(2**bits - 1))


@pytest.mark.parametrize("bits", [31, 62])
def test_masks_across_pieces(bits, monkeypatch):
    monkeypatch.setattr(residues, "_PIECE_BYTES", 64)
    total = ResidueSum(1001, bits)
    total.add_mask(SEEDS[1])
    np.testing.assert_array_equal(total.to_array(), expand_mask(SEEDS[1], 1001, bits))


@given(all_bits, st.data())
def test_vectors_and_packed_vectors_add_up(bits, data):
    numbers = st.integers(-(2 ** (bits - 1)), 2**bits - 1)
    vectors = data.draw(st.lists(st.lists(numbers, min_size=5, max_size=5), max_size=5))
    total = ResidueSum(5, bits)
    for i, vector in enumerate(vectors):
        array = np.array(vector, np.int64)
        if i % 2:
            one = ResidueSum(5, bits)
            one.add_vector(array)
            total.add_packed(one.to_packed())
        else:
            total.add_vector(array)
    expected = [sum(column) % 2**bits for column in zip(*vectors, strict=True)] or [0] * 5
    assert total.to_array().tolist() == expected


@given(all_bits, st.data())
def test_centred_residues(bits, data):
    value = data.draw(st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1))
    residue = np.array([value % 2**bits], np.uint64)
    assert centred(residue, bits).tolist() == [value]


def test_bad_parameters_are_refused():
    for length, bits in [(-1, 8), (1, 0), (1, 63)]:
        with pytest.raises(ParameterError):
            ResidueSum(length, bits)
    with pytest.raises(ParameterError):
        ResidueSum(2, 8).add_vector([1, 2])


@pytest.mark.parametrize(
    "vector",
    [
        np.array([0, -1]),
        np.array([0, 101]),
        np.array([0]),
        np.array([[0, 1]]),
        np.array([0.0, 1.0]),
        np.array([0, 1], np.int16),
        [0, 1],
    ],
    ids=["below", "above", "short", "matrix", "float", "int16", "list"],
)
def test_vectors_outside_a_public_range_are_refused(vector):
    for allowed in ([0, 100], [0, 0], [100, 100]):
        check_range(np.array(allowed), 2, 100)
    check_range(np.array([], np.uint64), 0, 100)
    with pytest.raises(ParameterError):
        check_range(vector, 2, 100)


@pytest.mark.parametrize("bits", [1, 2, 20, 62])
def test_the_edges_of_what_fits_a_modulus(bits):
    lowest, highest = -(2 ** (bits - 1)), 2**bits - 1
    edges = np.array([lowest, highest, 0], np.int64)
    check_vector(edges, 3, bits)
    for wrong, outside in (
        ([lowest - 1, highest, lowest], 1),
        ([lowest, highest + 1, highest], 1),
        ([lowest - 1, highest + 1, lowest], 2),
    ):
        with pytest.raises(ParameterError, match=rf"^{outside} of 3 values"):
            check_vector(np.array(wrong, np.int64), 3, bits)


def test_the_edges_of_a_public_range():
    check_range(np.array([0, 9], np.int64), 2, 9)
    for wrong in ([-1, 0, 9], [10, 0, 9]):
        with pytest.raises(ParameterError, match=r"^1 of 3 values"):
            check_range(np.array(wrong, np.int64), 3, 9)
