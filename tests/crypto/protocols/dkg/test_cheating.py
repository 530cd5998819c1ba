"""Dealers, accusers and servers that deviate, carried out by subclasses of the honest roles."""

from dataclasses import replace

import pytest

from crypto.errors import (
    AuthenticationError,
    ConsistencyError,
    ShareError,
    ThresholdError,
    WrongContentError,
    WrongTimeError,
)
from crypto.groups.secp256k1 import SECP256K1
from crypto.parties import SERVER
from crypto.primitives.aead import decrypt_once
from crypto.primitives.key_agreement import AgreementKeyPair
from crypto.primitives.shamir import holder_point
from crypto.primitives.signatures import SigningIdentity
from crypto.protocols.dkg.accusations import Complaints, Confirmation, Exposures, Reveals
from crypto.protocols.dkg.client import DkgClient
from crypto.protocols.dkg.messages import (
    AdvertisedKeys,
    Board,
    Dealing,
    FeldmanCommitments,
    Posting,
)
from crypto.protocols.dkg.server import DkgServer
from crypto.protocols.dkg.session import run_generation
from crypto.protocols.dkg.shares import SharePair
from crypto.protocols.dkg.stages import Stage
from crypto.session.faults import Alter, Fault
from crypto.session.secure_sum import SessionAbortedError
from crypto.session.signing import SIGNED_MESSAGE
from crypto.wire import message_type
from tests.crypto.conformance import Recorder
from tests.crypto.protocols.dkg.test_session import assert_usable

CLIENTS = (2, 3, 5, 7, 11)
CHEAT = 5
THRESHOLD = 3


def cast(cheats=None, *, signed=True, server_class=DkgServer, clients=CLIENTS, threshold=THRESHOLD):
    """Return server and roles; `cheats` maps clients to their classes."""
    identities = {c: SigningIdentity.generate() if signed else None for c in clients}
    registry = {c: i.verify_key for c, i in identities.items()} if signed else None
    roles = {
        c: (cheats or {}).get(c, DkgClient)(c, SECP256K1, threshold, identities[c], registry)
        for c in clients
    }
    return server_class(clients, threshold, SECP256K1, registry), roles


def play(cheats, **options):
    return run_generation(*cast(cheats, **options))


def verdicts(made):
    return {refusal.error.culprit for refusal in made.refusals}


def wrong(pair):
    return SharePair((pair.share + 1) % SECP256K1.order, pair.blinding)


class FalseShares(DkgClient):
    """Encrypts to some receivers shares that do not fit its commitments."""

    receivers = (2,)

    def _make_dealing(self):
        dealing = super()._make_dealing()
        peers = self._record.present - {self.client_id}
        pairs = {peer: self._dealer.pair_at(self._point(peer)) for peer in peers}
        pairs |= {peer: wrong(pairs[peer]) for peer in self.receivers}
        keys = {peer: self._record.key_for(peer, self.client_id) for peer in peers}
        sealed = self._record.channel.encrypt(self.client_id, self._keys, keys, pairs)
        return replace(dealing, ciphertexts=sealed)


class Garbage(DkgClient):
    """Encrypts nothing at all to anybody."""

    def _make_dealing(self):
        dealing = super()._make_dealing()
        noise = tuple((peer, bytes(len(data))) for peer, data in dealing.ciphertexts)
        return replace(dealing, ciphertexts=noise)


class ManyFalseShares(FalseShares):
    receivers = (2, 3, 7)


class FalseFeldman(DkgClient):
    """Publishes commitments to another part than it dealt, to bias the key."""

    def extract(self, data):
        self.part = self._dealer._secret[0]
        return self.biased(super().extract(data))

    def biased(self, body):
        message = FeldmanCommitments.from_bytes(body[:-64] if self._identity else body)
        elements = self._group.decode_all(message.elements, THRESHOLD)
        biased = (self._group.multiply_by_generator(elements[0]), *elements[1:])
        return self._seal(replace(message, elements=self._group.encode_all(biased)))


