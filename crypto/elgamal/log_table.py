"""The table of baby steps behind `discrete_log.py`: how it is made, searched and kept on disk.

A word of 64 bits holds a truncated hash of generator^i above the bits of i; words are sorted, so
that a whole batch of giant steps is one binary search. Truncated hashes collide now and then:
what `find` returns is a candidate that the caller verifies.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from crypto.errors import DecodingError
from crypto.groups.base import Element, Group

FORMAT: Final = 1
_KEY_BYTES: Final = 8
_DIGEST_BYTES: Final = 32

Keys: TypeAlias = NDArray[np.uint64]


@dataclass(frozen=True)
class LogTable:
    """Baby steps 0 to 2^bits - 1.

    Attributes:
        bits: binary logarithm of the number of steps.
        words: shape (2^bits,), uint64, sorted: the step in the lowest bits, its key above.
        built: whether it was computed just now, and not read from disk.
    """

    bits: int
    words: Keys
    built: bool

    @property
    def steps(self) -> int:
        """Return the number of baby steps."""
        return 1 << self.bits

    def find(self, keys: Keys) -> Iterator[tuple[int, int]]:
        """Yield (position in `keys`, step) for every step whose truncated key is among them."""
        mask = np.uint64(self.steps - 1)
        lowest = keys & ~mask
        first = np.searchsorted(self.words, lowest)
        last = np.searchsorted(self.words, lowest | mask, side="right")
        for position in np.flatnonzero(last > first):
            for word in self.words[first[position] : last[position]]:
                yield int(position), int(word & mask)


def table_key(group: Group[Element], element: Element) -> int:
    """Return 64 bits of a hash of what names the element."""
    digest = hashlib.blake2b(group.lookup_key(element), digest_size=_KEY_BYTES).digest()
    return int.from_bytes(digest, "little")


def build(group: Group[Element], bits: int) -> LogTable:
    """Compute a table; seconds for 2^19 to 2^21 steps."""
    digests = bytearray(_KEY_BYTES << bits)
    here = group.identity
    for start in range(0, len(digests), _KEY_BYTES):
        digest = hashlib.blake2b(group.lookup_key(here), digest_size=_KEY_BYTES)
        digests[start : start + _KEY_BYTES] = digest.digest()
        here = group.multiply_by_generator(here)
    keys = np.frombuffer(digests, "<u8").astype(np.uint64)
    mask = np.uint64((1 << bits) - 1)
    words = np.sort((keys & ~mask) | np.arange(1 << bits, dtype=np.uint64))
    return LogTable(bits, words, built=True)


def load_or_build(group: Group[Element], bits: int, cache_dir: Path | None) -> LogTable:
    """Read a table from disk, or compute it and leave it there.

    Args:
        group: in which group.
        bits: binary logarithm of the number of steps.
        cache_dir: the folder; None neither reads nor writes.

    Guarantees: a file that is damaged, or made for something else, is replaced and never used. A
    file cannot make `DiscreteLog` return a wrong logarithm, whoever wrote it.
    """
    if cache_dir is None:
        return build(group, bits)
    path = cache_dir / f"discrete_log-v{FORMAT}-{group.name}-{bits}.bin"
    try:
        return LogTable(bits, _decode(path.read_bytes(), _header(group, bits)), built=False)
    except (OSError, DecodingError):
        table = build(group, bits)
    _write(path, _encode(table.words, _header(group, bits)))
    return table


def _header(group: Group[Element], bits: int) -> bytes:
    return f"tff_health discrete_log v{FORMAT} {group.name} {bits}\n".encode()


def _encode(words: Keys, header: bytes) -> bytes:
    payload = header + words.astype("<u8").tobytes()
    return hashlib.sha256(payload).digest() + payload


def _decode(data: bytes, header: bytes) -> Keys:
    digest, payload = data[:_DIGEST_BYTES], data[_DIGEST_BYTES:]
    if hashlib.sha256(payload).digest() != digest or not payload.startswith(header):
        raise DecodingError("not the table that was looked for")
    return np.frombuffer(payload, "<u8", offset=len(header)).astype(np.uint64)


def _write(path: Path, data: bytes) -> None:
    """Write a whole file or nothing: readers see the old one until the new one is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
