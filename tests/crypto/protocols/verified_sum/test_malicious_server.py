"""A server that lies about the sum, carried out: every client that is told the lie refuses it."""

from dataclasses import replace

import numpy as np
import pytest

from crypto.commitments.commitment import commit
from crypto.errors import (
    ConsistencyError,
    ForeignMessageError,
    MalformedMessageError,
    OpeningError,
    SignatureError,
)
from crypto.parties import SERVER
from crypto.primitives.signatures import SigningIdentity
from crypto.protocols.verified_sum.messages import CommittedVector, Transcript
from crypto.protocols.verified_sum.stages import Stage
from crypto.protocols.verified_sum.verification import check_transcript
from crypto.session.faults import Alter, Fault
from crypto.session.signing import sign_message
from tests.crypto.protocols.verified_sum.cast import (
    BITS,
    CLIENTS,
    JOINT,
    KINDS,
    MAX_QUALITY,
    Words,
    lying,
    misleading,
    qualities,
    run,
    terms_of,
    vectors,
    watch_secrets,
)

LIAR = 9  # the client that helps the server where one must
HONEST = tuple(client for client in CLIENTS if client != LIAR)


def altered_coordinate(words):
    words.total[17] += 1


def scaled(words):
    words.total *= 3


def replaced(words):
    words.total = np.zeros_like(words.total)


def without_a_client(words):
    """The sum of the others, which a server knows that has one client's vector, under all names."""
    words.total -= vectors()[4]


def client_counted_twice(words):
    words.total += vectors()[4]


def another_secret(words):
    words.secret[0] += 1


def other_extra(words):
    words.extra = (*words.extra, 1)


OPENS_NOTHING = [
    altered_coordinate,
    scaled,
    replaced,
    without_a_client,
    client_counted_twice,
    another_secret,
]


def survivor_left_out(words):
    words.commitments = words.commitments[1:]


def survivor_twice(words):
    words.commitments = (words.commitments[0], words.commitments[0], *words.commitments[2:])


def survivors_out_of_order(words):
    words.commitments = words.commitments[::-1]


def one_survivor(words):
    words.commitments = words.commitments[:1]


def shorter(words):
    words.total = words.total[:-1]


def forged_commitment(words):
    first = bytearray(words.commitments[0])
    first[60] ^= 1
    words.commitments = (bytes(first), *words.commitments[1:])


def stranger(words):
    last = CommittedVector.from_bytes(words.commitments[-1][:-64])
    message = replace(last, sender=77)
    signed = sign_message(message, SigningIdentity.generate())
    words.commitments = (*words.commitments[:-1], signed)


INADMISSIBLE = {
    survivor_twice: ConsistencyError,
    survivors_out_of_order: ConsistencyError,
    one_survivor: ConsistencyError,
    other_extra: ConsistencyError,
    shorter: MalformedMessageError,
    forged_commitment: SignatureError,
    stranger: ForeignMessageError,
}


def assert_all_refuse(result, error, culprit, told=CLIENTS):
    refusals = {refusal.by: refusal.error for refusal in result.refusals}
    assert refusals.keys() == set(told)
    assert {type(refused) for refused in refusals.values()} == {error}
    assert {refused.culprit for refused in refusals.values()} == {culprit}
    assert set(result.verification.receipts) == set(CLIENTS) - set(told)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lie", OPENS_NOTHING)
def test_a_wrong_sum_is_refused_by_everybody_and_nobody_is_named(kind, lie):
    protocol = KINDS[kind]()
    result = run(protocol, faults=lying(protocol, lie))
    assert_all_refuse(result, OpeningError, None)


@pytest.mark.parametrize("lie", INADMISSIBLE)
def test_what_no_honest_server_publishes_is_refused_and_the_server_named(lie):
    protocol = KINDS["double masking"]()
    result = run(protocol, faults=lying(protocol, lie))
    assert_all_refuse(result, INADMISSIBLE[lie], SERVER)


