import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.codings import Fixed, KeyedByClient
from crypto.errors import DecodingError, MalformedMessageError, ParameterError
from crypto.primitives.field import SECRET_FIELD
from crypto.primitives.shamir import Share
from crypto.protocols.masking.messages import (
    AdvertisedKeys,
    DirectoryEntry,
    EncryptedShares,
    Invitation,
    KeyDirectory,
    MaskedVector,
    MessageType,
    SharePair,
)
from crypto.protocols.masking.parameters import MaskingParameters
from crypto.protocols.masking.unmasking_messages import (
    KeyShare,
    SelfMaskShare,
    SurvivorSet,
    UnmaskingAnswer,
)
from crypto.wire import HEADER_BYTES, Reader, Writer
from tests.crypto.message_laws import message_laws
from tests.crypto.protocols.masking.strategies import BY_TYPE

KINDS = list(BY_TYPE)
SESSION = bytes(32)


TestLaws = message_laws(BY_TYPE)


@pytest.mark.parametrize(
    "header", [b"", b"th", b"th\x01", b"TH\x01\x07", b"th\x02\x07", b"th\0\x07"]
)
def test_headers_of_others_are_refused(header):
    body = SurvivorSet(SESSION, (1,)).to_bytes()[HEADER_BYTES:]
    with pytest.raises(MalformedMessageError):
        SurvivorSet.from_bytes(header + body)


def test_every_type_has_its_number():
    assert sorted(kind.TYPE for kind in KINDS) == sorted(MessageType)


def test_huge_lists_are_refused_before_they_are_read():
    data = SurvivorSet(SESSION, ()).to_bytes()[:-4]
    for kind in (SurvivorSet, UnmaskingAnswer, KeyDirectory, EncryptedShares, MaskedVector):
        head = data[:3] + bytes([kind.TYPE]) + data[4:] + bytes(4)
        for count in (b"\xff\xff\xff\xff", b"\x00\x00\x00\x40"):
            with pytest.raises(MalformedMessageError):
                kind.from_bytes(head + count)


def test_an_answer_in_bytes():
    # Pins the format: header, session, sender, one entry: peer, kind, 33 bytes of share.
    answer = UnmaskingAnswer(SESSION, 5, ((7, KeyShare(Share(258))),))
    expected = b"th\x01\x0a" + SESSION + b"\x05\0\0\0" + b"\x01\0\0\0" + b"\x07\0\0\0\x01"
    assert answer.to_bytes() == expected + b"\x02\x01" + bytes(31)
    other = UnmaskingAnswer(SESSION, 5, ((7, SelfMaskShare(Share(258))),))
    assert other.to_bytes() != answer.to_bytes()


def test_both_kinds_for_one_peer_cannot_be_said():
    both = ((7, SelfMaskShare(Share(1))), (7, KeyShare(Share(2))))
    with pytest.raises(ParameterError):
        UnmaskingAnswer(SESSION, 5, both)
    data = UnmaskingAnswer(SESSION, 5, both[:1]).to_bytes()
    entry = data[-38:]
    twice = data[:-42] + b"\x02\0\0\0" + entry + entry[:4] + b"\x01" + entry[5:]
    with pytest.raises(MalformedMessageError):
        UnmaskingAnswer.from_bytes(twice)


def test_a_share_of_p_or_more_is_refused():
    data = bytearray(UnmaskingAnswer(SESSION, 5, ((7, KeyShare(Share(0))),)).to_bytes())
    data[-33:] = SECRET_FIELD.modulus.to_bytes(33, "little")
    with pytest.raises(MalformedMessageError):
        UnmaskingAnswer.from_bytes(bytes(data))
    with pytest.raises(DecodingError):
        SharePair.from_bytes(bytes(data[-66:]))
    with pytest.raises(DecodingError):
        SharePair.from_bytes(bytes(65))


