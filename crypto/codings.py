"""Codings: what the field of a message may be, how it is written, and how it is read.

A field names its coding in its type, mostly by one of the aliases at the end of this file; those of
lists of messages, and of whole messages, are in `codec.py`.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Annotated, Any, Final, Generic, TypeAlias, TypeVar

from crypto.errors import DecodingError, ParameterError
from crypto.parties import ClientId
from crypto.wire import Reader, Writer, check_increasing, check_size

DIGEST_BYTES: Final = 32

_T = TypeVar("_T")


class Coding(ABC, Generic[_T]):
    """How one field travels.

    Attributes:
        least_bytes: of its shortest encoding.
    """

    least_bytes: int

    def check(self, name: str, value: _T) -> None:
        """Refuse a value that the field cannot have.

        Raises:
            ParameterError: with the field's name, what was found and what is allowed.
        """

    @abstractmethod
    def write(self, writer: Writer, value: _T) -> None:
        """Write a checked value."""

    @abstractmethod
    def read(self, reader: Reader) -> _T:
        """Read what `write` wrote; a value out of range is refused when its message is made."""


class Unsigned(Coding[int]):
    """An integer of `size` bytes, from `least` to `most`; as large as fits, if not said."""

    def __init__(self, size: int, least: int = 0, most: int | None = None) -> None:
        self.least_bytes = size
        self._least = least
        self._most = (1 << 8 * size) - 1 if most is None else most

    def check(self, name: str, value: int) -> None:
        if not self._least <= value <= self._most:
            raise ParameterError(f"{name}={value} must lie in {self._least}..{_power(self._most)}")

    def write(self, writer: Writer, value: int) -> None:
        writer.uint(value, self.least_bytes)

    def read(self, reader: Reader) -> int:
        return reader.uint(self.least_bytes)


def _power(number: int) -> str:
    """Write a large 2^k - 1 in that way."""
    is_power = number > 2**16 and number & (number + 1) == 0
    return f"2^{number.bit_length()}-1" if is_power else str(number)


class Boolean(Coding[bool]):
    """One byte, 0 or 1."""

    least_bytes = 1

    def write(self, writer: Writer, value: bool) -> None:
        writer.uint(value, 1)

    def read(self, reader: Reader) -> bool:
        return reader.flag()


class Fixed(Coding[bytes]):
    """As many bytes as all know."""

    def __init__(self, size: int) -> None:
        self.least_bytes = size

    def check(self, name: str, value: bytes) -> None:
        check_size(name, value, self.least_bytes)

    def write(self, writer: Writer, value: bytes) -> None:
        writer.fixed(value, self.least_bytes)

    def read(self, reader: Reader) -> bytes:
        return reader.fixed(self.least_bytes)


class SessionIdBytes(Fixed):
    """A session's name, which the reader remembers for the messages inside that leave it out."""

    def read(self, reader: Reader) -> bytes:
        reader.session_id = super().read(reader)
        return reader.session_id


class Prefixed(Coding[bytes]):
    """A byte string after its length: whole items of `item` bytes, or none."""

    least_bytes = 4

    def __init__(self, item: int = 1) -> None:
        self._item = item

    def check(self, name: str, value: bytes) -> None:
        if len(value) % self._item:
            raise ParameterError(f"{name} has {self._item} bytes an item, not {len(value)} in all")

    def write(self, writer: Writer, value: bytes) -> None:
        writer.sized(value)

    def read(self, reader: Reader) -> bytes:
        return reader.sized()


