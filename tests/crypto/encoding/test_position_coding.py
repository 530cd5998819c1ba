import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.encoding.position_coding import decode, encode
from crypto.errors import DecodingError, ParameterError


@st.composite
def sparse(draw):
    size = draw(st.integers(0, 3000))
    count = draw(st.integers(0, size))
    chosen = np.random.default_rng(draw(st.integers(0, 2**32))).permutation(size)[:count]
    return np.sort(chosen).astype(np.int64), size


def slow_length(positions):
    """Bytes of the shortest code, a position at a time."""
    gaps = [int(b - a - 1) for a, b in zip([-1, *positions], positions, strict=False)]

    def length(parameter):
        unary = sum((gap >> parameter) + 1 for gap in gaps)
        return unary + len(gaps) * parameter, unary, len(gaps) * parameter

    _, unary, remainders = min(map(length, range(33)), key=lambda lengths: lengths[0])
    return 5 + math.ceil(unary / 8) + math.ceil(remainders / 8)


def slow_decode(data):
    """The positions, a bit at a time, as the source describes the code."""
    count, parameter = int.from_bytes(data[:4], "little"), data[4]
    tail = math.ceil(count * parameter / 8)
    bits = [int(b) for byte in data[5 : len(data) - tail] for b in f"{byte:08b}"]
    remainders = int.from_bytes(data[len(data) - tail :], "little") if tail else 0
    positions, last, read = [], -1, 0
    for i in range(count):
        quotient = 0
        while bits[read] == 0:
            quotient, read = quotient + 1, read + 1
        read += 1
        remainder = remainders >> (i * parameter) & ((1 << parameter) - 1)
        last += (quotient << parameter) + remainder + 1
        positions.append(last)
    return positions


@given(sparse())
def test_positions_come_back(case):
    positions, size = case
    data = encode(positions, size)
    np.testing.assert_array_equal(decode(data, size), positions)
    assert slow_decode(data) == positions.tolist()
    assert len(data) == slow_length(positions)


def test_the_code_is_near_the_entropy():
    size, count = 306_063, 3061
    rng = np.random.default_rng(0)
    positions = np.sort(rng.choice(size, count, replace=False)).astype(np.int64)
    p = count / size
    entropy = size * -(p * math.log2(p) + (1 - p) * math.log2(1 - p)) / 8
    assert entropy < len(encode(positions, size)) < 1.03 * entropy


@pytest.mark.parametrize(
    ("positions", "size"),
    [
        ([0, 0], 5),
        ([3, 1], 5),
        ([5], 5),
        ([-1], 5),
        ([0], 0),
        ([0], 2**32),
    ],
)
def test_other_positions_are_refused(positions, size):
    with pytest.raises(ParameterError):
        encode(np.array(positions, np.int64), size)


def test_other_dtypes_are_refused():
    for positions in (np.zeros(1), np.zeros(1, np.uint64), np.zeros((1, 1), np.int64)):
        with pytest.raises(ParameterError):
            encode(positions, 5)


def test_what_is_no_code_is_refused():
    positions = np.array([3, 4, 90, 700, 701], np.int64)
    data = encode(positions, 1000)
    longer = data[:4] + bytes([data[4] + 1]) + data[5:]
    for bad in (b"", data[:4], data[:-1], data + b"\0", b"\xff" * 4 + data[4:], longer, data[:5]):
        with pytest.raises(DecodingError):
            decode(bad, 1000)
    with pytest.raises(DecodingError):
        decode(data, 701)
    with pytest.raises(DecodingError):
        decode(data[:4] + b"\xff" + data[5:], 1000)


@given(st.binary(max_size=40), st.integers(0, 300))
def test_noise_is_refused_or_is_a_code(data, size):
    try:
        positions = decode(data, size)
    except DecodingError:
        return
    assert encode(positions, size) == data


def test_positions_in_another_code_are_refused():
    # Positions 0 and 9, with parameter 2, where 1 makes a code that is as short.
    unary = np.array([1, 0, 0, 1], np.uint8)
    data = (2).to_bytes(4, "little") + bytes([2]) + np.packbits(unary).tobytes() + b"\0"
    assert slow_decode(data) == [0, 9]
    assert encode(np.array([0, 9]), 10)[4] == 1
    with pytest.raises(DecodingError, match="shortest"):
        decode(data, 10)