def test_fields_are_checked_when_made():
    good = MaskingParameters(10, 32, 4, 3, 3)
    entry = DirectoryEntry(AdvertisedKeys(b"\1" * 32, 1, *[bytes(32)] * 3), b"")
    for make in (
        lambda: Invitation(bytes(15), 1, (1, 2, 3), good),
        lambda: Invitation(bytes(16), 2**64, (1, 2, 3), good),
        lambda: Invitation(bytes(16), 1, (1, 3, 2), good),
        lambda: Invitation(bytes(16), 1, (1, 1, 2), good),
        lambda: Invitation(bytes(16), 1, (1, 2, 2**32), good),
        lambda: Invitation(bytes(16), 1, (-1, 2, 3), good),
        lambda: AdvertisedKeys(bytes(31), 1, *[bytes(32)] * 3),
        lambda: AdvertisedKeys(SESSION, -1, *[bytes(32)] * 3),
        lambda: AdvertisedKeys(SESSION, 1, bytes(31), bytes(32), bytes(32)),
        lambda: KeyDirectory(SESSION, (entry,)),
        lambda: KeyDirectory(b"\1" * 32, (DirectoryEntry(entry.keys, bytes(63)),)),
        lambda: EncryptedShares(SESSION, 1, ((1, bytes(5)),)),
        lambda: MaskingParameters(-1, 32, 4, 3, 3),
        lambda: MaskingParameters(10, 0, 4, 3, 3),
        lambda: MaskingParameters(10, 63, 4, 3, 3),
        lambda: MaskingParameters(10, 32, 4, 6, 3),
        lambda: MaskingParameters(10, 32, 4, 0, 3),
        lambda: MaskingParameters(10, 32, 4, 3, 0),
    ):
        with pytest.raises(ParameterError):
            make()


def test_sessions_differ_if_anything_announced_differs():
    base = MaskingParameters(10, 32, 4, 3, 3)
    variants = [
        Invitation(bytes(16), 1, (1, 2, 3), base),
        Invitation(b"\1" + bytes(15), 1, (1, 2, 3), base),
        Invitation(bytes(16), 2, (1, 2, 3), base),
        Invitation(bytes(16), 1, (1, 2, 4), base),
        *(
            Invitation(bytes(16), 1, (1, 2, 3), MaskingParameters(*values))
            for values in [
                (11, 32, 4, 3, 3),
                (10, 31, 4, 3, 3),
                (10, 32, 5, 3, 3),
                (10, 32, 4, 4, 3),
                (10, 32, 4, 3, 4),
                (10, 32, 4, 3, 3, False),
            ]
        ),
    ]
    assert len({invitation.session_id() for invitation in variants}) == len(variants)


@given(st.lists(st.integers(0, 2**32 - 1), max_size=9), st.binary(max_size=20))
def test_fields_come_back(numbers, data):
    writer, pairs = Writer(), KeyedByClient(Fixed(2))
    writer.ids(numbers)
    writer.sized(data)
    pairs.write(writer, [(n, b"ab") for n in numbers])
    writer.uint(513, 2)
    reader = Reader(writer.to_bytes())
    assert reader.ids() == tuple(numbers)
    assert reader.sized() == data
    assert pairs.read(reader) == tuple((n, b"ab") for n in numbers)
    assert reader.uint(2) == 513
    reader.finish()


def test_fields_that_do_not_fit_are_refused():
    for write in (
        lambda w: w.uint(256, 1),
        lambda w: w.uint(-1, 1),
        lambda w: w.fixed(b"abc", 2),
        lambda w: w.ids([2**32]),
        lambda w: w.ids([-1]),
    ):
        with pytest.raises(ParameterError):
            write(Writer())
    with pytest.raises(DecodingError):
        Reader(b"\x02").flag()


def test_shares_do_not_print():
    pair = SharePair(Share(123456789), Share(987654321))
    assert "123456789" not in repr(pair)
    assert "987654321" not in repr(UnmaskingAnswer(SESSION, 5, ((7, KeyShare(pair.key)),)))
