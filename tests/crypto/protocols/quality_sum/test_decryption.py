"""The decryption: only e clients are asked, others if they fail, and false answers are noticed."""

import functools
import itertools

import numpy as np
import pytest

from crypto.elgamal.threshold import KeyShare
from crypto.errors import (
    MalformedMessageError,
    ProofError,
    ReplayError,
    ThresholdError,
    WrongContentError,
    WrongTimeError,
)
from crypto.parties import SERVER
from crypto.protocols.quality_sum.client import QualityClient
from crypto.protocols.quality_sum.decryption_helper import Helper
from crypto.protocols.quality_sum.messages import PartialDecryption, QualityUpload
from crypto.protocols.quality_sum.session import HardenedQualitySum, QualitySum
from crypto.protocols.quality_sum.stages import Stage
from crypto.session.faults import Alter, Drop, Duplicate, Fault, Overtake
from crypto.session.opened_rounds import OncePerRound
from crypto.session.secure_sum import SessionAbortedError
from tests.crypto.conformance import ALTERATIONS, Recorder, random_vectors
from tests.crypto.protocols.pairwise_masking.test_session import PairwiseMaskingConformance
from tests.crypto.protocols.quality_sum.cast import BITS, Cast, plain_sums

ROUND_IDS = itertools.count()  # protocols are shared, and open one sum a round

COHORT = (2, 3, 5, 7, 11, 13)  # e = 4, so two may fail
QUALITIES = {c: 7 * c for c in COHORT}
VECTORS = random_vectors(COHORT, 9, BITS)
DECRYPTION = Stage.DECRYPTION.value


@functools.cache
def protocol(name):
    if name == "hardened":
        return HardenedQualitySum(threshold=4, key_setup="authority")
    return QualitySum(proofs=name == "with proofs")


every_kind = pytest.mark.parametrize("kind", ["paper", "with proofs", "hardened"])
proven_kinds = pytest.mark.parametrize("kind", ["with proofs", "hardened"])


def run(kind, **plan):
    shared = protocol(kind)
    shared._once = OncePerRound()  # the vectors stand for new ones in each session
    return shared.sum(VECTORS, QUALITIES, BITS, max_quality=100, round_id=next(ROUND_IDS), **plan)


def assert_exact(result, survivors=COHORT):
    total, quality_sum = plain_sums(VECTORS, QUALITIES, survivors)
    assert result.survivors == survivors
    np.testing.assert_array_equal(result.sum, total)
    assert result.quality_sum == quality_sum


def asked(result):
    """How many requests and answers were sent, by the costs."""
    rows = [row for row in result.costs.messages if row.stage == DECRYPTION]
    return {row.direction: row.count for row in rows}


@every_kind
def test_e_clients_are_asked(kind):
    assert asked(run(kind)) == {"down": 4, "up": 4}


def test_who_is_asked_is_drawn_at_random():
    recorder = Recorder()
    fault = Fault(Alter(recorder), DECRYPTION, receiver=SERVER)
    sets = set()
    for _ in range(30):
        recorder.messages.clear()
        run("paper", faults=[fault])
        sets.add(tuple(PartialDecryption.from_bytes(m).sender for m in recorder.messages))
    # All of the 15 sets are alike: fewer than 5 in 30 draws has a chance of 10^-12.
    assert len(sets) >= 5
    assert {client for helpers in sets for client in helpers} == set(COHORT)


@every_kind
@pytest.mark.parametrize("gone", [COHORT[:1], COHORT[:2], COHORT[-2:]])
def test_others_are_asked_if_some_do_not_answer(kind, gone):
    for _ in range(2):
        result = run(kind, dropouts=dict.fromkeys(gone, DECRYPTION))
        assert_exact(result)
        assert result.refusals == ()
        assert asked(result)["down"] % 4 == 0


@every_kind
def test_below_the_threshold_it_aborts(kind):
    with pytest.raises(SessionAbortedError) as caught:
        run(kind, dropouts=dict.fromkeys(COHORT[:3], DECRYPTION))
    assert caught.value.stage == DECRYPTION
    assert isinstance(caught.value.reason, ThresholdError)


