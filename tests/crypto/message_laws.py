"""The laws that the messages of every protocol obey; test modules say which messages."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto.errors import MalformedMessageError
from crypto.wire import message_type


def message_laws(by_type):
    """Return a class of tests; Hypothesis wants another one for each use.

    `by_type` maps message classes to their random messages.
    """
    any_message = st.one_of(*by_type.values())
    any_kind = st.sampled_from(list(by_type))

    class Laws:
        @given(st.data())
        def test_messages_come_back(self, data):
            message = data.draw(any_message)
            encoded = message.to_bytes()
            assert type(message).from_bytes(encoded) == message
            assert message_type(encoded) == message.TYPE

        @settings(max_examples=300)
        @given(st.data())
        def test_what_is_read_is_written_the_same(self, data):
            """There is one encoding: altered bytes are refused or mean something else."""
            message = data.draw(any_message)
            encoded = bytearray(message.to_bytes())
            for _ in range(data.draw(st.integers(1, 3))):
                position = data.draw(st.integers(0, len(encoded) - 1))
                encoded[position] = data.draw(st.integers(0, 255))
            altered = bytes(encoded)
            try:
                read = type(message).from_bytes(altered)
            except MalformedMessageError:
                return
            assert read.to_bytes() == altered

        @given(st.data(), st.integers(1, 400))
        def test_every_prefix_and_extension_is_refused(self, data, cut):
            message = data.draw(any_message)
            encoded = message.to_bytes()
            for wrong in (encoded[: -min(cut, len(encoded))], encoded + b"\0", encoded + encoded):
                with pytest.raises(MalformedMessageError):
                    type(message).from_bytes(wrong)

        @settings(max_examples=200)
        @given(st.data(), st.binary(max_size=200), st.booleans())
        def test_noise_is_refused(self, data, noise, with_header):
            kind = data.draw(any_kind)
            encoded = b"th" + bytes([1, kind.TYPE]) + noise if with_header else noise
            try:
                message = kind.from_bytes(encoded)
            except MalformedMessageError:
                return
            assert message.to_bytes() == encoded

        @given(st.data())
        def test_types_are_not_confused(self, data):
            message, kind = data.draw(any_message), data.draw(any_kind)
            if kind is not type(message):
                with pytest.raises(MalformedMessageError):
                    kind.from_bytes(message.to_bytes())

    return Laws


def sample_laws(samples):
    """Return a class of tests that try every byte of single messages."""

    @pytest.mark.parametrize("message", samples, ids=lambda m: type(m).__qualname__)
    class Laws:
        def test_it_comes_back(self, message):
            assert type(message).from_bytes(message.to_bytes()) == message

        def test_only_the_whole_of_it_is_read(self, message):
            data = message.to_bytes()
            for wrong in (*(data[:end] for end in range(len(data))), data + b"\0", b"\0" + data):
                with pytest.raises(MalformedMessageError):
                    type(message).from_bytes(wrong)

        def test_changed_bytes_are_refused_or_another_message(self, message):
            data = message.to_bytes()
            for position in range(len(data)):
                for flip in (1, 0x80, 0xFF):
                    other = data[:position] + bytes([data[position] ^ flip]) + data[position + 1 :]
                    try:
                        read = type(message).from_bytes(other)
                    except MalformedMessageError:
                        continue
                    assert read != message
                    assert read.to_bytes() == other

    return Laws
