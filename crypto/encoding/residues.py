"""A running sum of vectors and masks over Z_R, R = 2^k, in memory of one vector.

Both roles of a masking protocol compute with it: a client adds its masks to its vector, the
server adds the uploads and takes masks off. Masks are expanded a piece at a time, while the piece
is in the cache, and never stand in memory whole.
"""

from collections.abc import Mapping
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from crypto.encoding.bit_packing import add_unpacked, pack
from crypto.errors import ParameterError
from crypto.operations import Operation, note
from crypto.parties import ClientId
from crypto.primitives.prg import MAX_MODULUS_BITS, Keystream, Words, word_dtype

IntegerVector: TypeAlias = (
    NDArray[np.uint64] | NDArray[np.int64] | NDArray[np.uint32] | NDArray[np.int32]
)
"""Shape (m,): the numbers of one client, a negative one for its residue."""

_DTYPES: Final = (np.uint64, np.int64, np.uint32, np.int32)

_PIECE_BYTES: Final = 1 << 18
_ZEROS: Final = memoryview(bytes(_PIECE_BYTES))


class ResidueSum:
    """The sum, modulo 2^k, of what was added minus what was subtracted; 0 at first.

    Args:
        length: number of coordinates, 0 or more.
        modulus_bits: k, 1 to 62.

    Raises:
        ParameterError: for a negative length or an impossible k.
    """

    def __init__(self, length: int, modulus_bits: int) -> None:
        if length < 0:
            raise ParameterError(f"length={length} must not be negative")
        self.modulus_bits = modulus_bits
        # Words wrap at 2^32 or 2^64, multiples of 2^k, so that reduction can wait to the end.
        self._words: Words = np.zeros(length, word_dtype(modulus_bits))

    def add_vector(self, vector: IntegerVector) -> None:
        """Add integers.

        Args:
            vector: shape (length,), integers of 32 or 64 bits, each from -2^(k-1) to 2^k - 1; a
                negative number stands for its residue.

        Raises:
            ParameterError: for another shape or dtype, or a value out of range.
        """
        check_vector(vector, len(self._words), self.modulus_bits)
        self._words += vector.astype(self._words.dtype, copy=False)

    def add_packed(self, data: bytes | memoryview) -> None:
        """Add a vector from its packed form.

        Raises:
            DecodingError: if `data` is not this many packed coordinates.
        """
        add_unpacked(data, self._words, self.modulus_bits)

    def add_mask(self, seed: bytes) -> None:
        """Add the mask that a 32-byte seed expands to."""
        self._apply_mask(seed, np.add)

    def subtract_mask(self, seed: bytes) -> None:
        """Subtract the mask that a 32-byte seed expands to."""
        self._apply_mask(seed, np.subtract)

    def to_packed(self) -> bytes:
        """Return the sum as k bits a coordinate."""
        self._words &= self._words.dtype.type((1 << self.modulus_bits) - 1)
        return pack(self._words, self.modulus_bits)

    def to_array(self) -> NDArray[np.uint64]:
        """Return the sum: shape (length,), uint64, 0 to 2^k - 1."""
        total = self._words.astype(np.uint64)
        total &= np.uint64((1 << self.modulus_bits) - 1)
        return total

    def _apply_mask(self, seed: bytes, operation: np.ufunc) -> None:
        note(Operation.MASK_EXPANSION)
        keystream = Keystream(seed)
        piece = _PIECE_BYTES // self._words.itemsize
        scratch = np.empty(min(piece, len(self._words)), self._words.dtype)
        for start in range(0, len(self._words), piece):
            target = self._words[start : start + piece]
            mask = scratch[: len(target)]
            keystream.fill(mask, _ZEROS)
            operation(target, mask, out=target)


def check_vector(vector: IntegerVector, length: int, modulus_bits: int) -> None:
    """Check a client's input at the door.

    Raises:
        ParameterError: unless it has shape (length,), integers of 32 or 64 bits, and all values
            from -2^(k-1) to 2^k - 1.
    """
    _check_form(vector, length)
    if not length:
        return
    lowest, highest = -(1 << (modulus_bits - 1)), (1 << modulus_bits) - 1
    if int(vector.min()) < lowest or int(vector.max()) > highest:
        raise ParameterError(
            f"{_count_outside(vector, lowest, highest)} do not fit Z_(2^{modulus_bits}): allowed "
            f"are -2^{modulus_bits - 1}..2^{modulus_bits}-1"
        )


def common_length(vectors: Mapping[ClientId, IntegerVector]) -> int:
    """Return the length of the first vector, which all must have; 0 if there are none."""
    return int(np.size(next(iter(vectors.values()), ())))


def check_modulus_bits(modulus_bits: int, most_bits: int = MAX_MODULUS_BITS) -> None:
    """Refuse an impossible k.

    Raises:
        ParameterError: unless it lies in 1..`most_bits`.
    """
    if not 1 <= modulus_bits <= most_bits:
        raise ParameterError(f"modulus_bits={modulus_bits} must lie in 1..{most_bits}")


def check_vectors(
    vectors: Mapping[ClientId, IntegerVector], modulus_bits: int, most_bits: int = MAX_MODULUS_BITS
) -> int:
    """Check the inputs of all clients at the door, and return their length.

    Raises:
        ParameterError: for an impossible k, or as `check_vector`.
    """
    check_modulus_bits(modulus_bits, most_bits)
    length = common_length(vectors)
    for vector in vectors.values():
        check_vector(vector, length, modulus_bits)
    return length


def check_range(vector: IntegerVector, length: int, max_value: int) -> None:
    """Check a client's input at the door.

    Raises:
        ParameterError: unless it has shape (length,), integers of 32 or 64 bits, and all values
            from 0 to `max_value`.
    """
    _check_form(vector, length)
    if length and not 0 <= int(vector.min()) <= int(vector.max()) <= max_value:
        raise ParameterError(
            f"{_count_outside(vector, 0, max_value)} lie outside the public range 0..{max_value}"
        )


def centred(residues: NDArray[np.uint64], modulus_bits: int) -> NDArray[np.int64]:
    """Return the signed integers, -2^(k-1) to 2^(k-1) - 1, that residues stand for.

    Args:
        residues: uint64, 0 to 2^k - 1, any shape.
        modulus_bits: k, 1 to 62.
    """
    above = 64 - modulus_bits  # shifted there and back, the highest of the k bits is the sign
    return (residues << np.uint64(above)).view(np.int64) >> np.int64(above)


def _check_form(vector: IntegerVector, length: int) -> None:
    if not isinstance(vector, np.ndarray) or vector.dtype not in _DTYPES:
        found = vector.dtype if isinstance(vector, np.ndarray) else type(vector).__name__
        raise ParameterError(
            f"a vector must be a uint64, int64, uint32 or int32 array, not {found}"
        )
    if vector.shape != (length,):
        raise ParameterError(f"a vector must have shape ({length},), not {vector.shape}")


def _count_outside(vector: IntegerVector, lowest: int, highest: int) -> str:
    """Say how many values lie outside, and not which: a client's values are its secret."""
    outside = sum(not lowest <= int(value) <= highest for value in vector)
    return f"{outside} of {vector.size} values"