class SilentAfterDealing(DkgClient):
    def extract(self, data):
        super().extract(data)
        raise ConsistencyError("silence", self.client_id)


class SlanderousComplaint(DkgClient):
    """Accuses honest dealers, with nothing to show for it."""

    def complain(self, data):
        super().complain(data)
        return self._seal(Complaints(self._session_id, self.client_id, self.accused()))

    def accused(self):
        return tuple(sorted(self._record.dealers - {self.client_id}))[:2]


class TrueEvidence(SlanderousComplaint):
    """Accuses honest dealers, and shows the right shares that they sent."""

    def complain(self, data):
        super().complain(data)
        evidence = tuple(self._record.evidence(d, self._keys[d]) for d in self.accused())
        return self._seal(Complaints(self._session_id, self.client_id, self.accused(), evidence))


class InventedEvidence(SlanderousComplaint):
    """Accuses honest dealers, and shows a key that opens nothing."""

    def complain(self, data):
        super().complain(data)
        keys = AgreementKeyPair.generate()
        evidence = tuple(self._record.evidence(d, keys) for d in self.accused())
        return self._seal(Complaints(self._session_id, self.client_id, self.accused(), evidence))


class OtherDealing(SlanderousComplaint):
    """Accuses honest dealers of dealings that they did not post."""

    def complain(self, data):
        super().complain(data)
        evidence = tuple(
            replace(self._record.evidence(d, self._keys[d]), dealing=bytes(32))
            for d in self.accused()
        )
        return self._seal(Complaints(self._session_id, self.client_id, self.accused(), evidence))


class SlanderousExposure(DkgClient):
    """Exposes an honest dealer, with the right share or with an invented one."""

    invent = False

    def expose(self, data):
        super().expose(data)
        pair = wrong(self._held[2]) if self.invent else self._held[2]
        pairs = self._encode({2: pair})
        return self._seal(Exposures(self._session_id, self.client_id, pairs, self._seen))


class InventedExposure(SlanderousExposure):
    invent = True


class FalseReveal(DkgClient):
    """Gives false shares for the reconstruction of others."""

    def reveal(self, data):
        super().reveal(data)
        pairs = {dealer: wrong(self._held[dealer]) for dealer in self._record.broken}
        return self._seal(Reveals(self._session_id, self.client_id, self._encode(pairs)))


@pytest.mark.parametrize("signed", [True, False])
def test_honest_roles_make_a_key(signed):
    made = play({}, signed=signed)
    assert_usable(made)
    assert made.refusals == ()


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("cheat", [FalseShares, Garbage, ManyFalseShares])
def test_a_false_dealer_is_disqualified_and_named_and_no_one_else(cheat, signed):
    made = play({CHEAT: cheat}, signed=signed)
    assert_usable(made)
    assert made.qualified == set(CLIENTS) - {CHEAT} == set(made.shares)
    assert verdicts(made) == {CHEAT if signed else None}
    assert {type(refusal.error) for refusal in made.refusals} == {ShareError}


@pytest.mark.parametrize("cheat", [FalseShares, SlanderousComplaint, SlanderousExposure])
def test_unsigned_verdicts_say_whence_it_came_and_that_this_proves_nothing(cheat):
    made = play({CHEAT: cheat}, signed=False)
    assert_usable(made)
    for refusal in made.refusals:
        assert refusal.error.culprit is None
        assert f"as it came from client {CHEAT}" in refusal.error.what
        assert "cannot be told" in refusal.error.what