def test_a_survivor_left_out_of_the_list_but_not_of_the_sum():
    protocol = KINDS["double masking"]()
    result = run(protocol, faults=lying(protocol, survivor_left_out))
    assert_all_refuse(result, OpeningError, None)


@pytest.mark.parametrize("kind", KINDS)
def test_a_partial_sum_that_opens_the_commitments_of_the_rest(kind):
    """A server that could open the sum of some, and says that one client dropped out."""
    protocol, left_out = KINDS[kind](), CLIENTS[0]
    secrets = watch_secrets(protocol, [left_out])

    def partial(words):
        words.commitments = words.commitments[1:]
        words.total -= vectors()[left_out]
        words.secret -= secrets[left_out]
        words.extra = tuple(total - qualities()[left_out] for total in words.extra)

    result = run(protocol, faults=lying(protocol, partial))
    refusals = {refusal.by: refusal.error for refusal in result.refusals if refusal.by != SERVER}
    # It is a true sum of theirs; but who is left out knows better, and so do all who had agreed.
    agreed = kind in ("double masking", "hardened scheme V")
    assert refusals.keys() == (set(CLIENTS) if agreed else {left_out})
    assert {type(error) for error in refusals.values()} == {ConsistencyError}
    assert {error.culprit for error in refusals.values()} == {SERVER}


@pytest.mark.parametrize("kind", KINDS)
def test_the_sum_of_an_earlier_round(kind):
    protocol, kept = KINDS[kind](), []

    def keep(data):
        kept.append(data)
        return data

    faults = [Fault(Alter(keep), Stage.VERIFICATION.value, SERVER)]
    assert run(protocol, faults=faults).refusals == ()
    stale = Words.of(kept[0])

    def as_it_was(words):
        return kept[0]

    result = run(protocol, 2, seed=1, faults=lying(protocol, as_it_was))
    assert_all_refuse(result, ForeignMessageError, SERVER)

    def in_a_new_frame(words):
        words.total, words.secret, words.extra = stale.total, stale.secret, stale.extra

    result = run(protocol, 3, seed=2, faults=lying(protocol, in_a_new_frame))
    assert_all_refuse(result, OpeningError, None)

    def with_its_commitments(words):
        in_a_new_frame(words)
        words.commitments = stale.commitments

    result = run(protocol, 4, seed=3, faults=lying(protocol, with_its_commitments))
    assert_all_refuse(result, ForeignMessageError, SERVER)


@pytest.mark.parametrize("kind", KINDS)
def test_a_colluding_client_cannot_choose_its_commitment_after_the_sum(kind):
    """With one client's key the server makes any sum fit, unless commitments come first."""
    protocol, fitting = KINDS[kind](), []
    secrets = watch_secrets(protocol, [LIAR])

    def fitted(words):
        chosen = vectors()[LIAR] + 1000  # so that the sum becomes what the server wants
        extra = [qualities()[LIAR]] if kind in JOINT else []
        made, opening = commit(np.concatenate([chosen, np.array(extra, int)]), terms.parameters)
        message = CommittedVector(words.session_id, LIAR, made.to_bytes())
        signed = sign_message(message, protocol._signers._consortium.identity(LIAR))
        words.commitments = (*words.commitments[:-1], signed)
        words.total = words.total + 1000
        words.secret = words.secret + opening.secret - secrets[LIAR]
        fitting.append(words.signed(protocol._signers.server))

    terms = terms_of(kind)
    result = run(protocol, faults=lying(protocol, fitted, HONEST))
    refusals = {refusal.by: refusal.error for refusal in result.refusals}
    assert refusals.keys() == set(HONEST)
    assert {type(error) for error in refusals.values()} == {ConsistencyError}
    assert all("client 9 than was listed" in error.what for error in refusals.values())
    # Who has seen nothing but the transcript cannot tell: the sum does open the commitments.
    invitation = Transcript.from_bytes(result.verification.transcript).invitation
    later = Transcript(invitation, fitting[0]).to_bytes()
    total = check_transcript(later, protocol._signers.registry)
    np.testing.assert_array_equal(total.sum, (result.sum + np.uint64(1000)) % np.uint64(2**BITS))


