"""Whatever a server sends, a key holder decrypts once a session that all its clients joined.

That and no more is claimed of sums with a key holder, of whole vectors and of sparse ones: what is
decrypted may be one upload (`test_roles.py`). The server has no honest logic and one of four
clients. Its session is a `Plan`; `Server.breaches` names the claims that did not hold.
"""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crypto.errors import AbortError, ParameterError, ProtocolError
from crypto.primitives.signatures import SIGNATURE_BYTES, SigningIdentity
from crypto.protocols.homomorphic_sum.client import HomomorphicClient
from crypto.protocols.homomorphic_sum.key_holder import KeyHolder
from crypto.protocols.homomorphic_sum.messages import (
    DecryptionOrder,
    EncryptedUpload,
    Invitation,
    Readiness,
    UploadRequest,
)
from crypto.protocols.sparse_sum.client import SparseClient
from crypto.protocols.sparse_sum.key_holder import SparseKeyHolder
from crypto.protocols.sparse_sum.messages import SparseInvitation, SparseUpload, SumsOrder
from crypto.session.key_epochs import NewestKeys
from crypto.session.opened_rounds import Opening
from crypto.session.signing import SIGNED_MESSAGE
from tests.crypto.protocols.homomorphic_sum.cast import KEPT, SCHEME

HONEST, COLLUDER = (0, 1, 2), 3
COHORT = (*HONEST, COLLUDER)


@dataclass(frozen=True)
class Plan:
    """What the server does in one session.

    Attributes:
        round_id: the round that it claims.
        cohort: whom it names.
        epoch: of the key that it announces.
        signed: whether clients are to sign.
        invited: who is told of the session.
        asked: who is asked to upload.
        orders: what it has decrypted, one after the other: the uploads of these clients, those of
            the session before, or its own.
        consents: of clients that did not join: "old" ones, or the "colluder's".
    """

    round_id: int = 1
    cohort: tuple = COHORT
    epoch: int = 1
    signed: bool = True
    invited: tuple = HONEST
    asked: tuple = HONEST
    orders: tuple = (HONEST,)
    consents: str = "colluder's"


class Server:
    """The server, its client, and two keys of the key holder's, for any number of sessions."""

    client_class, holder_class = HomomorphicClient, KeyHolder
    invitation_class, upload_class = Invitation, EncryptedUpload

    def __init__(self):
        self.identities = {c: SigningIdentity.generate() for c in COHORT}
        registry = {c: identity.verify_key for c, identity in self.identities.items()}
        dealer = SigningIdentity.generate()
        self.trusted = dealer.verify_key
        self.holders = {
            epoch: self.holder_class(KEPT, dealer, registry, epoch=epoch) for epoch in (1, 2)
        }
        self.clients = {c: self.client_class(c, SCHEME, self.identities[c]) for c in HONEST}
        self.consents, self.uploads = {}, {}
        self.joined, self.uploaded, self.decrypted = [], [], []

    def play(self, plan, number):
        """Drive one session."""
        holder = self.holders[plan.epoch]
        invitation = attempt(
            lambda: self.invitation_class(
                number.to_bytes(16, "little"),
                plan.round_id,
                plan.cohort,
                length=3,
                value_bits=20,
                signed=plan.signed,
                announcement=holder.announcement,
                key_signature=holder.signature if plan.signed else b"",
            )
        )
        if invitation is None:
            return
        session, now = invitation.session_id(), {}
        for client in plan.invited:
            found = attempt(
                lambda c=client: self.clients[c].join(invitation.to_bytes(), self.trusted)
            )
            if found is None:
                continue
            part, readiness = found
            self.joined.append((client, session, plan.epoch))
            now[client] = readiness[-SIGNATURE_BYTES:]
            request = UploadRequest(session).to_bytes()
            vector = np.array([client, 0, 7], np.uint64)
            if client not in plan.asked:
                continue
            data = attempt(lambda p=part, r=request, v=vector: p.upload(r, v))
            if data is not None:
                self.uploaded.append((client, plan.round_id))
                self.uploads[client] = self.upload_class.from_bytes(data[:-SIGNATURE_BYTES])
        for chosen in plan.orders:
            consents = [self.consent(session, c, now, plan) for c in plan.cohort]
            order = attempt(lambda w=chosen, s=consents: self.order(invitation, w, tuple(s)))
            if order is not None and attempt(lambda o=order: holder.decrypt(o.to_bytes())):
                self.decrypted.append((session, plan.cohort))
        self.consents.update(now)

    def consent(self, session, client, now, plan):
        if not plan.signed:
            return b""
        if client in now:
            return now[client]
        if plan.consents == "old" and client in self.consents:
            return self.consents[client]
        message = Readiness(session, client).to_bytes()
        return self.identities[COLLUDER].sign(SIGNED_MESSAGE, message)

    def order(self, invitation, chosen, consents):
        key, plan = self.holders[1].public_key, invitation.plan
        vectors = [self.uploads[c].vector for c in chosen if c in self.uploads]
        total = key.add(vectors) if vectors else key.encrypt(np.zeros(3, np.uint64), plan)
        total = replace(total, plan=plan, addends=len(invitation.cohort))
        return DecryptionOrder(invitation, total, consents)

    def breaches(self):
        """Return which claims did not hold."""
        found = set()
        sessions = [session for session, _ in self.decrypted]
        if len(set(sessions)) < len(sessions):
            found.add("two sums in a session")
        consents = {(client, session) for client, session, _ in self.joined}
        for session, cohort in self.decrypted:
            if any((c, session) not in consents for c in cohort if c in HONEST):
                found.add("no consent")
        for client in HONEST:
            epochs = [epoch for who, _, epoch in self.joined if who == client]
            if epochs != sorted(epochs):
                found.add("an earlier key")
            rounds = [number for who, number in self.uploaded if who == client]
            if len(set(rounds)) < len(rounds):
                found.add("two uploads in a round")
        return found


