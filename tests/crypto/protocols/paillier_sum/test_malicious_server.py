"""Whatever a server sends, the authority decrypts one sum a round, and of no single client.

The server has no honest logic and two of five clients. It drives the three others through sessions
of its making, keeps their consents, and orders the decryption of every product to which enough
clients consent, its own among them. Every sum of the honest clients' values is another number.
"""

from collections import defaultdict
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import example, given, settings

from crypto.paillier.phe_keys import PaillierPrivateKey
from crypto.primitives.signatures import SIGNATURE_BYTES, SigningIdentity
from crypto.proofs.paillier_knowledge import PlaintextProof
from crypto.protocols.paillier_sum import client as client_module
from crypto.protocols.paillier_sum.authority import PaillierAuthority, read_key
from crypto.protocols.paillier_sum.client import PaillierClient, PaillierClientSession
from crypto.protocols.paillier_sum.messages import (
    Consent,
    ConsentRequest,
    DecryptedSum,
    DecryptionOrder,
    EncryptedVector,
    Invitation,
    UploadRequest,
    digest_of,
)
from crypto.protocols.paillier_sum.uploads import knowledge_context, multiply_uploads
from crypto.randomness import SYSTEM
from crypto.session.helped_sum import Uploaded
from crypto.session.opened_rounds import Opening
from crypto.session.signing import SIGNED_MESSAGE
from tests.crypto.protocols.lying_server import (
    ALL,
    COHORT,
    COLLUDERS,
    HONEST,
    LOW,
    PLANS,
    THRESHOLD,
    VALUES,
    Plan,
    asked,
    attempt,
    schedules,
)

TINY = 256
MAXIMUM = 50
kept_key = cache(PaillierPrivateKey.generate)


class Server:
    """The server, its two clients and the authority, for any number of sessions."""

    def __init__(self, threshold=THRESHOLD, agreed=THRESHOLD):
        self.identities = {c: SigningIdentity.generate() for c in COHORT}
        self.registry = {c: identity.verify_key for c, identity in self.identities.items()}
        dealer = SigningIdentity.generate()
        self.trusted = dealer.verify_key
        self.authority = PaillierAuthority(COHORT, threshold, dealer, self.registry, TINY)
        self.key = read_key(self.authority.announcement, TINY)
        self.clients = {
            c: PaillierClient(
                c, self.identities[c], self.registry, threshold=agreed, least_key_bits=TINY
            )
            for c in HONEST
        }
        self.threshold = threshold
        self.sums = defaultdict(list)  # round -> what was decrypted
        self.earlier, self.kept = {}, {}

    def play(self, plan):
        """Drive one session; clients that refuse are out of it."""
        fields = {"signed": True, **plan.parameters}
        announcement = self.authority.announcement
        if threshold := fields.pop("threshold", None):  # which the authority did not sign
            announcement = replace(announcement, threshold=threshold)
        invitation = Invitation(
            SYSTEM.bytes(16),
            plan.round_id,
            COHORT,
            1,
            key=announcement,
            key_signature=self.authority.signature if fields["signed"] else b"",
            **fields,
        )
        session, parts, now = invitation.session_id(), {}, {}
        for client in HONEST:
            joined = attempt(
                lambda c=client: self.clients[c].join(invitation.to_bytes(), self.trusted)
            )
            if joined is None:
                continue
            parts[client] = part = joined[0]
            told = UploadRequest(session, plan.participants.get(client, COHORT)).to_bytes()
            vector = np.array([VALUES[plan.round_id][client]])
            data = attempt(lambda p=part, t=told, v=vector: p.upload(t, v, MAXIMUM))
            if data is not None:
                end = len(data) - SIGNATURE_BYTES
                now[client] = EncryptedVector.from_bytes(data[:end]), data[end:]
        consents = defaultdict(dict)
        for client, choices in plan.requests.items():
            for choice in choices:
                if client in now:
                    attempt(lambda c=client, w=choice: self.ask(parts[c], w, now, consents))
        for product, found in consents.items():
            self.order(session, product, found, plan.round_id)
        self.earlier.update(now)

    def ask(self, part, choice, now, consents):
        """Ask a client for its consent to one product."""
        made = [self.made(part.session_id, client, how, now) for client, how in choice]
        uploads, signatures = zip(*made, strict=True) if made else ((), ())
        data = part.consent(ConsentRequest(part.session_id, uploads, signatures).to_bytes())
        product = multiply_uploads(self.key, uploads, 1)
        assert Consent.from_bytes(data[:-SIGNATURE_BYTES]).sender == part.client_id
        consents[product][part.client_id] = data[-SIGNATURE_BYTES:]

    def order(self, session, product, consents, round_id):
        """Have a product decrypted, with the consents that there are and those of colluders."""
        for client in COLLUDERS:
            consent = Consent(session, client, digest_of(session, client, product))
            consents[client] = self.identities[client].sign(SIGNED_MESSAGE, consent.to_bytes())
        data = DecryptionOrder(session, product, tuple(sorted(consents.items()))).to_bytes()
        answer = attempt(lambda: self.authority.decrypt(data))
        if answer is not None:
            self.sums[round_id] += DecryptedSum.from_bytes(answer).values

    def made(self, session, client, how, now):
        """An upload under a client's name, and its signature; the server encrypts zeros."""
        if found := {"own": now, "earlier": self.earlier}.get(how, {}).get(client):
            return found
        if (session, client, how) not in self.kept:  # all are asked about the same product
            self.kept[session, client, how] = self.new(session, client, how, now)
        return self.kept[session, client, how]

    def new(self, session, client, how, now):
        r = self.key.random_unit()
        c = self.key.encrypt_with(0, r)
        proof = PlaintextProof.make(self.key, c, 0, r, knowledge_context(session, client, 0))
        square = self.key.n**2
        for other in how if isinstance(how, tuple) else ():  # takes these out of the sum
            if other in now and other != client:
                c = c * pow(self.key.decode(now[other][0].ciphertexts), -1, square) % square
        encoded = self.key.encode_all([c])
        upload = EncryptedVector(session, client, encoded, proof.to_bytes(self.key))
        signer = client if client in COLLUDERS else COLLUDERS[0]
        return upload, self.identities[signer].sign(SIGNED_MESSAGE, upload.to_bytes())


