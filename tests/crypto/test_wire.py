from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated

import pytest

from crypto.codec import Message
from crypto.codings import Unsigned
from crypto.errors import DecodingError, MalformedMessageError, ParameterError
from crypto.parties import MAX_CLIENT_ID
from crypto.wire import (
    Reader,
    Writer,
    check_increasing,
    check_size,
    message_names,
    message_type,
)


@dataclass(frozen=True)
class Note(Message):
    TYPE = 200
    number: Annotated[int, Unsigned(2)]

    def _check(self):
        if self.number == 13:
            raise ParameterError("13")


def written(*fields):
    writer = Writer()
    for name, *arguments in fields:
        getattr(writer, name)(*arguments)
    return writer.to_bytes()


# Bytes by hand


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (("uint", 0, 1), "00"),
        (("uint", 255, 1), "ff"),
        (("uint", 0x010203, 3), "030201"),
        (("uint", 2**64 - 1, 8), "ff" * 8),
        (("uint", 0, 0), ""),
        (("fixed", b"ab", 2), "6162"),
        (("fixed", b"", 0), ""),
        (("sized", b"abc"), "03000000616263"),
        (("sized", b""), "00000000"),
        (("ids", ()), "00000000"),
        (("ids", (1, 0, 2**32 - 1)), "030000000100000000000000ffffffff"),
    ],
)
def test_fields_are_written_little_endian_without_padding(field, expected):
    assert written(field).hex() == expected


@pytest.mark.parametrize(
    "field",
    [
        ("uint", 256, 1),
        ("uint", 257, 1),
        ("uint", -1, 1),
        ("uint", 1, 0),
        ("uint", 2**64, 8),
        ("fixed", b"ab", 1),
        ("fixed", b"ab", 3),
        ("ids", (-1,)),
        ("ids", (2**32,)),
    ],
)
def test_what_does_not_fit_is_not_written(field):
    with pytest.raises(ParameterError):
        written(field)


def test_what_was_written_is_read():
    reader = Reader(
        written(
            ("uint", 7, 3),
            ("fixed", b"xyz", 3),
            ("sized", b"abc"),
            ("ids", (4, 2, 9)),
            ("uint", 1, 1),
            ("uint", 0, 1),
        )
    )
    assert reader.uint(3) == 7
    assert reader.fixed(3) == b"xyz"
    assert reader.sized() == b"abc"
    assert reader.ids() == (4, 2, 9)
    assert (reader.flag(), reader.flag()) == (True, False)
    reader.finish()


def test_lists_may_end_with_the_message_and_no_earlier():
    assert Reader(bytes([2, 0, 0, 0, 7, 8])).several(1, lambda: None) == (None, None)
    with pytest.raises(DecodingError, match="a list of 2 items"):
        Reader(bytes([2, 0, 0, 0, 7])).several(1, lambda: None)


def test_what_is_fixed_is_bytes():
    assert type(Reader(b"abc").fixed(3)) is bytes
    assert Reader(b"").fixed(0) == b""


@pytest.mark.parametrize(
    ("data", "read"),
    [
        ("00", lambda reader: reader.uint(2)),
        ("02", lambda reader: reader.flag()),
        ("ff", lambda reader: reader.flag()),
        ("", lambda reader: reader.flag()),
        ("6162", lambda reader: reader.fixed(3)),
        ("0300000061", lambda reader: reader.sized()),
        ("000000", lambda reader: reader.sized()),
        ("02000000" + "00" * 7, lambda reader: reader.ids()),
        ("ffffffff" + "00" * 8, lambda reader: reader.ids()),
        ("00", lambda reader: reader.finish()),
    ],
)
def test_what_ends_too_early_or_says_nonsense_is_refused(data, read):
    with pytest.raises(DecodingError):
        read(Reader(bytes.fromhex(data)))


def test_errors_say_how_many_bytes_are_missing_or_too_many():
    with pytest.raises(DecodingError, match="ends 3 bytes too early"):
        Reader(b"a").fixed(4)
    reader = Reader(b"abcd")
    reader.fixed(1)
    with pytest.raises(DecodingError, match="3 bytes too many"):
        reader.finish()
    with pytest.raises(DecodingError, match="ends 2 bytes too early"):
        reader.fixed(5)


def test_a_list_that_is_longer_than_the_message_is_refused_before_it_is_read():
    read = []
    for count, fits in ((2, True), (3, False), (2**32 - 1, False)):
        reader = Reader(written(("uint", count, 4), ("fixed", bytes(5), 5)))
        if fits:
            assert reader.several(2, lambda reader=reader: reader.uint(2)) == (0, 0)
        else:
            with pytest.raises(DecodingError, match=f"a list of {count} items"):
                reader.several(2, lambda: read.append(1))
    assert read == []


# Messages


def test_a_message_is_magic_version_type_and_fields():
    assert Note(0x0102).to_bytes() == b"th\x01\xc8\x02\x01"
    assert Note.from_bytes(b"th\x01\xc8\x02\x01") == Note(0x0102)
    assert message_type(b"th\x01\xc8") == 200
    assert message_type(memoryview(b"th\x01\xc8rest")) == 200


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"th\x01",
        b"Th\x01\xc8\x02\x01",
        b"tH\x01\xc8\x02\x01",
        b"th\x00\xc8\x02\x01",
        b"th\x02\xc8\x02\x01",
        b"th\x01\xc7\x02\x01",
        b"th\x01\xc9\x02\x01",
        b"th\x01\xc8\x02",
        b"th\x01\xc8\x02\x01\x00",
        b"th\x01\xc8\x0d\x00",  # what the constructor refuses
    ],
)
def test_other_bytes_are_no_message(data):
    with pytest.raises(MalformedMessageError, match=r"^Note: "):
        Note.from_bytes(data)


@pytest.mark.parametrize("data", [b"", b"th\x01", b"xx\x01\x01", b"th\x02\x01", b"th\x00\x01"])
def test_other_headers_have_no_type(data):
    with pytest.raises(DecodingError):
        message_type(data)


def test_another_version_is_named():
    with pytest.raises(DecodingError, match=r"^version 2 of the wire format; 1 is spoken here$"):
        message_type(b"th\x02\x01")


def test_names_of_messages():
    class Kind(IntEnum):
        ONE_THING = 3
        ANOTHER = 5

    class More(IntEnum):
        LAST = 7

    assert message_names(Kind, More) == {3: "one thing", 5: "another", 7: "last"}


# Checks


def test_sizes():
    check_size("name", b"ab", 2)
    for wrong in (b"", b"a", b"abc"):
        with pytest.raises(ParameterError, match=f"name has 2 bytes, not {len(wrong)}"):
            check_size("name", wrong, 2)


@pytest.mark.parametrize("clients", [(), (0,), (MAX_CLIENT_ID,), (0, 1, 5), (0, MAX_CLIENT_ID)])
def test_clients_in_order(clients):
    check_increasing("clients", clients)


@pytest.mark.parametrize(
    "clients",
    [(1, 1), (2, 1), (0, 2, 1), (0, 0, 1), (-1,), (-1, 0), (MAX_CLIENT_ID + 1,), (0, 2**32)],
)
def test_clients_out_of_order_or_range(clients):
    with pytest.raises(ParameterError, match=r"^clients"):
        check_increasing("clients", clients)
