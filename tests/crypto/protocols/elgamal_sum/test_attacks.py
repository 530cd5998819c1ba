"""What a server or a client that deviates can do, against the bare scheme and against ours."""

from dataclasses import replace

import numpy as np
import pytest

from crypto.elgamal.discrete_log import DiscreteLog
from crypto.elgamal.encryption import Ciphertext
from crypto.elgamal.threshold import KeyDealer
from crypto.errors import (
    AuthenticationError,
    ConsistencyError,
    ForeignMessageError,
    MalformedMessageError,
    ParameterError,
    PolicyError,
    ProofError,
    ReplayError,
    ShareError,
    SignatureError,
    ThresholdError,
    WrongTimeError,
)
from crypto.groups.edwards25519 import EDWARDS25519
from crypto.groups.ffdhe import FFDHE2048
from crypto.groups.secp256k1 import SECP256K1
from crypto.primitives.signatures import SIGNATURE_BYTES, SigningIdentity
from crypto.proofs.bits import bits_of
from crypto.proofs.knowledge import KnowledgeClaim, KnowledgeProof
from crypto.proofs.range_proof import RangeProver
from crypto.protocols.elgamal_sum.authority import KEY_PURPOSE, KeyAuthority, read_key
from crypto.protocols.elgamal_sum.client import ElGamalClient
from crypto.protocols.elgamal_sum.client_session import value_context
from crypto.protocols.elgamal_sum.messages import (
    DecryptionRequest,
    EncryptedVector,
    PartialDecryptions,
    UploadReceipt,
    UploadRequest,
)
from crypto.protocols.elgamal_sum.parameters import ElGamalParameters, ElGamalPolicy
from crypto.protocols.elgamal_sum.receipts import knowledge_context
from crypto.protocols.elgamal_sum.server import ElGamalServer
from crypto.protocols.elgamal_sum.session import ElGamalSum
from crypto.randomness import SYSTEM
from crypto.session.secure_sum import SessionAbortedError

COHORT = (1, 2, 3, 4, 5)
MAXIMUM = 50


def rather_not_three(candidates, count, randomness):
    """Client 3 often lies about its upload here, and would refuse to decrypt the lie."""
    return sorted(candidates, key=lambda client: client == 3)[:count]


class Cast:
    """Clients 1..5 with values 10, 20 ... and a server; driven by hand, stage by stage."""

    def __init__(self, *, proofs=True, signed=True, group=SECP256K1, policy=None, threshold=3):
        self.group, self.signed = group, signed
        self.identities = {c: SigningIdentity.generate() if signed else None for c in COHORT}
        self.registry = {c: i.verify_key for c, i in self.identities.items()} if signed else {}
        self.dealer = SigningIdentity.generate() if signed else None
        trusted = self.dealer.verify_key if signed else None
        self.policy = policy or ElGamalPolicy(signed, threshold)
        self.clients = {
            c: ElGamalClient(c, group, self.identities[c], self.registry, trusted, self.policy)
            for c in COHORT
        }
        self.authority = KeyAuthority(group, self.dealer)
        receivers = {c: role.agreement_key for c, role in self.clients.items()}
        self.delivery = self.authority.deal(receivers, threshold)
        self.parameters = ElGamalParameters(1, MAXIMUM, threshold, proofs, signed)
        self.logarithms = DiscreteLog(group, len(COHORT) * MAXIMUM)
        self.server = self.make_server(self.delivery)
        self.parts, self.uploads = {}, {}

    def make_server(self, delivery, **changes):
        parameters = replace(self.parameters, **changes)
        return ElGamalServer(
            COHORT,
            parameters,
            1,
            delivery,
            self.logarithms,
            self.registry,
            choose_helpers=rather_not_three,
        )

    def join(self):
        for client, data in self.server.invite().items():
            self.parts[client], answer = self.clients[client].join(data)
            self.server.receive(client, answer)
        return self

    def upload(self):
        self.join()
        for client, data in self.server.request_uploads().items():
            self.uploads[client] = self.parts[client].upload(data, np.array([10 * client]))
        return self

    def receive_uploads(self, skip=()):
        for client in COHORT:
            if client not in skip:
                self.server.receive(client, self.uploads[client])

    def opened(self, client):
        data = self.uploads[client]
        return EncryptedVector.from_bytes(data[:-SIGNATURE_BYTES] if self.signed else data)

    def sealed(self, client, message):
        identity = self.identities[client]
        data = message.to_bytes()
        return data + identity.sign("client message", data) if identity else data

    def request(self, clients):
        messages = [self.opened(c) for c in clients]
        receipts = tuple(message.receipt() for message in messages)
        signatures = tuple(message.receipt_signature for message in messages)
        return DecryptionRequest(self.server.session_id, receipts, signatures)

    def decrypt(self):
        messages = self.server.request_decryption()
        return {client: self.parts[client].decrypt(data) for client, data in messages.items()}