def breached(server):
    """Whether more came out than one plain sum a round, over as many honest clients as must be."""
    for number, sums in server.sums.items():
        one, two, three = VALUES[number].values()
        if len(sums) > 1 or sums[0] not in {one + two, one + three, two + three, one + two + three}:
            return True
    return False


@pytest.fixture(autouse=True)
def one_key(monkeypatch):
    monkeypatch.setattr(PaillierPrivateKey, "generate", kept_key)


def play(schedule, **options):
    server = Server(**options)
    for plan in schedule:
        server.play(plan)
    return server


def consent_again(consent):
    def careless(self, data):
        answer = consent(self, data)
        self._state = Uploaded()
        return answer

    return careless


def test_the_sum_of_each_round_comes_out():
    server = play([asked(ALL, round_id=n) for n in (1, 2)])
    assert server.sums == {1: [7], 2: [56]}
    assert not breached(server)


def test_clients_that_do_not_ask_for_knowledge_give_a_value_away(monkeypatch):
    monkeypatch.setattr(client_module, "check_uploads", lambda *_: None)
    assert play(PLANS["an upload made from others"]).sums == {1: [VALUES[1][1]]}


def test_clients_and_an_authority_that_answer_twice_give_a_value_away(monkeypatch):
    plan = PLANS["two sums, one after the other"]
    monkeypatch.setattr(
        PaillierClientSession, "consent", consent_again(PaillierClientSession.consent)
    )
    monkeypatch.setattr(Opening, "take", lambda _: None)
    assert not breached(play(plan))  # the authority still decrypts once

    class Forgetful(set):
        def __contains__(self, _):
            return False

    server = Server()
    server.authority._decrypted = Forgetful()
    server.play(plan[0])
    assert breached(server)


def test_clients_that_forget_opened_rounds_give_a_value_away(monkeypatch):
    monkeypatch.setattr(Opening, "take", lambda _: None)
    assert breached(play(PLANS["a round opened twice"]))


def test_clients_that_accept_a_low_threshold_give_a_value_away(monkeypatch):
    assert not play(LOW, threshold=3).sums
    monkeypatch.setattr(client_module, "check_threshold", lambda *_, **__: None)
    assert play(LOW, threshold=3).sums == {1: [VALUES[1][1]]}


@pytest.mark.parametrize("name", PLANS)
def test_clients_that_check_are_not_read(name):
    assert not breached(play(PLANS[name]))


@example([asked(ALL), Plan(round_id=2)])
@settings(max_examples=60, deadline=None)
@given(schedules)
def test_no_schedule_of_lies_reads_anybody(schedule):
    assert not breached(play(schedule))
