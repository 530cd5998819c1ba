"""Each protective line of key generation alone: what it refuses, and that nothing else does so."""

from dataclasses import replace

import pytest

from crypto.errors import (
    AuthenticationError,
    ConsistencyError,
    DecodingError,
    ForeignMessageError,
    MalformedMessageError,
    ShareError,
    SignatureError,
    ThresholdError,
    WrongContentError,
)
from crypto.groups.secp256k1 import SECP256K1
from crypto.parties import SERVER
from crypto.primitives.key_agreement import AgreementKeyPair
from crypto.primitives.signatures import SigningIdentity
from crypto.protocols.dkg.accusations import Complaints, Evidence
from crypto.protocols.dkg.client import DkgClient
from crypto.protocols.dkg.dealer import Dealer, ShareChannel
from crypto.protocols.dkg.decoding import read_board
from crypto.protocols.dkg.messages import AdvertisedKeys, Board, Dealing, Posting
from crypto.protocols.dkg.record import PublicRecord
from crypto.protocols.dkg.session import run_generation
from crypto.protocols.dkg.shares import SharePair
from crypto.protocols.dkg.stages import Stage
from crypto.randomness import SYSTEM
from crypto.session.faults import Alter, Fault
from crypto.session.signing import SIGNED_MESSAGE
from tests.crypto.protocols.dkg.test_cheating import CHEAT, CLIENTS, cast

COHORT = (1, 2, 3, 4)
SID = bytes(range(32))


def keys_of():
    return {
        own: {peer: AgreementKeyPair.generate() for peer in COHORT if peer != own} for own in COHORT
    }


class Scene:
    """A record after the dealing, and everything that led to it."""

    def __init__(self, bad=None, threshold=3):
        self.record = PublicRecord(SECP256K1, COHORT, threshold, SID, signed=True)
        self.keys = keys_of()
        self.pairs = {}
        for own, pairs in self.keys.items():
            message = AdvertisedKeys(SID, own, tuple((p, k.public) for p, k in pairs.items()))
            self.record.check_keys(message)
            self.record.post_keys(message)
        self.transcript = self.record.transcript
        for own in COHORT:
            message = self.dealing(own, garbage=own == bad)
            commitments = self.record.check_dealing(message, self.transcript)
            self.record.post_dealing(message, commitments)

    def dealing(self, own, garbage=False):
        dealer = Dealer(SECP256K1, 3, SYSTEM)
        points = {peer: COHORT.index(peer) + 1 for peer in COHORT if peer != own}
        pairs = {peer: dealer.pair_at(point) for peer, point in points.items()}
        self.pairs[own] = pairs
        receivers = {peer: self.keys[peer][own].public for peer in pairs}
        sealed = self.record.channel.encrypt(own, self.keys[own], receivers, pairs)
        if garbage:
            sealed = tuple((peer, bytes(len(data))) for peer, data in sealed)
        self.feldman = {**getattr(self, "feldman", {}), own: dealer.feldman_commitments()}
        return Dealing(SID, own, self.transcript, dealer.pedersen_commitments(), sealed)

    def evidence(self, dealer, accuser):
        return self.record.evidence(dealer, self.keys[accuser][dealer])


def test_keys_are_one_for_each_other_client():
    record = PublicRecord(SECP256K1, COHORT, 3, SID, signed=True)
    keys = [AgreementKeyPair.generate().public for _ in range(4)]
    for peers in ((2, 3), (2, 3, 4, 5), (1, 2, 3), (1, 2, 3, 4), ()):
        pairs = tuple(zip(peers, keys, strict=False))
        with pytest.raises(ConsistencyError, match="one for each"):
            record.check_keys(AdvertisedKeys(SID, 1, pairs))


