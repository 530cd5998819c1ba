"""Whatever a server sends, what is decrypted is one sum a round, and of no single client.

The server has no honest logic and two of five clients. It drives the three others through sessions
of its making and keeps all partial decryptions that it gets. `Server.sums` is what follows from
them: which products of honest uploads come out, each decrypted to see that it does. A careless
client leaves out one check and is read by one plan; honest ones stand against these and others.
"""

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings

from crypto.elgamal.discrete_log import DiscreteLog
from crypto.elgamal.encryption import Ciphertext
from crypto.groups.secp256k1 import SECP256K1
from crypto.primitives.signatures import SIGNATURE_BYTES, SigningIdentity
from crypto.proofs.knowledge import KnowledgeClaim, KnowledgeProof
from crypto.protocols.elgamal_sum import client_session
from crypto.protocols.elgamal_sum.authority import KeyAuthority, open_share, read_key
from crypto.protocols.elgamal_sum.client import ElGamalClient
from crypto.protocols.elgamal_sum.client_session import ElGamalClientSession
from crypto.protocols.elgamal_sum.messages import (
    DecryptionRequest,
    EncryptedVector,
    Invitation,
    PartialDecryptions,
    UploadReceipt,
    UploadRequest,
)
from crypto.protocols.elgamal_sum.parameters import ElGamalParameters, ElGamalPolicy
from crypto.protocols.elgamal_sum.receipts import knowledge_context
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

KNOWN = 12345
"""The exponent of what the server and its clients encrypt."""
LOGARITHMS = DiscreteLog(SECP256K1, 200)


class Server:
    """The server, its two clients and the keys of all, for any number of sessions."""

    def __init__(self, policy=None, threshold=THRESHOLD):
        self.identities = {c: SigningIdentity.generate() for c in COHORT}
        self.registry = {c: identity.verify_key for c, identity in self.identities.items()}
        dealer = SigningIdentity.generate()
        policy = policy or ElGamalPolicy(threshold=THRESHOLD)
        self.clients = {
            c: ElGamalClient(
                c, SECP256K1, self.identities[c], self.registry, dealer.verify_key, policy
            )
            for c in COHORT
        }
        receivers = {c: role.agreement_key for c, role in self.clients.items()}
        self.delivery = KeyAuthority(SECP256K1, dealer).deal(receivers, threshold)
        self.key = read_key(self.delivery.announcement, SECP256K1)
        self.threshold = threshold
        self.uploads = {}  # (session, client) -> ciphertext, round
        self.earlier = {}  # client -> what it uploaded last
        self.partials = defaultdict(dict)  # product of uploads -> point -> partial decryption

    def play(self, plan):
        """Drive one session; clients that refuse are out of it."""
        parameters = ElGamalParameters(1, 50, self.threshold, proofs=False)
        parameters = replace(parameters, **plan.parameters)
        delivery, nonce = self.delivery, SYSTEM.bytes(16)
        parts, now = {}, {}
        for client in HONEST:
            sealed = delivery.sealed_shares[client]
            invitation = Invitation(
                nonce,
                plan.round_id,
                COHORT,
                parameters,
                delivery.announcement,
                delivery.signature,
                sealed,
            )
            joined = attempt(lambda c=client, i=invitation: self.clients[c].join(i.to_bytes()))
            if joined is None:
                continue
            parts[client] = part = joined[0]
            told = plan.participants.get(client, COHORT)
            request = UploadRequest(part.session_id, told).to_bytes()
            vector = np.array([VALUES[plan.round_id][client]])
            data = attempt(lambda p=part, r=request, v=vector: p.upload(r, v))
            if data is None:
                continue
            end = -SIGNATURE_BYTES if parameters.signed else None
            now[client] = EncryptedVector.from_bytes(data[:end])
            halves = (SECP256K1.decode(half) for half in (now[client].c1s, now[client].c2s))
            self.uploads[part.session_id, client] = Ciphertext(*halves), plan.round_id
        for client, choices in plan.requests.items():
            for choice in choices:
                if client in now:
                    attempt(lambda c=client, w=choice: self.ask(parts[c], w, now, parameters))
        self.earlier.update(now)

    def ask(self, part, choice, now, parameters):
        """Ask a client for its part of one sum."""
        made = [
            self.made(part.session_id, client, how, now, parameters.signed)
            for client, how in choice
        ]
        receipts = tuple(receipt for receipt, _, _ in made)
        signatures = tuple(signature for _, signature, _ in made)
        data = part.decrypt(DecryptionRequest(part.session_id, receipts, signatures).to_bytes())
        answer = PartialDecryptions.from_bytes(
            data[: -SIGNATURE_BYTES if parameters.signed else None]
        )
        power = SECP256K1.decode(answer.powers)
        total, known = defaultdict(int), 0
        for _, _, (uploads, exponent) in made:
            known += exponent
            for upload, count in uploads.items():
                total[upload] += count
        # What was encrypted with a known exponent is taken off, by the client's verification key.
        point = part._share.point
        known_part = SECP256K1.power(self.key.verification_key(point), known)
        power = SECP256K1.product([power, SECP256K1.invert(known_part)])
        product = frozenset((upload, count) for upload, count in total.items() if count)
        self.partials[product][point] = power

    def made(self, session, client, how, now, signed):
        """A receipt under a client's name, its signature, and what the server knows of it."""
        if upload := {"own": now, "earlier": self.earlier}.get(how, {}).get(client):
            known = {(upload.session_id, client): 1}, 0
            return upload.receipt(), upload.receipt_signature, known
        c1, uploads = SECP256K1.generator_power(KNOWN), {}
        for other in how if isinstance(how, tuple) else ():  # takes these out of the sum
            if other in now and other != client:
                uploads[session, other] = -1
                inverse = SECP256K1.invert(self.uploads[session, other][0].c1)
                c1 = SECP256K1.product([c1, inverse])
        claim = KnowledgeClaim(c1, knowledge_context(session, client, 0))
        proof = KnowledgeProof.make(SECP256K1, claim, KNOWN).to_bytes(SECP256K1)
        receipt = UploadReceipt(session, client, SECP256K1.encode(c1), proof if signed else b"")
        signer = client if client in COLLUDERS else COLLUDERS[0]
        signature = self.identities[signer].sign(SIGNED_MESSAGE, receipt.to_bytes())
        return receipt, signature if signed else b"", (uploads, KNOWN)

    def sums(self):
        """Return round -> the products of uploads that come out, each as client -> how often."""
        found = defaultdict(list)
        for product, answers in self.partials.items():
            if not product or len(answers) + len(COLLUDERS) < self.threshold:
                continue
            parts = [
                SECP256K1.power(half, count % SECP256K1.order)
                for upload, count in product
                for half in (self.uploads[upload][0].c1, self.uploads[upload][0].c2)
            ]
            total = Ciphertext(SECP256K1.product(parts[::2]), SECP256K1.product(parts[1::2]))
            partials = dict(answers)
            for colluder in COLLUDERS:
                share = self.share(colluder)
                partials[share.point] = share.partially_decrypt(total.c1, SECP256K1)
            rounds = {self.uploads[upload][1] for upload, _ in product}
            true = sum(
                count * VALUES[self.uploads[upload][1]][upload[1]] for upload, count in product
            )
            if true >= 0:
                assert self.key.decrypt(total, partials, LOGARITHMS) == true
            for number in rounds:
                found[number].append(
                    {client: count for (_, client), count in product}
                    if len({session for (session, _), _ in product}) == 1
                    else {"mixed": 1}
                )
        return found

    def share(self, client):
        sealed, keys = self.delivery.sealed_shares[client], self.clients[client]._agreement_keys
        return open_share(sealed, self.delivery.announcement, client, keys, self.key)


