"""What holds for every field that a message can declare, and for messages made of them."""

from dataclasses import dataclass, field
from typing import Annotated

import pytest

from crypto import codings
from crypto.codec import ByClient, Message, PerClient, Record, SameSession, Several
from crypto.codings import Coding, Flag, Sized, Uint8
from crypto.errors import DecodingError, MalformedMessageError, ParameterError
from crypto.session.messages import ClientMessage, OptionalSignature, RowsMessage, SessionMessage
from crypto.wire import Reader, Writer

SID, OTHER = bytes(range(32)), bytes(32)
SIGNATURE = bytes(64)


def written(coding, value):
    writer = Writer()
    coding.write(writer, value)
    return writer.to_bytes()


# Single fields: coding, a value, its bytes, values that are refused

FIELDS = [
    (codings.Unsigned(2), 513, "0102", (-1, 2**16)),
    (codings.Unsigned(8, least=1), 1, "0100000000000000", (0, 2**64)),
    (codings.Unsigned(1, 2, 9), 9, "09", (1, 10)),
    (codings.Boolean(), True, "01", ()),
    (codings.Fixed(2), b"ab", "6162", (b"", b"a", b"abc")),
    (codings.Prefixed(), b"abc", "03000000616263", ()),
    (codings.Prefixed(item=2), b"ab", "020000006162", (b"a", b"abc")),
    (codings.OrEmpty(2), b"ab", "020000006162", (b"a", b"abc")),
    (codings.OrEmpty(2), b"", "00000000", ()),
    (codings.FlaggedOrEmpty(2), b"ab", "016162", (b"a", b"abc")),
    (codings.FlaggedOrEmpty(2), b"", "00", ()),
    (codings.PrintableAscii(), "p-1", "03000000702d31", ("\xe9", "\n", "\0")),
    (codings.Increasing(), (1, 5), "020000000100000005000000", ((5, 1), (1, 1), (-1,), (2**32,))),
    (codings.Increasing(least=1), (1,), "0100000001000000", ((),)),
    (
        codings.KeyedByClient(codings.Fixed(2)),
        ((5, b"ab"), (6, b"cd")),
        "02000000050000006162060000006364",
        (((6, b"ab"), (5, b"cd")), ((5, b"ab"),) * 2, ((5, b"a"),), ((2**32, b"ab"),)),
    ),
    (codings.KeyedByClient(codings.Fixed(2)), (), "00000000", ()),
    (
        codings.ListOf(codings.Unsigned(1, most=3), per_client=True),
        (3, 0),
        "020000000300",
        ((4,), (0, -1)),
    ),
]


@pytest.mark.parametrize(("coding", "value", "expected", "wrong"), FIELDS)
def test_fields_in_bytes(coding, value, expected, wrong):
    coding.check("name", value)
    data = bytes.fromhex(expected)
    assert written(coding, value) == data
    reader = Reader(data + b"rest")
    assert coding.read(reader) == value
    assert reader.fixed(4) == b"rest"
    assert coding.least_bytes <= len(data)
    for bad in wrong:
        with pytest.raises(ParameterError, match=r"^name"):
            coding.check("name", bad)
    for end in range(len(data)):
        with pytest.raises(DecodingError):
            coding.read(Reader(data[:end]))


@pytest.mark.parametrize(
    ("coding", "value", "message"),
    [
        (codings.Unsigned(4), 2**32, r"^n=4294967296 must lie in 0\.\.2\^32-1$"),
        (codings.Unsigned(1, 1, 62), 63, r"^n=63 must lie in 1\.\.62$"),
        (codings.Fixed(32), b"a", "^n has 32 bytes, not 1$"),
        (codings.OrEmpty(64), b"a", "^n has 0 or 64 bytes, not 1$"),
        (codings.Prefixed(item=8), b"a", "^n has 8 bytes an item, not 1 in all$"),
        (codings.PrintableAscii(), "\xe9", "^n='\xe9' must be printable ASCII$"),
        (codings.Increasing(least=3), (1,), "^n: 1 clients, and 3 are the least$"),
        (codings.Increasing(), (2, 1), "^n must stand in increasing order, each once$"),
    ],
)
def test_errors_name_the_field_and_say_what_is_allowed(coding, value, message):
    with pytest.raises(ParameterError, match=message):
        coding.check("n", value)


@pytest.mark.parametrize(
    ("coding", "data"),
    [
        (codings.Boolean(), "02"),
        (codings.FlaggedOrEmpty(1), "0261"),
        (codings.PrintableAscii(), "01000000e9"),
        (codings.KeyedByClient(codings.Fixed(2)), "02000000" + "00" * 11),
        (codings.KeyedByClient(codings.Fixed(2)), "ffffffff" + "00" * 20),
        (codings.ListOf(codings.Unsigned(2), per_client=False), "02000000" + "00" * 3),
    ],
)
def test_what_no_field_is_written_as_is_refused(coding, data):
    with pytest.raises(DecodingError):
        coding.read(Reader(bytes.fromhex(data)))