# The server


@pytest.mark.parametrize("participants", [(2, 3, 4, 5), (1, 2, 3, 9), (1, 2, 3, 4, 9)])
def test_clients_upload_only_for_participants_that_were_invited(participants):
    cast = Cast().join()
    request = UploadRequest(cast.server.session_id, participants)
    with pytest.raises(ConsistencyError) as caught:
        cast.parts[1].upload(request.to_bytes(), np.array([10]))
    assert caught.value.culprit == "server"


def test_in_the_paper_any_c1_is_decrypted_and_a_single_quality_comes_out():
    # Section 4.3.4: a client raises what it is sent, whatever that is.
    cast = Cast(proofs=False).upload()
    upload = cast.opened(2)
    c1, c2 = (cast.group.decode(part) for part in (upload.c1s, upload.c2s))
    shares = [cast.parts[client]._share for client in (1, 4, 5)]
    partials = {share.point: share.partially_decrypt(c1, cast.group) for share in shares}
    key = read_key(cast.delivery.announcement, cast.group)
    assert key.decrypt(Ciphertext(c1, c2), partials, cast.logarithms) == 20


@pytest.mark.parametrize("clients", [(2,), (2, 3)])
def test_here_sums_over_too_few_are_refused(clients):
    cast = Cast().upload()
    with pytest.raises(ThresholdError):
        cast.parts[2].decrypt(cast.request(clients).to_bytes())


def test_a_sum_without_the_helper_is_refused():
    cast = Cast().upload()
    with pytest.raises(ConsistencyError) as caught:
        cast.parts[1].decrypt(cast.request((2, 3, 4)).to_bytes())
    assert caught.value.culprit == "server"


def test_uploads_that_cancel_others_out_cannot_be_invented():
    # To learn client 2's value the server "receives" from 3 and 4 what cancels all but 2 and 1.
    cast = Cast().upload()
    request = cast.request((1, 2, 3))
    own = UploadReceipt(cast.server.session_id, 3, cast.group.encode(cast.group.generator), b"")
    forged = replace(request, receipts=(*request.receipts[:2], own))
    with pytest.raises(SignatureError) as caught:
        cast.parts[1].decrypt(forged.to_bytes())
    assert caught.value.culprit == "server"


def test_without_signatures_it_can_be_and_the_server_learns_a_value():
    # Why unsigned sessions are for parties that follow the protocol.
    cast = Cast(signed=False, proofs=False).upload()
    group, request = cast.group, cast.request((1, 2, 3))
    c1 = {c: group.decode(cast.opened(c).c1s) for c in (1, 2)}
    cancelling = group.encode(group.invert(c1[1]))
    own = UploadReceipt(cast.server.session_id, 3, cancelling, b"")
    forged = replace(request, receipts=(*request.receipts[:2], own))
    key, partials = read_key(cast.delivery.announcement, group), {}
    helpers = {1: forged, 2: forged}
    for client, asked in helpers.items():
        answer = PartialDecryptions.from_bytes(cast.parts[client].decrypt(asked.to_bytes()))
        partials[client] = group.decode(answer.powers)
    partials[5] = cast.parts[5]._share.partially_decrypt(c1[2], group)  # one that colludes
    c2 = group.decode(cast.opened(2).c2s)
    assert key.decrypt(Ciphertext(c1[2], c2), partials, cast.logarithms) == 20