def test_no_key_stands_in_two_places():
    record = PublicRecord(SECP256K1, COHORT, 3, SID, signed=True)
    a, b, c, d = (AgreementKeyPair.generate().public for _ in range(4))
    with pytest.raises(ConsistencyError, match="two names"):
        record.check_keys(AdvertisedKeys(SID, 1, ((2, a), (3, a), (4, b))))
    record.post_keys(AdvertisedKeys(SID, 1, ((2, a), (3, b), (4, c))))
    with pytest.raises(ConsistencyError, match="two names"):
        record.check_keys(AdvertisedKeys(SID, 2, ((1, d), (3, b), (4, SID))))


def test_dealings_are_whole_and_under_the_keys_that_were_posted():
    scene = Scene()
    good = scene.dealing(1)
    scene.record.check_dealing(good, scene.transcript)
    first, *rest = good.ciphertexts
    for wrong, error in (
        (replace(good, transcript=bytes(32)), ConsistencyError),
        (replace(good, ciphertexts=tuple(rest)), ConsistencyError),
        (replace(good, ciphertexts=((1, first[1]), *good.ciphertexts)), ConsistencyError),
        (replace(good, ciphertexts=((first[0], first[1][:-1]), *rest)), MalformedMessageError),
        (replace(good, ciphertexts=((first[0], first[1] + b"0"), *rest)), MalformedMessageError),
        (replace(good, commitments=good.commitments[:-33]), MalformedMessageError),
        (replace(good, commitments=b"\x05" * 99), MalformedMessageError),
    ):
        with pytest.raises(error):
            scene.record.check_dealing(wrong, scene.transcript)


def test_true_evidence_convicts_the_dealer_and_nobody_else():
    scene = Scene(bad=4)
    complaints = {a: Complaints(SID, a, (4,), (scene.evidence(4, a),)) for a in (1, 2)}
    scene.record.post_complaints(complaints)
    assert scene.record.qualified == {1, 2, 3}
    (verdict,) = scene.record.verdicts
    assert isinstance(verdict, ShareError)
    assert verdict.culprit == 4


@pytest.mark.parametrize("what", ["none", "right shares", "another key"])
def test_false_complaints_name_their_accuser(what):
    scene = Scene()
    evidence = {
        "none": (),
        "right shares": (scene.evidence(2, 1),),
        "another key": (scene.record.evidence(2, AgreementKeyPair.generate()),),
    }[what]
    scene.record.post_complaints({1: Complaints(SID, 1, (2,), evidence)})
    assert scene.record.qualified == set(COHORT)
    (verdict,) = scene.record.verdicts
    assert verdict.culprit == 1


@pytest.mark.parametrize("what", ["another dealing", "no dealer", "itself"])
def test_complaints_that_a_server_had_to_refuse_count_for_nothing(what):
    scene = Scene(bad=2)
    true = scene.evidence(2, 1)
    complaint = {
        "another dealing": Complaints(SID, 1, (2,), (replace(true, dealing=bytes(32)),)),
        "no dealer": Complaints(SID, 1, (2, 9), (true,)),
        "itself": Complaints(SID, 1, (1, 2), (true,)),
    }[what]
    with pytest.raises(ConsistencyError):
        scene.record.check_complaints(complaint)
    scene.record.post_complaints({1: complaint})
    assert scene.record.qualified == set(COHORT)
    (verdict,) = scene.record.verdicts
    assert verdict.culprit == SERVER


def test_e_dealers_must_qualify():
    scene = Scene(bad=4, threshold=3)
    scene.record.post_complaints({1: Complaints(SID, 1, (4,), (scene.evidence(4, 1),))})
    scene = Scene(bad=4, threshold=3)
    del scene.record._dealings[3], scene.record._committed[3]
    with pytest.raises(ThresholdError, match="qualified dealers"):
        scene.record.post_complaints({1: Complaints(SID, 1, (4,), (scene.evidence(4, 1),))})


def test_a_transcript_binds_session_order_senders_and_bodies():
    first, second = Posting(1, b"a", b""), Posting(2, b"b", b"")

    def after(*boards, session=SID):
        record = PublicRecord(SECP256K1, COHORT, 3, session, signed=True)
        for board in boards:
            record.extend_transcript(board)
        return record.transcript

    transcripts = [
        after(),
        after(session=bytes(32)),
        after([first, second]),
        after([first], [second]),
        after([second], [first]),
        after([second]),
        after([replace(first, sender=3), second]),
        after([replace(first, body=b"c"), second]),
        after([first, second], session=bytes(32)),
    ]
    assert len(set(transcripts)) == len(transcripts)