def test_shares_changed_on_the_way_name_no_honest_dealer():
    def other_share(data):
        dealing = Dealing.from_bytes(data)
        (first, sealed), *others = dealing.ciphertexts
        changed = bytes([sealed[0] ^ 1]) + sealed[1:]
        return replace(dealing, ciphertexts=((first, changed), *others)).to_bytes()

    for sender, receiver in ((CHEAT, SERVER), (SERVER, 7)):
        alter = other_share if sender == CHEAT else on_board(CHEAT, other_share)
        stage = Stage.DEALING if sender == CHEAT else Stage.COMPLAINTS
        server, roles = cast(signed=False)
        faults = [Fault(Alter(alter), stage, sender, receiver)]
        if sender == CHEAT:
            made = run_generation(server, roles, faults=faults)
            assert_usable(made)
            assert made.qualified == set(CLIENTS) - {CHEAT}
            assert verdicts(made) == {None, SERVER}  # the dealer sees that its board was changed
        else:  # client 7 was shown another dealing than the others: it goes on alone, and ends
            made = run_generation(server, roles, faults=faults)
            assert made.qualified == set(CLIENTS)
            assert 7 not in made.shares
        assert all(refusal.error.culprit != CHEAT for refusal in made.refusals)
        for role in roles.values():
            assert all(error.culprit is None for error in role._record.verdicts)


def on_board(sender, change):
    """Return what changes one client's posting on a board."""

    def alter(data):
        board = Board.from_bytes(data, len(CLIENTS))
        postings = tuple(
            replace(p, body=change(p.body)) if p.sender == sender else p for p in board.postings
        )
        return Board(board.session_id, postings).to_bytes()

    return alter


def test_a_biased_commitment_is_exposed_and_the_dealt_part_reconstructed():
    server, roles = cast({CHEAT: FalseFeldman})
    made = run_generation(server, roles)
    assert_usable(made)
    assert CHEAT in made.qualified
    assert CHEAT in verdicts(made)
    assert CHEAT not in made.shares
    reconstructed = server.record._feldman[CHEAT][0]
    assert reconstructed == SECP256K1.generator_power(roles[CHEAT].part)


def test_a_dealer_that_waits_to_see_the_others_parts_cannot_take_its_own_back():
    # The bias attack on the simpler protocol (Gennaro et al., section 3): look at all parts, then
    # vanish if the key is not to one's taste. Here the part is in the key all the same.
    server, roles = cast({CHEAT: SilentAfterDealing})
    made = run_generation(server, roles)
    assert_usable(made)
    parts = {c: server.record._feldman[c][0] for c in CLIENTS}
    assert made.public_key.h == SECP256K1.product(parts.values())
    assert CHEAT not in made.shares


@pytest.mark.parametrize("cheat", [SlanderousComplaint, TrueEvidence, InventedEvidence])
@pytest.mark.parametrize("threshold", [3, 4, 5])
def test_slander_disqualifies_nobody_and_names_the_slanderer(cheat, threshold):
    made = play({CHEAT: cheat}, threshold=threshold)
    assert_usable(made)
    assert made.qualified == set(made.shares) == set(CLIENTS)
    assert verdicts(made) == {CHEAT}


@pytest.mark.parametrize("threshold", [3, 4])
def test_as_many_slanderers_as_colluders_end_nothing(threshold):
    made = play(dict.fromkeys((3, 5, 11), SlanderousComplaint), threshold=threshold)
    assert made.qualified == set(made.shares) == set(CLIENTS)
    assert verdicts(made) == {3, 5, 11}


def test_a_complaint_about_what_was_not_posted_is_refused_at_the_door():
    made = play({CHEAT: OtherDealing})
    assert_usable(made)
    assert verdicts(made) == {CHEAT}
    assert made.qualified == set(CLIENTS)
    assert CHEAT not in made.shares  # it vanished, as far as the others are concerned


def test_every_client_draws_the_servers_conclusions():
    server, roles = cast({CHEAT: Garbage, 3: SlanderousComplaint})
    run_generation(server, roles)
    expected = [(type(e), e.what, e.culprit) for e in server.record.verdicts]
    assert {culprit for _, _, culprit in expected} == {CHEAT, 3}
    for client in (2, 3, 7, 11):
        found = roles[client]._record.verdicts
        assert [(type(e), e.what, e.culprit) for e in found] == expected


def test_a_disqualified_client_is_told_why():
    made = play({CHEAT: Garbage})
    (verdict,) = made.refusals
    assert verdict.stage == Stage.COMPLAINTS
    assert "evidence" in str(verdict)