class OrEmpty(Prefixed):
    """`size` bytes or none, after their number."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size

    def check(self, name: str, value: bytes) -> None:
        if len(value) not in (0, self._size):
            raise ParameterError(f"{name} has 0 or {self._size} bytes, not {len(value)}")


class FlaggedOrEmpty(OrEmpty):
    """`size` bytes or none, after one byte that says which."""

    least_bytes = 1

    def write(self, writer: Writer, value: bytes) -> None:
        writer.uint(bool(value), 1)
        writer.fixed(value, len(value))

    def read(self, reader: Reader) -> bytes:
        return reader.fixed(self._size if reader.flag() else 0)


class PrintableAscii(Coding[str]):
    """A name, after its length."""

    least_bytes = 4

    def check(self, name: str, value: str) -> None:
        if not (value.isascii() and value.isprintable()):
            raise ParameterError(f"{name}={value[:40]!r} must be printable ASCII")

    def write(self, writer: Writer, value: str) -> None:
        writer.sized(value.encode("ascii"))

    def read(self, reader: Reader) -> str:
        try:
            return reader.sized().decode("ascii")
        except UnicodeDecodeError as error:
            raise DecodingError("a name must be printable ASCII") from error


class Increasing(Coding[tuple[ClientId, ...]]):
    """Clients in increasing order, `least` of them or more."""

    def __init__(self, least: int = 0) -> None:
        self.least_bytes = 4 + 4 * least
        self._least = least

    def check(self, name: str, value: tuple[ClientId, ...]) -> None:
        check_increasing(name, value)
        if len(value) < self._least:
            raise ParameterError(f"{name}: {len(value)} clients, and {self._least} are the least")

    def write(self, writer: Writer, value: tuple[ClientId, ...]) -> None:
        writer.ids(value)

    def read(self, reader: Reader) -> tuple[ClientId, ...]:
        return reader.ids()


class ListOf(Coding[tuple[_T, ...]]):
    """A list after its length.

    Args:
        item: the coding of an item.
        per_client: whether there can be no more items than clients.
    """

    least_bytes = 4

    def __init__(self, item: Coding[_T], *, per_client: bool) -> None:
        self.item = item
        self._per_client = per_client

    def check(self, name: str, value: tuple[_T, ...]) -> None:
        check = self.item.check
        for item in value:
            check(name, item)

    def write(self, writer: Writer, value: tuple[_T, ...]) -> None:
        writer.uint(len(value), 4)
        write = self.item.write
        for item in value:
            write(writer, item)

    def read(self, reader: Reader) -> tuple[_T, ...]:
        item, read = self.item, reader.per_client if self._per_client else reader.several
        return read(item.least_bytes, lambda: item.read(reader))


class RowOf(Coding[tuple[Any, ...]]):
    """One item after the other, each with a coding of its own."""

    def __init__(self, items: Sequence[Coding[Any]]) -> None:
        self._items = items
        self.least_bytes = sum(item.least_bytes for item in items)

    def write(self, writer: Writer, value: tuple[Any, ...]) -> None:
        for coding, item in zip(self._items, value, strict=True):
            coding.write(writer, item)

    def read(self, reader: Reader) -> tuple[Any, ...]:
        return tuple(coding.read(reader) for coding in self._items)


class KeyedByClient(Coding[tuple[tuple[ClientId, _T], ...]]):
    """Pairs of a client and an item, in increasing order of the clients, after their number."""

    least_bytes = 4

    def __init__(self, item: Coding[_T]) -> None:
        self._item = item

    def check(self, name: str, value: tuple[tuple[ClientId, _T], ...]) -> None:
        check_increasing(name, [client for client, _ in value])
        for _, item in value:
            self._item.check(name, item)

    def write(self, writer: Writer, value: tuple[tuple[ClientId, _T], ...]) -> None:
        writer.uint(len(value), 4)
        for client, item in value:
            writer.uint(client, 4)
            self._item.write(writer, item)

    def read(self, reader: Reader) -> tuple[tuple[ClientId, _T], ...]:
        return reader.per_client(
            4 + self._item.least_bytes, lambda: (reader.uint(4), self._item.read(reader))
        )


Uint8: TypeAlias = Annotated[int, Unsigned(1)]
Uint32: TypeAlias = Annotated[int, Unsigned(4)]
Uint64: TypeAlias = Annotated[int, Unsigned(8)]
Flag: TypeAlias = Annotated[bool, Boolean()]
Name: TypeAlias = Annotated[str, PrintableAscii()]
Sized: TypeAlias = Annotated[bytes, Prefixed()]
Digest: TypeAlias = Annotated[bytes, Fixed(DIGEST_BYTES)]
Client: TypeAlias = Annotated[ClientId, Unsigned(4)]
ClientIds: TypeAlias = Annotated[tuple[ClientId, ...], Increasing()]