def finished():
    scene = Scene()
    scene.record.post_complaints({})
    read = scene.record.read_elements
    scene.record.post_feldman({c: read(scene.feldman[c]) for c in COHORT})
    return scene


def test_what_clients_confirm_binds_session_dealers_and_key():
    scene = finished()
    digests = {scene.record.digest(SID), scene.record.digest(bytes(32))}
    key = scene.record.key
    scene.record.qualified = frozenset(COHORT[:3])
    digests.add(scene.record.digest(SID))
    made = key()
    scene.record.key = lambda: made
    digests.add(scene.record.digest(SID))
    scene.record.qualified = frozenset(COHORT)
    digests.add(scene.record.digest(SID))
    assert len(digests) == 4  # the third and the fourth say the same


def test_exposures_are_judged_by_both_commitments():
    scene = finished()
    right = scene.pairs[2][1]
    false = SharePair((right.share + 1) % SECP256K1.order, right.blinding)
    for pair in (right, false):
        scene.record.post_exposures({1: {2: pair}})
    assert [e.culprit for e in scene.record.verdicts] == [1, 1]
    assert not scene.record.broken
    scene.record._feldman[2] = scene.record._feldman[3]
    scene.record.post_exposures({1: {2: false}})
    assert not scene.record.broken
    scene.record.post_exposures({1: {2: right}})
    assert scene.record.broken == {2}
    assert scene.record.verdicts[-1].culprit == 2


def test_e_parts_stay_secret():
    scene = finished()
    scene.record.broken = frozenset({1, 2})
    with pytest.raises(ThresholdError, match="stays secret"):
        scene.record.post_exposures({})


def test_right_shares_alone_reconstruct_a_part():
    scene = finished()
    expected = scene.record._feldman.pop(4)
    scene.record.broken = frozenset({4})
    right = {c: {4: scene.pairs[4][c]} for c in (1, 2, 3)}
    pair = right[2][4]
    false = SharePair((pair.share + 1) % SECP256K1.order, pair.blinding)
    for wrong in ({4: false}, {}):
        with pytest.raises(ThresholdError):
            scene.record.post_reveals({**right, 2: wrong})
        assert scene.record.verdicts[-1].culprit == 2
    scene.record.post_reveals(right)
    assert scene.record._feldman[4] == expected


def test_a_ciphertext_is_bound_to_dealer_receiver_session_and_keys():
    one, two, three = (AgreementKeyPair.generate() for _ in range(3))
    channel, pair = ShareChannel(SECP256K1, SID), SharePair(5, 6)
    ((_, sealed),) = channel.encrypt(1, {2: one}, {2: two.public}, {2: pair})
    assert channel.open(1, one.public, 2, two, sealed) == pair
    tags = {
        ShareChannel(SECP256K1, s)._binding(d, r)
        for s, d, r in (
            (SID, 1, 2),
            (SID, 1, 3),
            (SID, 3, 2),
            (SID, 2, 1),
            (bytes(32), 1, 2),
        )
    }
    assert len(tags) == 5
    for opening in (
        lambda: channel.open(1, three.public, 2, two, sealed),
        lambda: channel.open(1, one.public, 2, three, sealed),
        lambda: channel.open(1, one.public, 3, two, sealed),
        lambda: channel.open(3, one.public, 2, two, sealed),
        lambda: ShareChannel(SECP256K1, bytes(32)).open(1, one.public, 2, two, sealed),
    ):
        with pytest.raises(AuthenticationError):
            opening()
    with pytest.raises(WrongContentError):
        channel.open(1, bytes(32), 2, two, sealed)
    with pytest.raises(DecodingError):
        SharePair.from_bytes(bytes(63), SECP256K1)


