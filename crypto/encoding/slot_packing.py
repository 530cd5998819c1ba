"""Many small integers in one large one: slots with guard bits, so that sums of slots never carry.

An additively homomorphic scheme with plaintexts of a thousand bits and more adds packed vectors
slot by slot, as long as no slot overflows into the next.

Laws, for values of v bits and at most n addends, with slots of v + ceil(log2 n) bits:
  round trip   unpack(pack(x), 1 addend) = x
  sums         unpack(pack(x_1) + ... + pack(x_a), a addends) = x_1 + ... + x_a for a <= n
  exactness    n (2^v - 1) fits a slot, and for n a power of two one addend more does not

Signed values -2^(v-1) to 2^(v-1) - 1 are lifted by 2^(v-1); unpacking takes a times that off.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from crypto.codec import Record
from crypto.codings import Flag, Uint32, Unsigned
from crypto.encoding.bit_packing import pack, unpack
from crypto.encoding.residues import IntegerVector, check_range
from crypto.errors import CapacityError, DecodingError, ParameterError
from crypto.primitives.prg import MAX_MODULUS_BITS


@dataclass(frozen=True)
class SlotPacking(Record):
    """How vectors become plaintexts.

    Attributes:
        value_bits: v, bits of one client's value.
        max_addends: n, the largest number of vectors in a sum.
        plaintext_bits: what one plaintext holds: a number below 2^plaintext_bits.
        signed: whether values are -2^(v-1) to 2^(v-1) - 1, and not 0 to 2^v - 1.

    Raises:
        ParameterError: for numbers below 1.
        CapacityError: for slots of more than 62 bits, or that do not fit a plaintext.
    """

    value_bits: Annotated[int, Unsigned(1, least=1)]
    max_addends: Annotated[int, Unsigned(4, least=1)]
    plaintext_bits: Uint32
    signed: Flag = False

    def _check(self) -> None:
        if self.slot_bits > min(MAX_MODULUS_BITS, self.plaintext_bits):
            raise CapacityError(
                f"sums over {self.max_addends} values of {self.value_bits} bits need slots of "
                f"{self.slot_bits} bits; {min(MAX_MODULUS_BITS, self.plaintext_bits)} are there"
            )

    @property
    def slot_bits(self) -> int:
        """Bits of a slot: the value's and the guard's."""
        return self.value_bits + (self.max_addends - 1).bit_length()

    @property
    def slots(self) -> int:
        """Values in one plaintext."""
        return self.plaintext_bits // self.slot_bits

    @property
    def lowest(self) -> int:
        """The least value."""
        return -(1 << (self.value_bits - 1)) if self.signed else 0

    @property
    def max_lifted(self) -> int:
        """The largest number that one client puts into a slot, 2^v - 1."""
        return (1 << self.value_bits) - 1

    def plaintexts(self, length: int) -> int:
        """Return how many plaintexts a vector of this length takes."""
        return -(-length // self.slots)

    def pack(self, vector: IntegerVector) -> list[int]:
        """Pack a vector; run by a client.

        Args:
            vector: shape (m,), integers of 32 or 64 bits, of values in range.

        Returns:
            `plaintexts(m)` numbers; slots beyond the vector are 0.

        Raises:
            ParameterError: for another dtype or a value out of range.
        """
        length, count = int(np.size(vector)), self.plaintexts(int(np.size(vector)))
        if self.signed and isinstance(vector, np.ndarray) and vector.dtype == np.int64:
            if length and not self.lowest <= int(vector.min()) <= int(vector.max()) < -self.lowest:
                raise ParameterError(f"a value is no signed number of {self.value_bits} bits")
            vector = vector - np.int64(self.lowest)
        elif self.signed:
            raise ParameterError("signed values must be an int64 array")
        check_range(vector, length, self.max_lifted)
        lifted = np.zeros(count * self.slots, np.uint64)
        lifted[:length] = vector
        rows = np.zeros((count, self._padded), np.uint64)
        rows[:, : self.slots] = lifted.reshape(count, self.slots)
        data, size = pack(rows.reshape(-1), self.slot_bits), self._row_bytes
        return [int.from_bytes(data[i : i + size], "little") for i in range(0, len(data), size)]

    def unpack(self, plaintexts: Sequence[int], length: int, addends: int) -> NDArray[np.int64]:
        """Read a sum of packed vectors.

        Args:
            plaintexts: sums of what `pack` returned.
            length: m.
            addends: how many vectors are in the sum, 0 to `max_addends`.

        Returns:
            Shape (m,), int64: the sum over the integers.

        Raises:
            CapacityError: for more addends than there are guard bits for.
            DecodingError: for what no sum of this many vectors in range can be.
        """
        if not 0 <= addends <= self.max_addends:
            raise CapacityError(f"{addends} addends; the guard bits hold {self.max_addends}")
        limit, count = 1 << (self.slots * self.slot_bits), self.plaintexts(length)
        if len(plaintexts) != count or not all(0 <= m < limit for m in plaintexts):
            raise DecodingError(f"not the plaintexts of {length} packed sums")
        data = b"".join(int(m).to_bytes(self._row_bytes, "little") for m in plaintexts)
        words = unpack(data, len(plaintexts) * self._padded, self.slot_bits).astype(np.uint64)
        sums = words.reshape(len(plaintexts), self._padded)[:, : self.slots].reshape(-1)
        if sums[length:].any() or (length and int(sums.max()) > addends * self.max_lifted):
            raise DecodingError(f"a slot holds no sum of {addends} values in range")
        return sums[:length].astype(np.int64) + np.int64(addends * self.lowest)

    @property
    def _padded(self) -> int:
        """Slots of a plaintext, filled up so that they are whole bytes."""
        return -(-self.slots // 8) * 8

    @property
    def _row_bytes(self) -> int:
        return self._padded * self.slot_bits // 8