def test_the_own_upload_must_be_the_one_that_was_made():
    cast = Cast(signed=False).upload()
    request = cast.request((1, 2, 3))
    other = UploadReceipt(cast.server.session_id, 1, request.receipts[1].c1s, b"")
    with pytest.raises(ConsistencyError):
        cast.parts[1].decrypt(replace(request, receipts=(other, *request.receipts[1:])).to_bytes())


def test_a_second_decryption_in_one_session_is_refused():
    cast = Cast().upload()
    cast.parts[1].decrypt(cast.request((1, 2, 3, 4, 5)).to_bytes())
    with pytest.raises(WrongTimeError):  # else the difference of two sums is a value
        cast.parts[1].decrypt(cast.request((1, 2, 3, 4)).to_bytes())


def test_uploads_of_another_session_are_refused():
    cast, other = Cast(), Cast()
    other.identities, other.registry = cast.identities, cast.registry
    cast.upload()
    other.upload()
    with pytest.raises(ForeignMessageError):
        cast.parts[1].decrypt(other.request((1, 2, 3)).to_bytes())


def test_receipts_with_what_are_no_elements_are_refused():
    cast = Cast(signed=False).upload()
    request = cast.request((1, 2, 3))
    bad = UploadReceipt(cast.server.session_id, 2, b"\xff" * cast.group.element_bytes, b"")
    receipts = (request.receipts[0], bad, request.receipts[2])
    with pytest.raises(MalformedMessageError):
        cast.parts[1].decrypt(replace(request, receipts=receipts).to_bytes())


def related_upload(cast, colluder, victim):
    """An upload that takes all others but the victim's out of the sum, signed by a colluder."""
    others = [client for client in COHORT if client not in (victim, colluder)]
    c1s = [cast.group.decode(cast.opened(client).c1s) for client in others]
    related = cast.group.invert(cast.group.product(c1s))
    return replace(cast.opened(colluder), c1s=cast.group.encode(related))


def signed_by(cast, client, upload):
    receipt = upload.receipt()
    return receipt, cast.identities[client].sign("client message", receipt.to_bytes())


def request_with(cast, upload):
    """A request for the sum over all, with one of the uploads replaced."""
    request = cast.request(COHORT)
    place = COHORT.index(upload.sender)
    receipt, signature = signed_by(cast, upload.sender, upload)
    receipts, signatures = list(request.receipts), list(request.signatures)
    receipts[place], signatures[place] = receipt, signature
    return replace(request, receipts=tuple(receipts), signatures=tuple(signatures)).to_bytes()


@pytest.mark.parametrize("proofs", [True, False])
def test_one_colluder_cannot_make_the_sum_that_of_one_client(proofs):
    # The server shows a colluder the others' uploads, and it signs one that was made from them.
    cast = Cast(proofs=proofs, threshold=4).upload()
    data = request_with(cast, related_upload(cast, colluder=5, victim=2))
    for helper in (1, 3, 4):
        with pytest.raises(ProofError) as caught:
            cast.parts[helper].decrypt(data)
        assert caught.value.culprit == 5
        with pytest.raises(WrongTimeError):  # and it helps with nothing else in this session
            cast.parts[helper].decrypt(cast.request(COHORT).to_bytes())


def test_whoever_does_not_ask_for_knowledge_gives_a_value_away():
    # The same attack against helpers without the check: a sum over unsigned uploads.
    cast = Cast(proofs=False, signed=False, threshold=4).upload()
    upload, group = related_upload(cast, colluder=5, victim=2), cast.group
    request = cast.request(COHORT)
    data = replace(request, receipts=(*request.receipts[:4], upload.receipt())).to_bytes()
    partials = {}
    for helper in (1, 3, 4):
        answer = PartialDecryptions.from_bytes(cast.parts[helper].decrypt(data))
        partials[cast.parts[helper]._share.point] = group.decode(answer.powers)
    c1, c2 = (group.decode(half) for half in (cast.opened(2).c1s, cast.opened(2).c2s))
    share = cast.parts[5]._share
    partials[share.point] = share.partially_decrypt(c1, group)
    key = read_key(cast.delivery.announcement, group)
    assert key.decrypt(Ciphertext(c1, c2), partials, cast.logarithms) == 20


