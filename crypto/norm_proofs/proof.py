"""What a norm proof says, and how it travels."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from crypto.encoding.bit_packing import pack, packed_bytes, unpack
from crypto.errors import DecodingError
from crypto.norm_proofs.layout import Layout
from crypto.norm_proofs.parameters import QUERIES, REPETITIONS, SUMS, NormParameters
from crypto.norm_proofs.tree import HASH_BYTES
from crypto.primitives.prg import Words

SALT_BYTES: Final = 16
POLYNOMIALS: Final = 3 * REPETITIONS
"""For each prime: sums of rows, and lower and upper halves of sums of relations."""
MASK_ROWS: Final = 4 * REPETITIONS
"""Uniform rows behind the others: one for each sum of rows, three for each of relations."""


@dataclass(frozen=True)
class NormProof:
    """A proof.

    Attributes:
        root: of the tree over all columns.
        mask: which of the sets of masks was taken.
        sums: shape (`SUMS`,), int64: random sums under these masks.
        polynomials: for each prime, shape (`POLYNOMIALS`, N), uint32: coefficients.
        columns: for each prime, shape (`QUERIES`, rows), uint32: the columns opened.
        salts: of these columns.
        siblings: hashes that lead from them to the root.
    """

    root: bytes
    mask: int
    sums: NDArray[np.int64]
    polynomials: tuple[NDArray[np.uint32], ...]
    columns: tuple[NDArray[np.uint32], ...]
    salts: bytes
    siblings: bytes

    def to_bytes(self, parameters: NormParameters) -> bytes:
        """Return the proof, every number in as many bits as its range asks for."""
        shifted = (self.sums + parameters.largest_masked).astype(np.uint64)
        parts = [self.root, bytes([self.mask]), pack(shifted, _sum_bits(parameters))]
        numbers = zip(parameters.primes, self.polynomials, self.columns, strict=True)
        for prime, polynomials, columns in numbers:
            bits = prime.bit_length()
            parts += [pack(polynomials.reshape(-1), bits), pack(columns.reshape(-1), bits)]
        return b"".join([*parts, self.salts, self.siblings])

    @classmethod
    def from_bytes(cls, data: bytes, parameters: NormParameters) -> "NormProof":
        """Read what `to_bytes` wrote.

        Raises:
            DecodingError: for another length, or numbers out of range.
        """
        reader = _Reader(data)
        root, mask = reader.take(HASH_BYTES), reader.take(1)[0]
        shifted = reader.numbers((SUMS,), _sum_bits(parameters))
        polynomials: list[NDArray[np.uint32]] = []
        columns: list[NDArray[np.uint32]] = []
        rows = Layout(parameters).rows + MASK_ROWS
        for prime in parameters.primes:
            for found, shape in (
                (polynomials, (POLYNOMIALS, parameters.level.degree)),
                (columns, (QUERIES, rows)),
            ):
                numbers = reader.numbers(shape, prime.bit_length()).astype(np.uint32)
                if int(numbers.max()) >= prime:
                    raise DecodingError(f"a norm proof with numbers beyond {prime - 1}")
                found.append(numbers)
        salts = reader.take(QUERIES * SALT_BYTES)
        sums = shifted.astype(np.int64) - parameters.largest_masked
        whole = tuple(polynomials), tuple(columns), salts, reader.rest()
        return cls(root, mask, sums, *whole)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data, self._start = data, 0

    def take(self, count: int) -> bytes:
        taken = self._data[self._start : self._start + count]
        if len(taken) != count:
            raise DecodingError("a norm proof that ends too early")
        self._start += count
        return taken

    def numbers(self, shape: tuple[int, ...], bits: int) -> Words:
        length = int(np.prod(shape))
        return unpack(self.take(packed_bytes(length, bits)), length, bits).reshape(shape)

    def rest(self) -> bytes:
        return self._data[self._start :]


def _sum_bits(parameters: NormParameters) -> int:
    return (2 * parameters.largest_masked).bit_length()