def test_a_disqualified_client_stops_whatever_it_is_sent():
    class KeepsBoard(DkgServer):
        def _messages(self, stage, present, posted):
            messages = super()._messages(stage, present, posted)
            if stage is Stage.EXTRACTION:
                self.board = messages[2]
            return messages

    server, roles = cast({CHEAT: Garbage}, server_class=KeepsBoard)
    run_generation(server, roles)
    with pytest.raises(ShareError, match="disqualified") as caught:
        roles[CHEAT].extract(server.board)
    assert caught.value.culprit == CHEAT


def test_evidence_opens_what_two_clients_sent_each_other_and_no_other_pair():
    private = {}

    class Spy(DkgClient):
        def complain(self, data):
            private.update(self._keys)
            return super().complain(data)

    server, roles = cast({2: Spy, CHEAT: Garbage})
    run_generation(server, roles)
    record = server.record
    assert record.open(3, 2, private[3]) is not None
    assert record.open(3, 2, private[CHEAT]) is None
    assert record.open(7, 2, private[CHEAT]) is None
    # Of what client 2 dealt, it opens the pair that the accused has, and no other.
    for receiver in (3, 7, CHEAT):
        public = record.key_for(receiver, 2)
        secret = record.channel._keys(2, private[CHEAT], receiver, public).sending
        sealed = dict(record._dealings[2].ciphertexts)[receiver]
        binding = record.channel._binding(2, receiver)
        if receiver == CHEAT:
            pair = SharePair.from_bytes(decrypt_once(secret, sealed, binding), SECP256K1)
            assert record.opens(2, CHEAT, pair)
            assert pair == roles[CHEAT]._held[2]
        else:
            with pytest.raises(AuthenticationError):
                decrypt_once(secret, sealed, binding)
    assert roles[2]._keys == {}


@pytest.mark.parametrize("cheat", [SlanderousExposure, InventedExposure])
def test_a_false_exposure_names_the_accuser_and_reveals_nothing(cheat):
    server, roles = cast({CHEAT: cheat})
    made = run_generation(server, roles)
    assert_usable(made)
    assert verdicts(made) == {CHEAT}
    assert not server.record.broken


def test_false_shares_in_a_reconstruction_are_found():
    made = play({CHEAT: SilentAfterDealing, 11: FalseReveal})
    assert_usable(made)
    assert 11 in verdicts(made)


def test_too_many_cheats_end_it():
    with pytest.raises(SessionAbortedError) as caught:
        play(dict.fromkeys((2, 3, 5), Garbage))
    assert {r.error.culprit for r in caught.value.refusals} == {2, 3, 5}


def test_too_many_silent_dealers_end_it_before_their_parts_are_revealed():
    with pytest.raises(SessionAbortedError) as caught:
        play(dict.fromkeys((2, 3, 5), SilentAfterDealing))
    assert isinstance(caught.value.reason, ThresholdError)
    names = {row.message for row in caught.value.costs.messages}
    assert "reveals" not in names


# A server that deviates


class Passes(DkgServer):
    """Accepts everything that decodes, and lets the boards of some stage be changed."""

    stage, receivers = None, CLIENTS

    def _check(self, message):
        try:
            super()._check(message)
        except WrongContentError:
            if isinstance(message, Dealing):
                commitments = self.record.read_elements(message.commitments)
                self._dealt[message.sender] = message, commitments

    def _messages(self, stage, present, posted):
        messages = super()._messages(stage, present, posted)
        if stage is self.stage:
            for client in set(self.receivers) & messages.keys():
                board = Board.from_bytes(messages[client])
                messages[client] = Board(self.session_id, self.change(board.postings)).to_bytes()
        return messages

    def change(self, postings):
        return postings


def left_out(stage, victim):
    class LeavesOut(Passes):
        def change(self, postings):
            return tuple(p for p in postings if p.sender != victim)

    LeavesOut.stage = stage
    return LeavesOut


