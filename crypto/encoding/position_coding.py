"""Positions in a long vector in few bits: Golomb-Rice codes of the gaps between them.

A gap g is written as its quotient g >> b in unary and its remainder in b bits, with the b that
makes the whole shortest. For positions drawn at random gaps are geometric, for which this is within
a few hundredths of the entropy. Quotients and remainders are two streams, one after the other, so
that both are read at once; reading accepts just what writing makes.

Source: Golomb 1966; Rice, Plaunt 1971.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from crypto.encoding.bit_packing import pack, packed_bytes, unpack
from crypto.errors import DecodingError, ParameterError

MAX_SIZE: Final = 2**32 - 1
_COUNT_BYTES: Final = 4
_HEAD_BYTES: Final = _COUNT_BYTES + 1
_MAX_PARAMETER: Final = 32


def encode(positions: NDArray[np.int64], size: int) -> bytes:
    """Encode positions.

    Args:
        positions: int64 (k,), increasing, 0 to size - 1.
        size: of the vector, 0 to 2^32 - 1; not written.

    Raises:
        ParameterError: for other positions, or sizes.
    """
    _check(positions, size)
    gaps = (np.diff(positions, prepend=-1) - 1).astype(np.uint64)
    parameter = _shortest(gaps)
    quotients = (gaps >> np.uint64(parameter)).astype(np.int64)
    unary = np.zeros(int(quotients.sum()) + len(gaps), np.uint8)
    unary[np.cumsum(quotients + 1) - 1] = 1
    head = len(gaps).to_bytes(_COUNT_BYTES, "little") + bytes([parameter])
    return head + np.packbits(unary).tobytes() + _pack_remainders(gaps, parameter)


def decode(data: bytes, size: int) -> NDArray[np.int64]:
    """Read what `encode` wrote; takes memory in proportion to `data`.

    Args:
        data: the code.
        size: of the vector.

    Raises:
        DecodingError: for what `encode` could not have written for this size.
    """
    if len(data) < _HEAD_BYTES:
        raise DecodingError("positions begin with their number and a parameter")
    count, parameter = int.from_bytes(data[:_COUNT_BYTES], "little"), data[_COUNT_BYTES]
    tail = packed_bytes(count, parameter)
    if count > size or parameter > _MAX_PARAMETER or len(data) < _HEAD_BYTES + tail:
        raise DecodingError(f"{len(data)} bytes do not hold {count} positions below {size}")
    unary = np.unpackbits(np.frombuffer(data[_HEAD_BYTES : len(data) - tail], np.uint8))
    ends = np.flatnonzero(unary)
    if len(ends) != count:
        raise DecodingError(f"{len(ends)} positions, not {count}")
    gaps = (np.diff(ends, prepend=-1) - 1) << parameter
    if parameter:
        gaps |= unpack(data[len(data) - tail :], count, parameter).astype(np.int64)
    positions: NDArray[np.int64] = np.cumsum(gaps + 1) - 1
    if count and positions[-1] >= size:
        raise DecodingError(f"position {positions[-1]} is not below {size}")
    if encode(positions, size) != data:
        raise DecodingError("positions in another code than the shortest")
    return positions


def _check(positions: NDArray[np.int64], size: int) -> None:
    if not 0 <= size <= MAX_SIZE:
        raise ParameterError(f"size={size} must lie in 0..2^32-1")
    if positions.ndim != 1 or positions.dtype != np.int64:
        raise ParameterError("positions must be an int64 vector")
    inside = not len(positions) or (positions[0] >= 0 and positions[-1] < size)
    if not inside or np.any(np.diff(positions) <= 0):
        raise ParameterError(f"positions must increase and lie in 0..{size - 1}")


def _shortest(gaps: NDArray[np.uint64]) -> int:
    """Return the smallest of the parameters with the shortest code, 0 if there are no gaps."""
    lengths = [
        int((gaps >> np.uint64(b)).sum()) + len(gaps) * (1 + b) for b in range(_MAX_PARAMETER + 1)
    ]
    return lengths.index(min(lengths))


def _pack_remainders(gaps: NDArray[np.uint64], parameter: int) -> bytes:
    if not parameter:
        return b""
    remainders = gaps & np.uint64((1 << parameter) - 1)
    return pack(remainders, parameter)