def breached(server):
    """Whether more came out than one plain sum a round, over as many honest clients as must be."""
    for sums in server.sums().values():
        if len(sums) > 1:
            return True
        (only,) = sums
        enough = len(only) >= THRESHOLD - len(COLLUDERS)
        if not enough or set(only.values()) != {1} or not set(only) <= set(HONEST):
            return True
    return False


class AnyPolicy(ElGamalPolicy):
    """Takes part in whatever is announced."""

    def check(self, *announced):
        pass


def believe(group, receipts, parameters, randomness):
    return [[group.decode(receipt.c1s)] for receipt in receipts]


def answer_again(decrypt):
    def careless(self, data):
        answer = decrypt(self, data)
        self._state = Uploaded()
        return answer

    return careless


def play(plans, **options):
    server = Server(**options)
    for plan in plans:
        server.play(plan)
    return server


def test_the_sum_of_each_round_comes_out():
    plans = [asked(ALL, round_id=n) for n in (1, 2)]
    server = play(plans)
    assert server.sums() == {n: [{1: 1, 2: 1, 3: 1}] for n in (1, 2)}
    assert not breached(server)


def test_helpers_that_do_not_ask_for_knowledge_give_a_value_away(monkeypatch):
    monkeypatch.setattr(client_session, "open_receipts", believe)
    assert play(PLANS["an upload made from others"]).sums() == {1: [{1: 1}]}


def test_helpers_that_answer_twice_give_a_value_away(monkeypatch):
    monkeypatch.setattr(ElGamalClientSession, "decrypt", answer_again(ElGamalClientSession.decrypt))
    monkeypatch.setattr(Opening, "take", lambda _: None)
    assert breached(play(PLANS["two sums, one after the other"]))


def test_helpers_that_forget_opened_rounds_give_a_value_away(monkeypatch):
    monkeypatch.setattr(Opening, "take", lambda _: None)
    assert breached(play(PLANS["a round opened twice"]))


def test_clients_that_join_any_session_give_a_value_away():
    assert breached(play(PLANS["no signatures"], policy=AnyPolicy()))
    assert play(LOW, policy=AnyPolicy(), threshold=3).sums() == {1: [{1: 1}]}
    assert not play(LOW, threshold=3).sums()


@pytest.mark.parametrize("name", PLANS)
def test_clients_that_check_are_not_read(name):
    assert not breached(play(PLANS[name]))


@example([asked(ALL), Plan(round_id=2)])
@settings(max_examples=60, deadline=None)
@given(schedules)
def test_no_schedule_of_lies_reads_anybody(schedule):
    assert not breached(play(schedule))