def test_lists_are_bounded_before_anything_is_read():
    class Loud(Coding):
        least_bytes = 2

        def write(self, writer, value):
            raise NotImplementedError

        def read(self, reader):
            raise AssertionError

    for coding in (
        codings.ListOf(Loud(), per_client=True),
        codings.ListOf(Loud(), per_client=False),
        codings.KeyedByClient(Loud()),
    ):
        with pytest.raises(DecodingError, match="a list of 3 items"):
            coding.read(Reader(b"\3\0\0\0" + bytes(5)))
    with pytest.raises(DecodingError, match="and there are 2 at most"):
        codings.ListOf(Loud(), per_client=True).read(Reader(b"\3\0\0\0" + bytes(50), 2))


# Messages


@dataclass(frozen=True)
class Inner(Record):
    low: Uint8
    high: Annotated[int, codings.Unsigned(1, least=3)]

    def _check(self):
        if self.low > self.high:
            raise ParameterError("low is above high")


@dataclass(frozen=True)
class Part(ClientMessage):
    TYPE = 201
    data: Sized


@dataclass(frozen=True)
class Letter(SessionMessage):
    TYPE = 202
    late: Uint8 = field(default=7, kw_only=True)
    inner: Inner
    part: Part
    parts: PerClient[SameSession[Part]] = ()
    numbers: Several[Uint8] = ()
    inners: ByClient[Inner] = ()


INNER, PART = Inner(1, 3), Part(SID, 4, b"x")
LETTER = Letter(SID, INNER, PART, (PART,), (1, 2), ((5, INNER),))


def test_a_message_in_bytes():
    """Fields in the order of their declaration; records in place, messages after their length."""
    expected = (
        b"th\x01\xca" + SID + b"\x07" + b"\x01\x03"
        b"\x2d\0\0\0" + PART.to_bytes() + b"\x01\0\0\0" + b"\x04\0\0\0" + b"\x01\0\0\0x"
        b"\x02\0\0\0\x01\x02" + b"\x01\0\0\0" + b"\x05\0\0\0\x01\x03"
    )
    assert LETTER.to_bytes() == expected
    assert Letter.from_bytes(expected) == LETTER


def test_a_record_alone_has_no_header():
    assert INNER.to_bytes() == b"\x01\x03"
    assert Inner.from_bytes(b"\x01\x03") == INNER
    for wrong in (b"\x01", b"\x01\x03\0", b"\x01\x02", b"\x04\x03"):
        with pytest.raises(DecodingError):
            Inner.from_bytes(wrong)


def test_messages_inside_are_of_the_session_of_the_one_around_them():
    read = Letter.from_bytes(LETTER.to_bytes().replace(SID, OTHER, 1))
    assert (read.session_id, read.parts[0].session_id, read.part.session_id) == (OTHER, OTHER, SID)


def test_the_bound_of_lists_of_clients_holds_for_messages_inside():
    @dataclass(frozen=True)
    class Around(Message):
        TYPE = 203
        letter: Letter

    data = Around(LETTER).to_bytes()
    assert Around.from_bytes(data, 1).letter == LETTER
    with pytest.raises(MalformedMessageError, match="1 clients, and there are 0 at most"):
        Around.from_bytes(data, 0)


def test_fields_inside_are_checked():
    data = LETTER.to_bytes()
    for wrong in (data.replace(b"\x07\x01\x03", b"\x07\x01\x02"), data[:-1] + b"\0"):
        assert wrong != data
        with pytest.raises(MalformedMessageError, match=r"high=. must lie in 3\.\.255"):
            Letter.from_bytes(wrong)
    with pytest.raises(ParameterError, match="low is above high"):
        Inner(4, 3)


def test_some_fields_can_be_left_out():
    writer = Writer()
    PART.write(writer, without=("session_id", "sender"))
    assert writer.to_bytes() == b"\x01\0\0\0x"
    assert Part.read(Reader(writer.to_bytes()), session_id=SID, sender=4) == PART


def test_a_field_without_coding_is_an_error_of_the_programme():
    @dataclass(frozen=True)
    class Bare(Message):
        TYPE = 204
        number: int

    with pytest.raises(TypeError, match="declares no coding"):
        Bare(1)


@dataclass(frozen=True)
class Rows(RowsMessage):
    TYPE = 205
    parts: PerClient[SameSession[Part]]
    signatures: PerClient[OptionalSignature]
    flags: PerClient[Flag]


def test_lists_of_one_length_travel_as_rows():
    one, two = Part(SID, 1, b""), Part(SID, 2, b"")
    rows = Rows(SID, (one, two), (b"", SIGNATURE), (True, False))
    first = b"\x01\0\0\0" + bytes(4) + bytes(4) + b"\x01"
    second = b"\x02\0\0\0" + bytes(4) + b"\x40\0\0\0" + SIGNATURE + b"\0"
    assert rows.to_bytes() == b"th\x01\xcd" + SID + b"\x02\0\0\0" + first + second
    assert Rows.from_bytes(rows.to_bytes()) == rows
    empty = Rows(SID, (), (), ())
    assert Rows.from_bytes(empty.to_bytes()) == empty
    with pytest.raises(ParameterError, match=r"not of \[1, 0, 1\]"):
        Rows(SID, (one,), (), (True,))
    with pytest.raises(MalformedMessageError, match="2 clients, and there are 1 at most"):
        Rows.from_bytes(rows.to_bytes(), 1)