def test_postings_are_of_their_session_client_and_signature():
    identities = {c: SigningIdentity.generate() for c in COHORT[:3]}
    registry = {c: i.verify_key for c, i in identities.items()}

    def posting(sender=1, session=SID, signer=1, outer=None):
        body = Complaints(session, sender, ()).to_bytes()
        signature = identities[signer].sign(SIGNED_MESSAGE, body) if signer else b""
        return Posting(sender if outer is None else outer, body, signature)

    def read(post, known=registry):
        return read_board((post,), Complaints, COHORT, SID, known)

    assert read(posting())[1].sender == 1
    assert read(posting(signer=None), None)[1].sender == 1
    for wrong, known, error in (
        (posting(session=bytes(32)), registry, ForeignMessageError),
        (posting(outer=2, signer=2), registry, ForeignMessageError),
        (posting(sender=2, outer=1), registry, ForeignMessageError),
        (posting(sender=9), registry, ForeignMessageError),
        (posting(sender=4), registry, ForeignMessageError),
        (posting(sender=9, signer=None), None, ForeignMessageError),
        (posting(signer=2), registry, SignatureError),
        (posting(signer=None), registry, SignatureError),
        (posting(), None, SignatureError),
        (replace(posting(), body=b""), registry, MalformedMessageError),
    ):
        with pytest.raises(error):
            read(wrong, known)


class Reaches(DkgClient):
    """A client whose record is changed before one of its steps."""

    def reveal(self, data):
        self._record.post_exposures = lambda _: setattr(
            self._record, "broken", frozenset({self.client_id})
        )
        return super().reveal(data)


def test_a_client_never_helps_to_reconstruct_its_own_part():
    server, roles = cast({CHEAT: Reaches})
    made = run_generation(server, roles)
    error = next(r.error for r in made.refusals if r.by == CHEAT)
    assert isinstance(error, ConsistencyError)
    assert "reconstructed" in error.what
    assert CHEAT not in made.shares


def test_a_client_whose_complaint_does_not_count_stops():
    class Deaf(DkgClient):
        def complain(self, data):
            answer = super().complain(data)
            del self._held[2]
            return answer

    server, roles = cast({CHEAT: Deaf})
    made = run_generation(server, roles)
    error = next(r.error for r in made.refusals if r.by == CHEAT)
    assert isinstance(error, ConsistencyError)
    assert "counted for nothing" in error.what


def test_a_client_keeps_no_share_that_does_not_fit_the_key():
    class Wrong(DkgClient):
        def confirm(self, data):
            pair = self._held[2]
            self._held[2] = SharePair((pair.share + 1) % SECP256K1.order, pair.blinding)
            return super().confirm(data)

    server, roles = cast({CHEAT: Wrong})
    made = run_generation(server, roles)
    assert CHEAT not in made.shares
    error = next(r.error for r in made.refusals if r.by == CHEAT)
    assert isinstance(error, ShareError)


def test_keys_that_admit_no_agreement_are_refused_at_the_door():
    class Small(DkgClient):
        def advertise(self, data):
            message = AdvertisedKeys.from_bytes(super().advertise(data)[:-64])
            (first, _), *rest = message.keys
            return self._seal(replace(message, keys=((first, bytes(32)), *rest)))

    server, roles = cast({CHEAT: Small})
    made = run_generation(server, roles)
    assert {r.error.culprit for r in made.refusals} == {CHEAT}
    assert made.qualified == set(CLIENTS) - {CHEAT}


def test_a_board_of_another_session_is_refused_and_changes_nothing():
    def other(data):
        return Board(bytes(32), Board.from_bytes(data).postings).to_bytes()

    for stage in (Stage.DEALING, Stage.RESULT):
        made = run_generation(*cast(), faults=[Fault(Alter(other), stage, SERVER, CHEAT)])
        error = next(r.error for r in made.refusals if r.by == CHEAT)
        assert isinstance(error, ForeignMessageError)


def test_evidence_is_kept_out_of_reprs():
    assert "key" not in repr(Evidence(1, SID, SID))
