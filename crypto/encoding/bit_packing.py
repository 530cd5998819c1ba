"""Vectors over Z_{2^k} as exactly k bits a coordinate, little endian, filled up with zero bits.

With g = gcd(k, 64), every 64 / g coordinates fill k / g words of 64 bits; the code shifts and
joins one such column at a time over the whole vector.
"""

import io
import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from crypto.errors import DecodingError
from crypto.primitives.prg import Words, word_dtype

_BLOCK: Final = 1 << 17  # coordinates handled at a time, so that a block stays in the cache
_NATIVE: Final[dict[int, np.dtype[np.unsignedinteger[Any]]]] = {
    8: np.dtype("u1"),
    16: np.dtype("<u2"),
    32: np.dtype("<u4"),
}


def packed_bytes(length: int, modulus_bits: int) -> int:
    """Return ceil(length k / 8), the length of a packed vector."""
    return (length * modulus_bits + 7) // 8


def pack(words: Words, modulus_bits: int) -> bytes:
    """Pack residues.

    Args:
        words: shape (m,), every value below 2^k.
        modulus_bits: k, 1 to 62.

    Returns:
        `packed_bytes(m, k)` bytes.
    """
    if modulus_bits in _NATIVE:
        return words.astype(_NATIVE[modulus_bits]).tobytes()
    packed = io.BytesIO()  # what it holds is handed out without a copy
    for i in range(0, len(words), _BLOCK):
        packed.write(_pack_block(words[i : i + _BLOCK], modulus_bits))
    packed.truncate(packed_bytes(len(words), modulus_bits))
    return packed.getvalue()


def unpack(data: bytes | memoryview, length: int, modulus_bits: int) -> Words:
    """Read what `pack` wrote.

    Args:
        data: the packed vector.
        length: m, the number of coordinates that it must hold.
        modulus_bits: k, 1 to 62.

    Returns:
        Shape (m,), of `word_dtype(k)`; read-only if no bit had to move.

    Raises:
        DecodingError: for a wrong length or filling bits that are not 0.
    """
    dtype = word_dtype(modulus_bits)
    _check(data, length, modulus_bits)
    if modulus_bits in _NATIVE:
        return np.frombuffer(data, _NATIVE[modulus_bits]).astype(dtype, copy=False)
    words = np.empty(length, dtype)
    step = packed_bytes(_BLOCK, modulus_bits)
    for i in range(0, length, _BLOCK):
        block = words[i : i + _BLOCK]
        start = i // _BLOCK * step
        _unpack_block(data[start : start + step], block, modulus_bits)
    return words


def add_unpacked(data: bytes | memoryview, total: Words, modulus_bits: int) -> None:
    """Add what `pack` wrote to a vector, without a second one in memory.

    Args:
        data: the packed vector.
        total: shape (m,), of `word_dtype(k)`; words wrap.
        modulus_bits: k, 1 to 62.

    Raises:
        DecodingError: as `unpack`; then `total` is as it was.
    """
    _check(data, len(total), modulus_bits)
    step = packed_bytes(_BLOCK, modulus_bits)
    view = memoryview(data)
    scratch = np.empty(min(_BLOCK, len(total)), total.dtype)
    for i in range(0, len(total), _BLOCK):
        target, start = total[i : i + _BLOCK], i // _BLOCK * step
        if modulus_bits in _NATIVE:
            target += np.frombuffer(view[start : start + step], _NATIVE[modulus_bits])
        else:
            block = scratch[: len(target)]
            _unpack_block(view[start : start + step], block, modulus_bits)
            target += block


def _check(data: bytes | memoryview, length: int, modulus_bits: int) -> None:
    if len(data) != packed_bytes(length, modulus_bits):
        raise DecodingError(f"{len(data)} bytes are not {length} packed coordinates")
    used = length * modulus_bits % 8
    if used and data[-1] >> used:
        raise DecodingError("the filling bits of a packed vector must be 0")


def _columns(modulus_bits: int) -> tuple[int, int]:
    """Return how many coordinates fill how many words of 64 bits."""
    common = math.gcd(modulus_bits, 64)
    return 64 // common, modulus_bits // common


def _pack_block(words: Words, modulus_bits: int) -> bytes:
    lanes, width = _columns(modulus_bits)
    rows = -(-len(words) // lanes)
    source = np.zeros((lanes, rows), np.uint64)
    padded = np.zeros(rows * lanes, np.uint64)
    padded[: len(words)] = words
    source[:] = padded.reshape(rows, lanes).T
    target = np.zeros((width, rows), np.uint64)
    for lane in range(lanes):
        word, shift = divmod(lane * modulus_bits, 64)
        target[word] |= source[lane] << np.uint64(shift)
        if shift + modulus_bits > 64:
            target[word + 1] |= source[lane] >> np.uint64(64 - shift)
    return target.T.astype("<u8").tobytes()


def _unpack_block(data: bytes | memoryview, words: Words, modulus_bits: int) -> None:
    lanes, width = _columns(modulus_bits)
    rows = -(-len(words) // lanes)
    padded = bytes(data) + bytes(rows * width * 8 - len(data))
    source = np.ascontiguousarray(np.frombuffer(padded, "<u8").reshape(rows, width).T)
    target = np.empty((lanes, rows), np.uint64)
    mask = np.uint64((1 << modulus_bits) - 1)
    for lane in range(lanes):
        word, shift = divmod(lane * modulus_bits, 64)
        value: NDArray[np.uint64] = source[word] >> np.uint64(shift)
        if shift + modulus_bits > 64:
            value |= source[word + 1] << np.uint64(64 - shift)
        target[lane] = value & mask
    words[:] = target.T.reshape(-1)[: len(words)]