def test_the_server_refuses_an_upload_made_from_others():
    cast = Cast(proofs=False).upload()
    cast.receive_uploads(skip=(5,))
    upload = related_upload(cast, colluder=5, victim=2)
    _, signature = signed_by(cast, 5, upload)
    with pytest.raises(ProofError) as caught:
        cast.server.receive(5, cast.sealed(5, replace(upload, receipt_signature=signature)))
    assert caught.value.culprit == 5


def test_proofs_of_knowledge_are_bound_to_session_client_and_index():
    cast = Cast(proofs=False).upload()
    own = cast.opened(5)
    c1 = cast.group.decode(own.c1s)
    session = cast.server.session_id
    r = 77
    element = cast.group.generator_power(r)
    for context in (
        knowledge_context(bytes(32), 5, 0),
        knowledge_context(session, 4, 0),
        knowledge_context(session, 5, 1),
        value_context(session, 5, 0),
    ):
        claim = KnowledgeClaim(element, context)
        proof = KnowledgeProof.make(cast.group, claim, r).to_bytes(cast.group)
        upload = replace(own, c1s=cast.group.encode(element), knowledge=proof)
        with pytest.raises(ProofError):
            cast.parts[1].decrypt(request_with(cast, upload))
        cast.parts[1]._state = cast.parts[2]._state
    assert c1 != element


@pytest.mark.parametrize("length", [0, 64, 66, 130])
def test_proofs_of_knowledge_have_their_length(length):
    cast = Cast(proofs=False).upload()
    with pytest.raises(MalformedMessageError) as caught:
        cast.parts[1].decrypt(request_with(cast, replace(cast.opened(5), knowledge=bytes(length))))
    assert caught.value.culprit == 5


def test_sums_of_two_are_not_decrypted():
    with pytest.raises(ParameterError, match="must lie in 3"):
        ElGamalParameters(1, MAXIMUM, threshold=2)
    with pytest.raises(ParameterError, match="at least 3"):
        ElGamalSum(threshold=2)
    vectors = {client: np.array([10 * client], np.uint64) for client in (1, 2, 3)}
    for protocol in (ElGamalSum(), ElGamalSum(key_setup="dkg"), ElGamalSum(signed=False)):
        with pytest.raises(SessionAbortedError, match="2 are left, 3 are needed"):
            protocol.sum(vectors, 8, round_id=1, dropouts={2: "upload"})


def test_a_small_cohort_of_a_large_consortium_is_refused_unless_agreed():
    cast = Cast()
    others = {c: SigningIdentity.generate().verify_key for c in range(10, 30)}
    cast.clients[1]._registry = cast.registry | others
    data = cast.server.invite()[1]
    with pytest.raises(PolicyError, match="a cohort of 5 clients is smaller than the 13"):
        cast.clients[1].join(data)
    cast.clients[1]._policy = ElGamalPolicy(threshold=3, least_cohort=5)
    cast.clients[1].join(data)


# Invitations


def refused(cast, delivery, error, client=1, **changes):
    data = cast.make_server(delivery, **changes).invite()[client]
    with pytest.raises(error) as caught:
        cast.clients[client].join(data)
    assert caught.value.culprit == "server"


def test_weak_sessions_and_keys_are_refused():
    cast = Cast(threshold=4)
    receivers = {c: role.agreement_key for c, role in cast.clients.items()}
    low = cast.authority.deal(receivers, 3)
    refused(cast, low, PolicyError, threshold=3)
    refused(cast, cast.delivery, ConsistencyError, threshold=5)
    refused(cast, cast.delivery, PolicyError, signed=False)
    refused(cast, replace(cast.delivery, signature=b""), SignatureError)
    stranger = SigningIdentity.generate()
    forged = stranger.sign(KEY_PURPOSE, cast.delivery.announcement.to_bytes())
    refused(cast, replace(cast.delivery, signature=forged), SignatureError)


def test_a_key_of_the_servers_own_making_is_refused():
    cast = Cast()
    receivers = {c: role.agreement_key for c, role in cast.clients.items()}
    refused(cast, KeyAuthority(SECP256K1, None).deal(receivers, 3), SignatureError)
    announcement = replace(cast.delivery.announcement, dealer_key=bytes(32))
    refused(cast, replace(cast.delivery, announcement=announcement), ConsistencyError)