BOARDS = [stage for stage in Stage if stage is not Stage.ADVERTISE_KEYS]


@pytest.mark.parametrize("stage", BOARDS)
def test_a_client_that_finds_its_posting_left_out_gives_up(stage):
    server, roles = cast(server_class=left_out(stage, CHEAT))
    try:
        refusals = run_generation(server, roles).refusals
    except SessionAbortedError as error:  # the others miss it as well
        refusals = error.refusals
    own = [r for r in refusals if r.by == CHEAT]
    assert own[0].stage == stage
    assert isinstance(own[0].error, ConsistencyError)
    assert own[0].error.culprit == SERVER
    assert "not passed on" in own[0].error.what
    with pytest.raises(WrongTimeError):
        _ = roles[CHEAT].outcome


def test_a_client_that_is_shown_few_keys_deals_nothing():
    class ShowsFew(Passes):
        stage, receivers = Stage.DEALING, (2,)

        def change(self, postings):
            return tuple(p for p in postings if p.sender in (2, CHEAT))

    server, roles = cast(server_class=ShowsFew)
    made = run_generation(server, roles)
    (own,) = [r for r in made.refusals if r.by == 2]
    assert own.stage == Stage.DEALING
    assert isinstance(own.error, ThresholdError)
    assert "advertised keys" in str(own.error)


@pytest.mark.parametrize("step", ["expose", "confirm"])
def test_postings_about_other_boards_or_keys_are_refused_at_the_door(step):
    class Differs(DkgClient):
        def step(self, stage, data):
            answer = super().step(stage, data)
            if stage != stages[step]:
                return answer
            kind, field = kinds[step]
            message = replace(kind.from_bytes(answer[:-64]), **{field: bytes(32)})
            return self._seal(message)

    stages = {"expose": Stage.EXPOSURE, "confirm": Stage.CONFIRMATION}
    kinds = {"expose": (Exposures, "transcript"), "confirm": (Confirmation, "digest")}
    made = play({CHEAT: Differs})
    assert_usable(made)
    assert CHEAT not in made.shares
    (refusal,) = [r for r in made.refusals if r.by == SERVER and r.stage == stages[step]]
    assert isinstance(refusal.error, ConsistencyError)
    assert refusal.error.culprit == CHEAT


def test_a_posting_that_was_replaced_by_another_of_its_signers_is_seen():
    class Replaces(Passes):
        stage = Stage.EXTRACTION

        def change(self, postings):
            identity = roles[CHEAT]._identity
            other = Complaints(self.session_id, CHEAT, (2,))
            signature = identity.sign(SIGNED_MESSAGE, other.to_bytes())
            return tuple(
                Posting(CHEAT, other.to_bytes(), signature) if p.sender == CHEAT else p
                for p in postings
            )

    server, roles = cast(server_class=Replaces)
    made = run_generation(server, roles)
    (own,) = [r for r in made.refusals if r.by == CHEAT]
    assert isinstance(own.error, ConsistencyError)


def test_a_server_cannot_have_shares_opened_by_withholding_dealings():
    # A dealing that is withheld from one is withheld whole; its receiver cannot go on, and nobody
    # opens anything. (Answers to complaints once gave a dealer's part away.)
    class Withholds(Passes):
        stage, receivers = Stage.COMPLAINTS, (7, 11)

        def change(self, postings):
            return tuple(p for p in postings if p.sender != 2)

    server, roles = cast(server_class=Withholds)
    recorder = Recorder()
    made = run_generation(server, roles, faults=[Fault(Alter(recorder), receiver=SERVER)])
    assert not set(made.shares) & {7, 11}
    assert verdicts(made) <= {SERVER, None}
    for message in recorder.messages:
        if message_type(message) == Complaints.TYPE:
            assert Complaints.from_bytes(message[:-64]).evidence == ()


