"""The wire format: numbers, byte strings and lists as bytes, and the header of every message.

A message is magic, version, type, then its fields, all little endian, without padding; `codec.py`
has how it declares them. Type numbers are unique over all protocols: double masking has 1 to 31,
sums by threshold ElGamal 32 to 39, distributed key generation 40 to 51, Paillier sums 52 to 63,
pairwise masking 64 to 79, joint sums of vectors and qualities 80 to 95, homomorphic encryption of
vectors 96 to 106, sparse sums 107 to 110; envelopes between parties that are apart have 111 to
113, deliveries of an authority that is apart 114 to 117, verified sums 120 to 126, and dealings
into groups 140 to 144.
"""

import itertools
import struct
from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Final, TypeVar

from crypto.errors import DecodingError, ParameterError
from crypto.parties import MAX_CLIENT_ID, ClientId

MAGIC: Final = b"th"
VERSION: Final = 1
HEADER_BYTES: Final = 4

_T = TypeVar("_T")


class Writer:
    """Collects the fields of one message."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def uint(self, value: int, size: int) -> None:
        """Write an unsigned integer of `size` bytes.

        Raises:
            ParameterError: if it does not fit.
        """
        if not 0 <= value < 1 << (8 * size):
            raise ParameterError(f"{value} does not fit {size} bytes")
        self._parts.append(value.to_bytes(size, "little"))

    def fixed(self, data: bytes, size: int) -> None:
        """Write a byte string whose length the reader knows.

        Raises:
            ParameterError: if its length is not `size`.
        """
        if len(data) != size:
            raise ParameterError(f"a field of {size} bytes was given {len(data)}")
        self._parts.append(data)

    def sized(self, data: bytes) -> None:
        """Write a byte string with its length (4 bytes) before it."""
        self.uint(len(data), 4)
        self._parts.append(data)

    def ids(self, values: Sequence[int]) -> None:
        """Write a list of 4-byte numbers with its length (4 bytes) before it."""
        self.uint(len(values), 4)
        try:
            self._parts.append(struct.pack(f"<{len(values)}I", *values))
        except struct.error as error:
            raise ParameterError(f"numbers must lie in 0..2^32-1: {error}") from error

    def to_bytes(self) -> bytes:
        """Return all that was written."""
        return b"".join(self._parts)


class Reader:
    """Reads fields off the front of a message; all errors are `DecodingError`.

    Args:
        data: the message.
        most_clients: the most entries that a list of clients, or of one item a client, can have;
            None where that is not known, as in an invitation from which it is learnt.

    Attributes:
        session_id: of the message that is read; messages inside it that leave it out have the same.
    """

    session_id: bytes = b""

    def __init__(self, data: bytes, most_clients: int | None = None) -> None:
        self._data = memoryview(data)
        self._position = 0
        self.most_clients = most_clients

    def header(self, expected_type: int) -> None:
        """Read the header and refuse a message of another type."""
        found = message_type(self._take(HEADER_BYTES))
        if found != expected_type:
            raise DecodingError(f"a message of type {found}, not {expected_type}")

    def fixed(self, size: int) -> bytes:
        """Read `size` bytes."""
        return bytes(self._take(size))

    def uint(self, size: int) -> int:
        """Read an unsigned integer of `size` bytes."""
        return int.from_bytes(self._take(size), "little")

    def flag(self) -> bool:
        """Read one byte that must be 0 or 1."""
        value = self.uint(1)
        if value > 1:
            raise DecodingError(f"a flag must be 0 or 1, not {value}")
        return value == 1

    def sized(self) -> bytes:
        """Read what `Writer.sized` wrote."""
        return self.fixed(self.uint(4))

    def ids(self) -> tuple[int, ...]:
        """Read what `Writer.ids` wrote."""
        count = self._client_count()
        return struct.unpack(f"<{count}I", self._take(4 * count))

    def per_client(self, item_bytes: int, read_item: Callable[[], _T]) -> tuple[_T, ...]:
        """Read a list as `several` does, of no more items than there can be clients."""
        return self._items(self._client_count(), item_bytes, read_item)

    def several(self, item_bytes: int, read_item: Callable[[], _T]) -> tuple[_T, ...]:
        """Read a list with its length (4 bytes) before it, of items of at least `item_bytes`."""
        return self._items(self.uint(4), item_bytes, read_item)

    def _client_count(self) -> int:
        count = self.uint(4)
        if self.most_clients is not None and count > self.most_clients:
            raise DecodingError(
                f"a list of {count} clients, and there are {self.most_clients} at most"
            )
        return count

    def _items(self, count: int, item_bytes: int, read_item: Callable[[], _T]) -> tuple[_T, ...]:
        if count * item_bytes > len(self._data) - self._position:
            raise DecodingError(f"a list of {count} items is longer than the message")
        return tuple(read_item() for _ in range(count))

    def finish(self) -> None:
        """Refuse bytes that are left over."""
        if self._position != len(self._data):
            raise DecodingError(f"{len(self._data) - self._position} bytes too many")

    def _take(self, size: int) -> memoryview:
        end = self._position + size
        if end > len(self._data):
            raise DecodingError(f"the message ends {end - len(self._data)} bytes too early")
        part = self._data[self._position : end]
        self._position = end
        return part


def message_type(data: bytes | memoryview) -> int:
    """Return the type number of an encoded message.

    Raises:
        DecodingError: if the header is not that of this version's messages.
    """
    if len(data) < HEADER_BYTES or data[:2] != MAGIC:
        raise DecodingError("not a message of this library")
    if data[2] != VERSION:
        raise DecodingError(f"version {data[2]} of the wire format; {VERSION} is spoken here")
    return data[3]


def message_names(*kinds: type[IntEnum]) -> dict[int, str]:
    """Return type number -> name in words, for the record of costs.

    Args:
        kinds: the type numbers of one or several protocols.
    """
    return {kind.value: kind.name.lower().replace("_", " ") for group in kinds for kind in group}


def check_size(name: str, data: bytes, size: int) -> None:
    """Refuse a byte string of the wrong length.

    Raises:
        ParameterError: with its name.
    """
    if len(data) != size:
        raise ParameterError(f"{name} has {size} bytes, not {len(data)}")


def check_increasing(name: str, clients: Sequence[ClientId]) -> None:
    """Refuse a list of clients that is not in increasing order, each once: there is one encoding.

    Raises:
        ParameterError: also for a number that is no client's.
    """
    if any(a >= b for a, b in itertools.pairwise(clients)):
        raise ParameterError(f"{name} must stand in increasing order, each once")
    if clients and not 0 <= clients[0] <= clients[-1] <= MAX_CLIENT_ID:
        raise ParameterError(f"{name}: a client's number must lie in 0..2^32-1")