# Without proofs or signatures a false value is noticed in the sum only: see below.
NOTICED = [
    (kind, name)
    for kind, names in {
        "paper": PairwiseMaskingConformance.alterations,
        "with proofs": ALTERATIONS,
        "hardened": ALTERATIONS,
    }.items()
    for name in names
]


@pytest.mark.parametrize(("kind", "name"), NOTICED)
def test_altered_answers_are_refused_and_others_asked(kind, name):
    victim = 7
    fault = Fault(Alter(ALTERATIONS[name]), DECRYPTION, victim, SERVER)
    result = run(kind, faults=[fault])
    assert_exact(result)
    assert {refusal.error.culprit for refusal in result.refusals} <= {victim}
    assert len(result.refusals) == (asked(result)["down"] - 4) // 4


@every_kind
@pytest.mark.parametrize("name", ["magic", "type", "session", "truncated", "empty", "noise"])
def test_altered_requests_are_refused_and_others_asked(kind, name):
    fault = Fault(Alter(ALTERATIONS[name]), DECRYPTION, SERVER, 5)
    result = run(kind, faults=[fault])
    assert_exact(result)
    assert {refusal.error.culprit for refusal in result.refusals} <= {SERVER}
    assert {refusal.by for refusal in result.refusals} <= {5}


@every_kind
@pytest.mark.parametrize("direction", ["up", "down"])
def test_lost_duplicated_and_reordered_messages_do_no_harm(kind, direction):
    ends = (3, SERVER) if direction == "up" else (SERVER, 3)
    assert_exact(run(kind, faults=[Fault(Drop(), DECRYPTION, *ends)]))
    result = run(kind, faults=[Fault(Duplicate(), DECRYPTION, *ends)])
    assert_exact(result)
    assert [type(r.error) for r in result.refusals] in ([], [ReplayError])
    assert_exact(run(kind, faults=[Fault(Overtake(), DECRYPTION)]))


@every_kind
def test_answers_of_an_earlier_session_are_refused(kind):
    recorders = {client: Recorder() for client in COHORT}
    record = [Fault(Alter(r), DECRYPTION, c, SERVER) for c, r in recorders.items()]
    run(kind, faults=record)
    old = {client: r.messages[0] for client, r in recorders.items() if r.messages}
    replays = [
        Fault(Alter(lambda _, c=client: old[c]), DECRYPTION, client, SERVER)
        for client in list(old)[:2]
    ]
    result = run(kind, faults=replays)
    assert_exact(result)
    assert {refusal.error.culprit for refusal in result.refusals} <= set(old)


# False answers


class FalseShare(Helper):
    """A helper that decrypts with another share than its own."""

    def help(self, data, agreed):
        held = self._held
        self._held = type(held)(held.system, KeyShare(held.share.point, held.share.value + 1))
        try:
            return super().help(data, agreed)
        finally:
            self._held = held


class LyingClient(QualityClient):
    def join(self, data, binding=b""):
        part, answer = super().join(data, binding)
        if self.client_id == 2:
            part._helper.__class__ = FalseShare
        return part, answer


@proven_kinds
def test_a_false_partial_decryption_is_refused_and_others_asked(kind):
    for _ in range(40):
        cast = Cast(4, hardened=kind == "hardened", proofs=True, client_class=LyingClient).unmask()
        totals = cast.decrypt()
        assert totals.quality_sum == sum(cast.qualities.values())
        if cast.refused:
            break
    else:
        pytest.fail("client 2 was never drawn: one in 4^40")
    assert [(type(error), error.culprit) for error in cast.refused] == [(ProofError, 2)]


def test_without_proofs_a_false_partial_decryption_ends_the_session_without_a_sum():
    cast = Cast(3, client_class=LyingClient).unmask()
    with pytest.raises(WrongContentError, match="do not add up"):
        cast.decrypt()


def test_an_answer_to_another_attempt_is_refused():
    cast = Cast(7, threshold=4).unmask()
    first = cast.server.request_help()
    answers = {helper: cast.parts[helper].help(data) for helper, data in first.items()}
    *quick, _ = first
    for helper in quick:
        cast.server.receive(helper, answers[helper])
    second = cast.server.request_help()  # 4 of the 3 that answered and the 3 that were not asked
    both = next(helper for helper in quick if helper in second)
    with pytest.raises(WrongContentError, match="another request"):
        cast.server.receive(both, answers[both])
    for helper, data in second.items():
        cast.server.receive(helper, cast.parts[helper].help(data))
    assert cast.server.totals().quality_sum == sum(cast.qualities.values())