class SwapsKey(DkgClient):
    """Signs two lists of keys, so that the server can show each dealer another."""

    def advertise(self, data):
        first = super().advertise(data)
        self.first = self._keys
        self._keys = {peer: AgreementKeyPair.generate() for peer in self._keys}
        keys = tuple((peer, pair.public) for peer, pair in self._keys.items())
        self.second = self._seal(AdvertisedKeys(self._session_id, self.client_id, keys))
        return first


def test_keys_shown_in_two_versions_convict_no_honest_dealer():
    class TwoKeys(Passes):
        """Shows client 2 the second list of its colluder's keys, and all others the first."""

        stage, receivers = Stage.DEALING, (2,)

        def change(self, postings):
            second = roles[CHEAT].second
            return tuple(
                Posting(CHEAT, second[:-64], second[-64:]) if p.sender == CHEAT else p
                for p in postings
            )

    server, roles = cast({CHEAT: SwapsKey}, server_class=TwoKeys)
    with pytest.raises(SessionAbortedError) as caught:
        run_generation(server, roles)
    named = {r.error.culprit for r in caught.value.refusals if isinstance(r.by, int)}
    assert named <= {SERVER, None}
    for client in (3, 7, 11):
        assert not [e for e in roles[client]._record.verdicts if e.culprit == 2]


class TwoDealings(DkgClient):
    """Signs two dealings: a right one, and one that is garbage for client 2."""

    def deal(self, data):
        first = super().deal(data)
        message = Dealing.from_bytes(first[:-64])
        noise = tuple((p, bytes(len(c)) if p == 2 else c) for p, c in message.ciphertexts)
        self.second = self._seal(replace(message, ciphertexts=noise))
        return first


def test_a_dealing_shown_in_two_versions_convicts_no_honest_accuser():
    class ShowsTwo(Passes):
        stage, receivers = Stage.COMPLAINTS, (2,)

        def change(self, postings):
            second = roles[CHEAT].second
            return tuple(
                Posting(CHEAT, second[:-64], second[-64:]) if p.sender == CHEAT else p
                for p in postings
            )

    server, roles = cast({CHEAT: TwoDealings}, server_class=ShowsTwo)
    run_generation(server, roles)
    complaints = [e for c in (3, 7, 11) for e in roles[c]._record.verdicts]
    assert {type(error) for error in complaints} == {ConsistencyError}
    assert {error.culprit for error in complaints} == {SERVER}


def test_a_dealing_of_a_client_without_keys_is_refused():
    class Invents(Passes):
        """Passes on a whole dealing in the name of a client that advertised no keys."""

        stage = Stage.COMPLAINTS

        def change(self, postings):
            dealing = Dealing.from_bytes(postings[0].body)
            ciphertexts = ((dealing.sender, dealing.ciphertexts[0][1]), *dealing.ciphertexts)
            invented = replace(dealing, sender=CHEAT, ciphertexts=tuple(sorted(ciphertexts)))
            return tuple(
                sorted(
                    (*postings, Posting(CHEAT, invented.to_bytes(), b"")), key=lambda p: p.sender
                )
            )

    server, roles = cast(signed=False, server_class=Invents)
    with pytest.raises(SessionAbortedError) as caught:
        run_generation(server, roles, dropouts={CHEAT: Stage.ADVERTISE_KEYS})
    found = {r.by: r.error for r in caught.value.refusals}
    assert found.keys() == set(CLIENTS) - {CHEAT}
    for error in found.values():
        assert isinstance(error, ConsistencyError)
        assert "advertised no keys" in error.what
        assert error.culprit == SERVER


class TwoCommitments(FalseFeldman):
    """Signs Feldman commitments twice: right ones, and such as client 2 has to expose."""

    def biased(self, body):
        self.second = super().biased(body)
        return body