class SparseServer(Server):
    """The same against sums of sparse vectors."""

    client_class, holder_class = SparseClient, SparseKeyHolder
    invitation_class, upload_class = SparseInvitation, SparseUpload

    def order(self, invitation, chosen, consents):
        sums = [value for c in chosen if c in self.uploads for value in self.uploads[c].values]
        return SumsOrder(invitation, tuple(sums), consents)


both = pytest.mark.parametrize("kind", [Server, SparseServer])
TWICE = Plan(orders=(HONEST, (1,)))
ABSENT = Plan(invited=(0, 1))
BACK = [Plan(epoch=2), Plan(epoch=1, round_id=2)]
AGAIN = [Plan(), Plan()]
SCHEDULES = [[TWICE], [ABSENT], BACK, AGAIN]


def attempt(step):
    try:
        return step()
    except (ProtocolError, AbortError, ParameterError):
        return None


def play(kind, schedule, disturb=lambda _: None):
    server = kind()
    disturb(server)
    for number, plan in enumerate(schedule):
        server.play(plan, number)
    return server


@both
def test_sessions_in_which_all_agree_are_decrypted(kind):
    server = play(kind, [Plan(cohort=HONEST), Plan(round_id=2), Plan(round_id=3, epoch=2)])
    assert len(server.decrypted) == 3
    assert not server.breaches()


class Forgetful(set):
    def __contains__(self, _):
        return False


class Trusting:
    def verify(self, *_):
        pass


def forget_sessions(server):
    for holder in server.holders.values():
        holder._decrypted = Forgetful()


def trust_everybody(server):
    for holder in server.holders.values():
        holder._registry = dict.fromkeys(COHORT, Trusting())


@both
def test_careless_key_holders_are_noticed(kind):
    assert play(kind, [TWICE], forget_sessions).breaches() == {"two sums in a session"}
    assert play(kind, [ABSENT], trust_everybody).breaches() == {"no consent"}


@both
def test_careless_clients_are_noticed(kind, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(NewestKeys, "check", lambda *_: None)
        assert play(kind, BACK).breaches() == {"an earlier key"}
    monkeypatch.setattr(Opening, "check", lambda _: None)
    monkeypatch.setattr(Opening, "take", lambda _: None)
    assert "two uploads in a round" in play(kind, AGAIN).breaches()


@both
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_careful_ones_keep_what_is_claimed(kind, schedule):
    assert not play(kind, schedule).breaches()


def some(clients):
    return st.sets(st.sampled_from(clients)).map(lambda found: tuple(sorted(found)))


plans = st.builds(
    Plan,
    round_id=st.integers(1, 2),
    cohort=st.one_of(st.just(COHORT), some(COHORT)),
    epoch=st.integers(1, 2),
    signed=st.sampled_from([True, True, True, False]),
    invited=st.one_of(st.just(HONEST), some(HONEST)),
    asked=st.one_of(st.just(HONEST), some(HONEST)),
    orders=st.lists(some(HONEST), min_size=1, max_size=3).map(tuple),
    consents=st.sampled_from(["colluder's", "old"]),
)


@both
@example(schedule=[TWICE, *BACK])
@settings(max_examples=25, deadline=None)
@given(schedule=st.lists(plans, min_size=1, max_size=3))
def test_no_schedule_breaks_a_claim(kind, schedule):
    assert not play(kind, schedule).breaches()