def test_clients_that_are_told_different_sums_leave_evidence_each():
    protocol = KINDS["double masking"]()
    told = CLIENTS[:2]
    result = run(protocol, faults=lying(protocol, altered_coordinate, told))
    assert_all_refuse(result, OpeningError, None, told)


@pytest.mark.parametrize("kind", KINDS)
def test_the_list_of_commitments_before_the_upload_cannot_be_another(kind):
    def mine_changed(listed):
        return listed | {4: bytes(32)}

    def mine_missing(listed):
        return {client: digest for client, digest in listed.items() if client != 4}

    def stranger_listed(listed):
        return listed | {77: bytes(32)}

    for change in (mine_changed, mine_missing, stranger_listed):
        protocol = KINDS[kind]()
        result = run(protocol, faults=misleading(change, [4]))
        refusal = next(refusal for refusal in result.refusals if refusal.by == 4)
        assert (type(refusal.error), refusal.error.culprit) in (
            (ConsistencyError, SERVER),
            (MalformedMessageError, SERVER),
        )
        assert 4 not in result.survivors  # it has uploaded nothing


def test_a_list_with_a_stranger_in_place_of_a_client_is_refused():
    protocol = KINDS["double masking"]()

    def exchanged(listed):
        return {77: bytes(32)} | {client: listed[client] for client in listed if client != 7}

    result = run(protocol, faults=misleading(exchanged, [4]))
    refusal = next(refusal for refusal in result.refusals if refusal.by == 4)
    assert (type(refusal.error), refusal.error.culprit) == (ConsistencyError, SERVER)
    assert "never invited" in refusal.error.what
    assert 4 not in result.survivors


def test_a_client_of_another_cohort_has_no_part_in_the_sum():
    protocol = KINDS["double masking"]()
    protocol.client(77)

    def outsider(words):
        last = CommittedVector.from_bytes(words.commitments[-1][:-64])
        signed = sign_message(replace(last, sender=77), protocol.identity(77))
        words.commitments = (*words.commitments[:-1], signed)

    result = run(protocol, faults=lying(protocol, outsider))
    assert_all_refuse(result, ForeignMessageError, SERVER)
    assert all("no client of it" in refusal.error.what for refusal in result.refusals)


def test_a_commitment_that_was_not_listed_for_one_client_is_refused_by_it_alone():
    protocol = KINDS["double masking"]()

    def other_changed(listed):
        return listed | {7: bytes(32)}

    result = run(protocol, faults=misleading(other_changed, [4]))
    assert_all_refuse(result, ConsistencyError, SERVER, [4])


def test_a_sum_signed_by_another_or_nobody():
    for forge in (
        lambda words: words.signed(SigningIdentity.generate()),
        lambda words: words.signed(SigningIdentity.generate())[:-64] + bytes(64),
    ):
        protocol = KINDS["double masking"]()
        result = run(protocol, faults=lying(protocol, forge))
        assert_all_refuse(result, SignatureError, SERVER)


@pytest.mark.parametrize("kind", JOINT)
def test_the_sum_of_qualities_is_checked_too(kind):
    def more(words):
        words.extra = (words.extra[0] + 1,)

    def too_much(words):
        words.extra = (len(CLIENTS) * MAX_QUALITY + 1,)

    def none(words):
        words.extra = ()

    for lie, error, culprit in (
        (more, OpeningError, None),
        (too_much, ConsistencyError, SERVER),
        (none, ConsistencyError, SERVER),
    ):
        protocol = KINDS[kind]()
        assert_all_refuse(run(protocol, faults=lying(protocol, lie)), error, culprit)