def test_commitments_shown_in_two_versions_name_no_honest_exposer():
    class ShowsTwo(Passes):
        stage, receivers = Stage.EXPOSURE, (2,)

        def change(self, postings):
            second = roles[CHEAT].second
            return tuple(
                Posting(CHEAT, second[:-64], second[-64:]) if p.sender == CHEAT else p
                for p in postings
            )

    recorder = Recorder()
    server, roles = cast({CHEAT: TwoCommitments}, server_class=ShowsTwo)
    fault = Fault(Alter(recorder), Stage.EXPOSURE, 2, SERVER)
    run_generation(server, roles, faults=[fault])
    (exposure,) = recorder.messages
    assert [c for c, _ in Exposures.from_bytes(exposure[:-64]).pairs] == [CHEAT]
    for client in (3, 7, 11):
        assert roles[client]._record.verdicts == []
        assert roles[client].outcome


class TwoBoards(DkgServer):
    """Shows half of the clients a board on which an honest dealer's commitments are missing."""

    def _messages(self, stage, present, posted):
        messages = super()._messages(stage, present, posted)
        if stage is Stage.EXPOSURE:
            for client in (7, 11):
                board = Board.from_bytes(messages[client])
                fewer = tuple(p for p in board.postings if p.sender != 2)
                messages[client] = Board(self.session_id, fewer).to_bytes()
        return messages

    def _check(self, message):
        if not isinstance(message, Exposures):
            super()._check(message)


def watch_reveals():
    """Returns a fault that changes nothing, and the `Reveals` that it saw clients send."""
    sent = {}

    def keep(data):
        message = Reveals.from_bytes(data[:-64])
        sent[message.sender] = [dealer for dealer, _ in message.pairs]
        return data

    return Fault(Alter(keep), Stage.RECONSTRUCTION, receiver=SERVER), sent


def test_clients_that_were_shown_different_boards_reveal_nothing():
    server, roles = cast(server_class=TwoBoards)
    watching, sent = watch_reveals()
    made = run_generation(server, roles, faults=[watching])
    assert_usable(made)  # three clients saw the same and go on
    assert sent == {2: [], 3: [], 5: []}
    for client in (7, 11):
        assert client not in made.shares
        (refusal,) = (r for r in made.refusals if r.by == client)
        assert isinstance(refusal.error, ThresholdError)
        assert refusal.stage == Stage.RECONSTRUCTION
        assert "shown the same boards" in str(refusal.error)


class HidesCommitments(DkgServer):
    """Shows a board with three Feldman commitments, and goes on whatever it concludes from it."""

    def _messages(self, stage, present, posted):
        if stage is Stage.EXPOSURE:
            posted = {client: posted[client] for client in (2, 3, CHEAT)}
        return super()._messages(stage, present, posted)

    def _check(self, message):
        if not isinstance(message, Exposures):
            super()._check(message)

    def _conclude(self, stage, present, posted):
        if stage is Stage.EXPOSURE:
            return present
        return super()._conclude(stage, present, posted)


def test_parts_are_not_revealed_so_that_too_few_stay_secret():
    # One of the three commitments is false, so that with two hidden ones three parts are broken.
    server, roles = cast({CHEAT: FalseFeldman}, server_class=HidesCommitments)
    watching, sent = watch_reveals()
    with pytest.raises(SessionAbortedError) as caught:
        run_generation(server, roles, faults=[watching])
    assert sent == {}
    errors = {r.by: r.error for r in caught.value.refusals if r.stage == Stage.RECONSTRUCTION}
    for client in (2, 3):
        assert isinstance(errors[client], ThresholdError)
        assert "part stays secret" in str(errors[client])


class ForgesConfirmations(DkgServer):
    def _messages(self, stage, present, posted):
        if stage is Stage.RESULT:
            posted = {client: posted[client] for client in list(posted)[:1]}
        return super()._messages(stage, present, posted)


def test_a_key_that_too_few_confirm_is_not_kept():
    server, roles = cast(server_class=ForgesConfirmations)
    made = run_generation(server, roles)
    assert not made.shares
    assert {type(r.error) for r in made.refusals} >= {ThresholdError}


def test_points_are_places_in_the_cohort():
    made = play({})
    assert {c: s.point for c, s in made.shares.items()} == {
        c: holder_point(CLIENTS, c) for c in CLIENTS
    }
