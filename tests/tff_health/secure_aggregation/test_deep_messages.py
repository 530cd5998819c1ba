"""Protobuf's limit of nesting is lifted while it is needed, and not by importing."""

import pytest
from google.protobuf import struct_pb2
from google.protobuf.message import DecodeError

from tff_health.secure_aggregation import secure_context  # noqa: F401 - must not lift it
from tff_health.secure_aggregation.deep_messages import deep_messages

LIMIT = 100


def nested(levels):
    """The bytes of a message in a message, and so on."""
    data = b""
    for _ in range(levels):  # Value.list_value of ListValue.values, each with its length before it
        for tag in (b"\x0a", b"\x32"):
            data = tag + _length(len(data)) + data
    return data


def _length(number):
    digits = bytearray()
    while number >= 128:
        digits.append(number & 127 | 128)
        number >>= 7
    return bytes([*digits, number])


@pytest.fixture(scope="module")
def deep():
    return nested(LIMIT)


def read(data):
    return struct_pb2.Value.FromString(data)


def test_deep_messages_are_read_inside_alone(deep):
    with pytest.raises(DecodeError):
        read(deep)
    with deep_messages():
        assert read(deep).ByteSize() == len(deep)
    with pytest.raises(DecodeError):
        read(deep)


def test_the_last_user_sets_the_limit_again_also_after_an_error(deep):
    with deep_messages():
        with pytest.raises(KeyError), deep_messages():
            raise KeyError
        read(deep)
    with pytest.raises(DecodeError):
        read(deep)


def test_secure_sums_lift_it(tmp_path, deep):
    from crypto import DoubleMasking
    from tff_health import secure_sums

    with secure_sums(DoubleMasking(), log_path=tmp_path / "log"):
        read(deep)
    with pytest.raises(DecodeError):
        read(deep)
