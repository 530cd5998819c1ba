"""Messages that declare their fields: how every message becomes bytes and is read back.

A record is a frozen dataclass whose fields are annotated with their coding, and that is written in
the order of their declaration; a message is a record with a type number. A field can also be a
record, which is written in place, or a message, which is written with its header after its length.

Laws:
  round trip   from_bytes(m.to_bytes()) = m
  one form     from_bytes accepts exactly what to_bytes can write
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any, ClassVar, Self, TypeAlias, TypeVar, get_args, get_type_hints

from crypto.codings import Coding, KeyedByClient, ListOf
from crypto.errors import DecodingError, MalformedMessageError, ParameterError
from crypto.parties import ClientId
from crypto.wire import HEADER_BYTES, MAGIC, VERSION, Reader, Writer

_T = TypeVar("_T")
_R = TypeVar("_R", bound="Record")


@dataclass(frozen=True)
class Record:
    """A frozen dataclass that writes and checks its fields as their types declare.

    Constructors check and raise `ParameterError`; so a record that exists can be encoded, and
    decoding needs no second set of checks.
    """

    _codings: ClassVar[Mapping[str, Coding[Any]]]

    def __post_init__(self) -> None:
        for name, coding in self.codings().items():
            coding.check(name, getattr(self, name))
        self._check()

    @classmethod
    def codings(cls) -> Mapping[str, Coding[Any]]:
        """Return field -> its coding, in the order in which they are written."""
        if "_codings" not in vars(cls):
            hints = get_type_hints(cls, include_extras=True)
            cls._codings = {field.name: _coding_of(hints[field.name]) for field in fields(cls)}
        return cls._codings

    def _check(self) -> None:
        """Refuse, with `ParameterError`, fields that are right alone and not together."""

    def write(self, writer: Writer, without: Collection[str] = ()) -> None:
        """Write the fields, without some that the reader knows."""
        for name, coding in self.codings().items():
            if name not in without:
                coding.write(writer, getattr(self, name))

    @classmethod
    def read(cls, reader: Reader, **known: Any) -> Self:
        """Read what `write` wrote; `known` are the fields that it left out."""
        for name, coding in cls.codings().items():
            if name not in known:
                known[name] = coding.read(reader)
        return cls(**known)

    def to_bytes(self) -> bytes:
        """Return the record's only encoding."""
        writer = Writer()
        self.write(writer)
        return writer.to_bytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` wrote.

        Raises:
            DecodingError: for bytes that `to_bytes` of this class cannot have made.
        """
        reader = Reader(data)
        try:
            record = cls.read(reader)
            reader.finish()
        except ParameterError as error:
            raise DecodingError(str(error)) from error
        return record


class Message(Record):
    """A record that travels by itself, under a type number that no other message has."""

    TYPE: ClassVar[int]

    def to_bytes(self) -> bytes:
        """Return the message's only encoding."""
        writer = Writer()
        writer.fixed(MAGIC + bytes((VERSION, self.TYPE)), HEADER_BYTES)
        self.write(writer)
        return writer.to_bytes()

    @classmethod
    def from_bytes(cls, data: bytes, most_clients: int | None = None) -> Self:
        """Read what `to_bytes` wrote.

        Args:
            data: the encoded message.
            most_clients: the most entries that its lists of clients can have, as far as the reader
                knows; longer ones are refused before they are read.

        Raises:
            MalformedMessageError: for bytes that `to_bytes` of this class cannot have made.
        """
        reader = Reader(data, most_clients)
        try:
            reader.header(cls.TYPE)
            message = cls.read(reader)
            reader.finish()
        except (DecodingError, ParameterError) as error:
            raise MalformedMessageError(f"{cls.__name__}: {error}") from error
        return message


class _Inline(Coding[_R]):
    """A record in place, without some fields of its own: those of the message around it."""

    def __init__(self, kind: type[_R], without: Collection[str] = ()) -> None:
        self._kind = kind
        self._without = without
        self.least_bytes = sum(
            coding.least_bytes for name, coding in kind.codings().items() if name not in without
        )

    def write(self, writer: Writer, value: _R) -> None:
        value.write(writer, self._without)

    def read(self, reader: Reader) -> _R:
        return self._kind.read(reader, **{name: getattr(reader, name) for name in self._without})


class _Embedded(Coding[Message]):
    """A message with its header, after its length."""

    least_bytes = 4

    def __init__(self, kind: type[Message]) -> None:
        self._kind = kind

    def write(self, writer: Writer, value: Message) -> None:
        writer.sized(value.to_bytes())

    def read(self, reader: Reader) -> Message:
        return self._kind.from_bytes(reader.sized(), reader.most_clients)


@dataclass(frozen=True)
class _Derived:
    """Marks a type whose coding follows from the types inside it."""

    coding_of: Callable[[Any], Coding[Any]]


def _coding_of(hint: Any) -> Coding[Any]:
    for mark in getattr(hint, "__metadata__", ()):
        if isinstance(mark, Coding):
            return mark
        if isinstance(mark, _Derived):
            return mark.coding_of(hint.__origin__)
    if isinstance(hint, type) and issubclass(hint, Record):
        return _Embedded(hint) if issubclass(hint, Message) else _Inline(hint)
    raise TypeError(f"{hint} declares no coding")


def _list(per_client: bool) -> _Derived:
    return _Derived(lambda held: ListOf(_coding_of(get_args(held)[0]), per_client=per_client))


PerClient: TypeAlias = Annotated[tuple[_T, ...], _list(per_client=True)]
"""A list that has no more items than there are clients."""

Several: TypeAlias = Annotated[tuple[_T, ...], _list(per_client=False)]
"""A list that only the message's length bounds."""

ByClient: TypeAlias = Annotated[
    tuple[tuple[ClientId, _T], ...],
    _Derived(lambda held: KeyedByClient(_coding_of(get_args(get_args(held)[0])[1]))),
]
"""Client -> item, in increasing order of the clients."""

SameSession: TypeAlias = Annotated[_R, _Derived(lambda kind: _Inline(kind, ("session_id",)))]
"""A message in place, of the same session as the one around it, which alone names the session."""