# Out of range


class Boaster(QualityClient):
    """Client 2 says that it may report any quality, and proves that."""

    def join(self, data, binding=b""):
        part, answer = super().join(data, binding)
        if self.client_id == 2:
            wide = type(part._parameters)(
                part._parameters.phi, 1000, part._parameters.proofs, part._parameters.checked
            )
            part._parameters = part._encryption._parameters = wide
        return part, answer


@pytest.mark.parametrize("hardened", [False, True])
@pytest.mark.parametrize("quality", [101, 1000, 3])
def test_a_quality_without_a_proof_of_its_range_is_refused_with_its_vector(hardened, quality):
    qualities = {1: 10, 2: quality, 3: 30, 4: 40, 5: 50}
    cast = Cast(5, hardened=hardened, proofs=True, qualities=qualities, client_class=Boaster)
    cast.join().step("share keys")
    cast.down["masked input"] = cast.openings["masked input"]()
    for client, data in cast.down["masked input"].items():
        upload = cast.parts[client].step("masked input", data, cast.contribution(client))
        if client == 2:
            with pytest.raises((ProofError, MalformedMessageError)) as caught:
                cast.server.receive(client, upload)
            assert caught.value.culprit == 2
        else:
            cast.server.receive(client, upload)
    for stage in list(cast.openings)[3:]:
        cast.step(stage)
    cast.server.unmask()
    totals = cast.decrypt()
    expected = plain_sums(cast.vectors, qualities, (1, 3, 4, 5))
    assert totals.survivors == (1, 3, 4, 5)
    np.testing.assert_array_equal(totals.sum, expected[0])
    assert totals.quality_sum == expected[1]


@pytest.mark.parametrize("proofs", [False, True])
def test_proofs_where_there_should_be_none_and_none_where_there_should(proofs):
    cast = Cast(5, proofs=proofs).join().step("share keys")
    messages = cast.openings["masked input"]()
    upload = QualityUpload.from_bytes(
        cast.parts[1].step("masked input", messages[1], cast.contribution(1))
    )
    other = QualityUpload(
        upload.masked, quality=upload.quality, range_proof=b"" if proofs else b"proof"
    )
    with pytest.raises(MalformedMessageError):
        cast.server.receive(1, other.to_bytes())
    cast.server.receive(1, upload.to_bytes())  # the refused one has left nothing behind
    with pytest.raises(ReplayError):
        cast.server.receive(1, upload.to_bytes())


# One upload, both parts or nothing


def test_a_part_of_an_upload_does_not_count():
    cast = Cast(5).join().step("share keys")
    messages = cast.openings["masked input"]()
    uploads = {
        client: QualityUpload.from_bytes(
            cast.parts[client].step("masked input", data, cast.contribution(client))
        )
        for client, data in messages.items()
    }
    first, second = uploads[1], uploads[2]
    for data in (
        first.masked,
        first.quality,
        QualityUpload(first.quality, quality=first.quality).to_bytes(),
        QualityUpload(second.masked, quality=first.quality).to_bytes(),
        QualityUpload(first.masked, quality=second.quality).to_bytes(),
        QualityUpload(first.masked[:-1], quality=first.quality).to_bytes(),
        QualityUpload(b"", quality=first.quality).to_bytes(),
    ):
        with pytest.raises(Exception) as caught:
            cast.server.receive(1, data)
        assert caught.value.culprit == 1
    for client, upload in uploads.items():
        cast.server.receive(client, upload.to_bytes())
    cast.step("recovery")
    cast.server.unmask()
    totals = cast.decrypt()
    assert totals.survivors == cast.cohort
    expected = plain_sums(cast.vectors, cast.qualities, cast.cohort)
    np.testing.assert_array_equal(totals.sum, expected[0])


def test_stages_of_the_decryption_cannot_be_skipped():
    cast = Cast(3)
    with pytest.raises(WrongTimeError):
        cast.server.totals()
    cast.unmask()
    with pytest.raises(WrongTimeError):
        cast.server.totals()
    cast.decrypt()
