from dataclasses import replace

import numpy as np
import pytest

from crypto.errors import (
    ConsistencyError,
    CryptoError,
    ForeignMessageError,
    OpeningError,
    SignatureError,
)
from crypto.parties import SERVER
from crypto.primitives.signatures import SigningIdentity
from crypto.protocols.verified_sum.messages import Transcript, VerifiedInvitation
from crypto.protocols.verified_sum.verification import check_transcript
from tests.crypto.protocols.verified_sum.cast import (
    BITS,
    CLIENTS,
    JOINT,
    KINDS,
    Words,
    qualities,
    run,
    vectors,
)


def session(kind="double masking", **plan):
    protocol = KINDS[kind]()
    result = run(protocol, **plan)
    return protocol, result, dict(protocol._signers.registry)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dropouts", [{}, {4: "masked input"}, {4: "commitment"}])
def test_anybody_can_check_a_session_later(kind, dropouts):
    _, result, registry = session(kind, dropouts=dropouts)
    total = check_transcript(result.verification.transcript, registry)
    assert total.survivors == result.survivors == tuple(c for c in CLIENTS if c not in dropouts)
    expected = sum(vectors()[client] for client in total.survivors) % 2**BITS
    np.testing.assert_array_equal(total.sum, expected.astype(np.uint64))
    np.testing.assert_array_equal(total.sum, result.sum)
    extra = (sum(qualities()[c] for c in total.survivors),) if kind in JOINT else ()
    assert total.extra == extra


def test_it_holds_nothing_but_the_invitation_and_what_was_published():
    protocol, result, _ = session()
    transcript = Transcript.from_bytes(result.verification.transcript)
    words = Words.of(transcript.published)
    assert words.signed(protocol._signers.server) == transcript.published
    assert len(words.commitments) == len(CLIENTS)
    assert "transcript" not in repr(result.verification)


def test_a_wrong_sum_is_evidence_with_the_servers_signature():
    protocol, result, registry = session()
    transcript = Transcript.from_bytes(result.verification.transcript)
    words = Words.of(transcript.published)
    words.total[3] += 1
    lie = Transcript(transcript.invitation, words.signed(protocol._signers.server)).to_bytes()
    with pytest.raises(OpeningError) as caught:
        check_transcript(lie, registry)
    assert caught.value.culprit is None
    # Nobody else can have made it: without the server's signature it proves nothing.
    framed = Transcript(transcript.invitation, words.signed(SigningIdentity.generate())).to_bytes()
    with pytest.raises(SignatureError):
        check_transcript(framed, registry)


@pytest.mark.parametrize("order", [slice(None, None, -1), slice(0, 1)])
def test_survivors_stand_once_in_their_order_and_are_enough(order):
    protocol, result, registry = session()
    transcript = Transcript.from_bytes(result.verification.transcript)
    words = Words.of(transcript.published)
    words.commitments = words.commitments[order]
    other = Transcript(transcript.invitation, words.signed(protocol._signers.server)).to_bytes()
    with pytest.raises(ConsistencyError, match=r"out of order|a sum over 1 clients, below 5"):
        check_transcript(other, registry)


def test_altered_bytes_are_refused_wherever_they_are():
    _, result, registry = session()
    data = result.verification.transcript
    places = {
        *range(150),
        *range(0, len(data), len(data) // 200),
        *range(len(data) - 70, len(data)),
    }
    for place in sorted(places):
        altered = data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :]
        with pytest.raises(CryptoError):
            check_transcript(altered, registry)
    for wrong in (b"", data[:-1], data + b"\0", data[: len(data) // 2]):
        with pytest.raises(CryptoError):
            check_transcript(wrong, registry)


def test_the_sum_of_one_session_does_not_pass_for_that_of_another():
    protocol, first, registry = session()
    second = run(protocol, 2, seed=1)
    one, other = (Transcript.from_bytes(r.verification.transcript) for r in (first, second))
    with pytest.raises(ForeignMessageError) as caught:
        check_transcript(Transcript(one.invitation, other.published).to_bytes(), registry)
    assert caught.value.culprit == SERVER


def test_signatures_are_worth_what_the_registry_is():
    _, result, registry = session()
    data = result.verification.transcript
    with pytest.raises(ForeignMessageError, match="of 4, whose verify key"):
        check_transcript(data, {c: key for c, key in registry.items() if c != 4})
    with pytest.raises(SignatureError) as caught:
        check_transcript(data, {**registry, 4: SigningIdentity.generate().verify_key})
    assert caught.value.culprit == SERVER


def test_an_invitation_that_contradicts_itself_is_refused():
    _, result, registry = session()
    transcript = Transcript.from_bytes(result.verification.transcript)
    told = VerifiedInvitation.from_bytes(transcript.invitation)
    longer = replace(told, length=told.length + 1).to_bytes()
    with pytest.raises(ConsistencyError):
        check_transcript(Transcript(longer, transcript.published).to_bytes(), registry)