def test_keys_in_other_groups_are_refused():
    cast = Cast()
    data = cast.server.invite()[1]
    for group in (EDWARDS25519, FFDHE2048):
        client = ElGamalClient(
            1, group, cast.identities[1], cast.registry, cast.dealer.verify_key, cast.policy
        )
        with pytest.raises(MalformedMessageError):
            client.join(data)


def test_shares_that_were_altered_exchanged_or_lost_are_refused():
    cast = Cast()
    sealed = dict(cast.delivery.sealed_shares)
    for bad, error in (
        (sealed[2], AuthenticationError),
        (sealed[1][:-1] + bytes([sealed[1][-1] ^ 1]), AuthenticationError),
        (b"", ShareError),
        (sealed[1] + b"\0", ShareError),
    ):
        refused(cast, replace(cast.delivery, sealed_shares={**sealed, 1: bad}), error)


def test_a_share_that_does_not_fit_the_commitments_is_refused(monkeypatch):
    cast = Cast()
    honest = KeyAuthority(SECP256K1, cast.dealer)
    monkeypatch.setattr(
        "crypto.protocols.elgamal_sum.authority.KeyDealer.deal",
        _with_a_false_share,
    )
    receivers = {c: role.agreement_key for c, role in cast.clients.items()}
    refused(cast, honest.deal(receivers, 3), ShareError)


HONEST_DEAL = KeyDealer.deal


def _with_a_false_share(dealer, threshold, points):
    dealing = HONEST_DEAL(dealer, threshold, points)
    first, *others = dealing.shares
    return replace(dealing, shares=(replace(first, value=first.value ^ 1), *others))


def test_an_invitation_counts_once():
    cast = Cast()
    data = cast.server.invite()[1]
    cast.clients[1].join(data)
    with pytest.raises(ReplayError):
        cast.clients[1].join(data)


# Clients


def out_of_range(cast, client, value):
    """An upload of a value beyond the range, with the proof of one within."""
    key = read_key(cast.delivery.announcement, cast.group).public_key
    r = 12345
    ciphertext = key.encrypt_with(value, r)
    prover = RangeProver(key, MAXIMUM)
    context = value_context(cast.server.session_id, client, 0)
    proof = prover._prove(ciphertext, bits_of(MAXIMUM, MAXIMUM), value, r, context, SYSTEM)
    upload = cast.opened(client)
    c1s, c2s = (cast.group.encode(part) for part in (ciphertext.c1, ciphertext.c2))
    claim = KnowledgeClaim(ciphertext.c1, knowledge_context(cast.server.session_id, client, 0))
    knowledge = KnowledgeProof.make(cast.group, claim, r).to_bytes(cast.group)
    changed = replace(
        upload, c1s=c1s, c2s=c2s, knowledge=knowledge, proofs=proof.to_bytes(cast.group)
    )
    if cast.signed:
        signature = cast.identities[client].sign("client message", changed.receipt().to_bytes())
        changed = replace(changed, receipt_signature=signature)
    return cast.sealed(client, changed)


@pytest.mark.parametrize("value", [MAXIMUM + 1, 10**9, -1, -10])
def test_values_out_of_the_public_range_are_refused_and_named(value):
    cast = Cast().upload()
    with pytest.raises(ProofError) as caught:
        cast.server.receive(3, out_of_range(cast, 3, value))
    assert caught.value.culprit == 3
    cast.receive_uploads(skip=(3,))
    answers = cast.decrypt()
    for client, data in answers.items():
        cast.server.receive(client, data)
    assert cast.server.decrypt().values == (10 + 20 + 40 + 50,)


def test_without_proofs_they_are_not():
    cast = Cast(proofs=False).upload()
    upload = replace(EncryptedVector.from_bytes(out_of_range(cast, 3, 80)[:-64]), proofs=b"")
    cast.server.receive(3, cast.sealed(3, upload))
    cast.receive_uploads(skip=(3,))
    for client, data in cast.decrypt().items():
        cast.server.receive(client, data)
    assert cast.server.decrypt().values == (10 + 20 + 80 + 40 + 50,)


