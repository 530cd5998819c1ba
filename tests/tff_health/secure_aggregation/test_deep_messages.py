"""Protobuf's limit of nesting is lifted while it is needed, and not by importing."""

import pytest
import tensorflow_federated as tff
from google.protobuf import struct_pb2
from google.protobuf.message import DecodeError

from crypto.protocols.masking.session import DoubleMasking
from tests.tff_health.secure_aggregation.test_equality import build, client_dataset
from tff_health.secure_aggregation.deep_messages import deep_messages
from tff_health.secure_aggregation.protocols import BoundProtocols
from tff_health.secure_aggregation.secure_context import SecureContext  # must not lift it
from tff_health.workers.pool import WorkerPool

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


def test_what_was_built_inside_runs_outside(tff_context, deep):
    def built():
        return build(tff.learning.ddp_secure_aggregator(0.0, expected_clients_per_round=3))

    with pytest.raises(DecodeError):
        built()
    with deep_messages():
        process = built()
    context = SecureContext(WorkerPool([tff_context]), BoundProtocols.to_all(DoubleMasking()))
    with tff.framework.get_context_stack().install(context):
        state = process.next(process.initialize(), [client_dataset(c) for c in range(3)]).state
        assert context.last_round.survivors == (0, 1, 2)
    assert state is not None
    with pytest.raises(DecodeError):
        read(deep)
