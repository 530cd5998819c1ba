"""Dealers, accusers and servers that deviate, carried out by subclasses of the honest roles."""

from dataclasses import replace

import pytest

from crypto.dkg.client import DkgClient
from crypto.dkg.dealer import seal_pairs
from crypto.dkg.findings import Complaints, Exposures, Reveals
from crypto.dkg.messages import Board, FeldmanCommitments
from crypto.dkg.record import SharePair
from crypto.dkg.server import DkgServer
from crypto.dkg.session import run_generation
from crypto.dkg.stages import Stage
from crypto.errors import ConsistencyError, ShareError, ThresholdError
from crypto.secp256k1_group import SECP256K1
from crypto.secure_sum import SessionAbortedError
from crypto.shamir import holder_point
from crypto.signatures import SigningIdentity
from tests.crypto.dkg.test_session import assert_usable

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
    """Gives some receivers shares that do not fit, and defends itself as it would if it had not."""

    receivers = (2,)

    def _make_dealing(self):
        dealing = super()._make_dealing()
        honest = self._dealer.pair_at
        falsely = {self._point(r) for r in self.receivers}
        self._dealer.pair_at = lambda x: wrong(honest(x)) if x in falsely else honest(x)
        pairs = {peer: self._dealer.pair_at(self._point(peer)) for peer in self._peers}
        sealed = seal_pairs(self._group, self._session_id, self.client_id, pairs, self._peers)
        self._dealer.pair_at = honest
        return replace(dealing, ciphertexts=sealed)


class StubbornFalseShares(FalseShares):
    """Does not answer complaints."""

    def defend(self, data):
        super().defend(data)
        raise ConsistencyError("silence", self.client_id)


class LyingDefence(FalseShares):
    """Answers complaints with the false share."""

    def _encode(self, pairs):
        return super()._encode({peer: wrong(pair) for peer, pair in pairs.items()})


class ManyFalseShares(FalseShares):
    receivers = (2, 3, 7)


class FalseFeldman(DkgClient):
    """Publishes commitments to another part than it dealt, to bias the key."""

    def extract(self, data):
        body = super().extract(data)
        message = FeldmanCommitments.from_bytes(body[:-64] if self._identity else body)
        elements = self._group.decode_all(message.elements, THRESHOLD)
        biased = (self._group.multiply_by_generator(elements[0]), *elements[1:])
        return self._seal(replace(message, elements=self._group.encode_all(biased)))


class SilentAfterDealing(DkgClient):
    def extract(self, data):
        super().extract(data)
        raise ConsistencyError("silence", self.client_id)


class SlanderousComplaint(DkgClient):
    def complain(self, data):
        super().complain(data)
        return self._seal(Complaints(self._session_id, self.client_id, (2, 3)))


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


def test_a_false_share_that_is_put_right_keeps_its_dealer():
    made = play({CHEAT: FalseShares})
    assert_usable(made)
    assert made.qualified == set(CLIENTS)
    assert set(made.shares) == set(CLIENTS)


@pytest.mark.parametrize("cheat", [StubbornFalseShares, LyingDefence, ManyFalseShares])
def test_a_false_dealer_is_disqualified_and_named(cheat):
    made = play({CHEAT: cheat})
    assert_usable(made)
    assert made.qualified == set(CLIENTS) - {CHEAT}
    assert CHEAT not in made.shares
    assert CHEAT in verdicts(made)
    assert any(isinstance(r.error, ShareError) and r.error.culprit == CHEAT for r in made.refusals)


def test_a_biased_commitment_is_exposed_and_the_dealt_part_reconstructed():
    server, roles = cast({CHEAT: FalseFeldman})
    made = run_generation(server, roles)
    assert_usable(made)
    assert CHEAT in made.qualified
    assert CHEAT in verdicts(made)
    assert CHEAT not in made.shares
    parts = [roles[c]._dealer._secret[0] if c == CHEAT else None for c in CLIENTS]
    reconstructed = server.record._feldman[CHEAT][0]
    assert reconstructed == SECP256K1.generator_power(parts[CLIENTS.index(CHEAT)])


def test_a_dealer_that_waits_to_see_the_others_parts_cannot_take_its_own_back():
    # The bias attack on the simpler protocol (Gennaro et al., section 3): look at all parts, then
    # vanish if the key is not to one's taste. Here the part is in the key all the same.
    server, roles = cast({CHEAT: SilentAfterDealing})
    made = run_generation(server, roles)
    assert_usable(made)
    parts = {c: server.record._feldman[c][0] for c in CLIENTS}
    assert made.public_key.h == SECP256K1.product(parts.values())
    assert CHEAT not in made.shares


def test_slander_does_not_disqualify():
    made = play({CHEAT: SlanderousComplaint})
    assert_usable(made)
    assert made.qualified == set(CLIENTS)
    assert set(made.shares) == set(CLIENTS)


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
        play(dict.fromkeys((2, 3, 5), StubbornFalseShares))
    assert caught.value.refusals


def test_too_many_silent_dealers_end_it_before_their_parts_are_revealed():
    with pytest.raises(SessionAbortedError) as caught:
        play(dict.fromkeys((2, 3, 5), SilentAfterDealing))
    assert isinstance(caught.value.reason, ThresholdError)
    names = {row.message for row in caught.value.costs.messages}
    assert "reveals" not in names


# A server that deviates


class WithholdsShares(DkgServer):
    """Keeps one dealer's shares from its receivers, so that complaints make it open them all."""

    def _deliver(self, present, dealings):
        victim = CLIENTS[0]
        hidden = [
            replace(dealing, ciphertexts=()) if dealing.sender == victim else dealing
            for dealing in dealings
        ]
        return super()._deliver(present, hidden)


def test_a_dealer_does_not_open_so_many_shares_that_its_part_is_known():
    server, roles = cast(server_class=WithholdsShares)
    made = run_generation(server, roles)
    victim = CLIENTS[0]
    assert victim not in made.qualified
    assert server.record._opened[victim] == {}
    refused = [r for r in made.refusals if r.by == victim]
    assert [type(r.error) for r in refused] == [ShareError]
    assert server.record.answerable < THRESHOLD


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


def test_clients_that_were_shown_different_boards_reveal_nothing():
    server, roles = cast(server_class=TwoBoards)
    made = run_generation(server, roles)
    assert_usable(made)  # three clients saw the same and go on
    for client in (7, 11):
        assert client not in made.shares
        refusals = [r for r in made.refusals if r.by == client]
        assert {type(r.error) for r in refusals} == {ThresholdError}


class HidesAllCommitments(DkgServer):
    """Shows everybody a board without most Feldman commitments: all parts should be revealed."""

    def _messages(self, stage, present, posted):
        if stage is Stage.EXPOSURE:
            posted = {client: posted[client] for client in (2, 3)}
        return super()._messages(stage, present, posted)


def test_parts_are_not_revealed_so_that_no_secret_is_left():
    server, roles = cast(server_class=HidesAllCommitments)
    with pytest.raises(SessionAbortedError):
        run_generation(server, roles)
    assert not server._posted or not any(
        isinstance(message, Reveals) for message, _ in server._posted.values()
    )


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