def test_an_honest_client_does_not_send_what_is_out_of_range():
    cast = Cast().join()
    data = cast.server.request_uploads()[1]
    for value in (-1, MAXIMUM + 1):
        with pytest.raises(ParameterError):
            cast.parts[1].upload(data, np.array([value]))
    cast.parts[1].upload(data, np.array([MAXIMUM]))  # the step can be repeated


def test_another_clients_ciphertext_cannot_be_sent_as_ones_own():
    # By which a client would count another's value twice, and learn something about it.
    cast = Cast().upload()
    copied = replace(cast.opened(2), sender=3)
    signature = cast.identities[3].sign("client message", copied.receipt().to_bytes())
    with pytest.raises(ProofError) as caught:
        cast.server.receive(3, cast.sealed(3, replace(copied, receipt_signature=signature)))
    assert caught.value.culprit == 3


def falsified(cast, client, data):
    """A partial decryption that is off by a factor of g."""
    body = PartialDecryptions.from_bytes(data[:-SIGNATURE_BYTES])
    power = cast.group.multiply_by_generator(cast.group.decode(body.powers))
    return cast.sealed(client, replace(body, powers=cast.group.encode(power)))


def test_false_partial_decryptions_are_refused_named_and_replaced():
    cast = Cast().upload()
    cast.receive_uploads()
    answers = cast.decrypt()
    liar = min(answers)
    for client, data in answers.items():
        if client != liar:
            cast.server.receive(client, data)
    with pytest.raises(ProofError) as caught:
        cast.server.receive(liar, falsified(cast, liar, answers[liar]))
    assert caught.value.culprit == liar
    (substitute,) = more = cast.server.request_more_help()
    cast.server.receive(substitute, cast.parts[substitute].decrypt(more[substitute]))
    assert cast.server.request_more_help() == {}
    assert cast.server.decrypt().values == (150,)


def test_without_proofs_they_shift_the_sum_or_ruin_it():
    cast = Cast(proofs=False).upload()
    cast.receive_uploads()
    for client, data in cast.decrypt().items():
        cast.server.receive(client, falsified(cast, client, data))
    # The shifts add up to g^(sum of the Lagrange coefficients) = g^1.
    assert cast.server.decrypt().values == (149,)


def test_a_sum_that_does_not_decrypt_is_an_error():
    cast = Cast(proofs=False).upload()
    upload = replace(EncryptedVector.from_bytes(out_of_range(cast, 3, -500)[:-64]), proofs=b"")
    cast.server.receive(3, cast.sealed(3, upload))
    cast.receive_uploads(skip=(3,))
    for client, data in cast.decrypt().items():
        cast.server.receive(client, data)
    with pytest.raises(ShareError):
        cast.server.decrypt()


@pytest.mark.parametrize("name", ["c1s", "c2s", "proofs"])
def test_uploads_of_wrong_lengths_or_no_elements_are_refused(name):
    cast = Cast().upload()
    upload = cast.opened(3)
    right = getattr(upload, name)
    for wrong in (b"", right[:-1], right + right, b"\xff" * len(right)):
        changed = replace(upload, **{name: wrong})
        signature = cast.identities[3].sign("client message", changed.receipt().to_bytes())
        changed = replace(changed, receipt_signature=signature)
        with pytest.raises(MalformedMessageError) as caught:
            cast.server.receive(3, cast.sealed(3, changed))
        assert caught.value.culprit == 3
    cast.server.receive(3, cast.uploads[3])


def test_receipts_are_signed_too():
    cast = Cast().upload()
    for signature in (b"", bytes(64)):
        with pytest.raises(SignatureError):
            changed = replace(cast.opened(3), receipt_signature=signature)
            cast.server.receive(3, cast.sealed(3, changed))


def test_clients_below_the_threshold_learn_no_value():
    # Two of five pool their shares: a third point would be needed.
    cast = Cast().upload()
    shares = [cast.parts[client]._share for client in (1, 2)]
    key = read_key(cast.delivery.announcement, cast.group)
    c1 = cast.group.decode(cast.opened(3).c1s)
    with pytest.raises(ThresholdError):
        key.combine({s.point: s.partially_decrypt(c1, cast.group) for s in shares})


def test_secrets_do_not_print():
    cast = Cast().upload()
    for part in cast.parts.values():
        assert str(part._share.value) not in repr(part) + repr(part._share)
