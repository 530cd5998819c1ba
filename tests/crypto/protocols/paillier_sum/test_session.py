import functools
from dataclasses import replace

import numpy as np
import pytest

from crypto.domain import domain_tag, encode_id
from crypto.errors import (
    ConsistencyError,
    ForeignMessageError,
    MalformedMessageError,
    ParameterError,
    PolicyError,
    ProofError,
    ReplayError,
    SignatureError,
    ThresholdError,
    WrongTimeError,
)
from crypto.primitives.signatures import SIGNATURE_BYTES, SigningIdentity
from crypto.proofs.paillier_knowledge import PlaintextProof
from crypto.protocols.paillier_sum.authority import PaillierAuthority, read_key
from crypto.protocols.paillier_sum.client import PaillierClient
from crypto.protocols.paillier_sum.messages import (
    Consent,
    ConsentRequest,
    DecryptedSum,
    DecryptionOrder,
    EncryptedVector,
    Invitation,
    KeyAnnouncement,
    UploadRequest,
    digest_of,
)
from crypto.protocols.paillier_sum.server import PaillierServer, Stage
from crypto.protocols.paillier_sum.session import PaillierSum
from crypto.protocols.paillier_sum.uploads import knowledge_context
from crypto.session.secure_sum import SessionAbortedError
from crypto.session.signing import SIGNED_MESSAGE, sign_message
from crypto.session.thresholds import plan_threshold
from tests.crypto.conformance import SecureSumConformance, assert_exact, flip, random_vectors
from tests.crypto.protocols.elgamal_sum.test_session import asks_the_victim

TINY = 256


class TinyPaillierSum(PaillierSum):
    """With keys that are factored in no time, so that tests are fast."""

    LEAST_KEY_BITS = TINY

    def __init__(self, **options):
        super().__init__(key_bits=TINY, **options)


class TestConformance(SecureSumConformance):
    upload_stage = Stage.UPLOAD.value
    length = 5
    lengths = (0, 1, 2, 63)
    long_length = 16

    def protocol(self):
        return TinyPaillierSum(choose_helpers=asks_the_victim)

    def tolerated_dropouts(self, num_clients):
        return num_clients - plan_threshold(num_clients)


def test_with_a_key_of_full_length():
    vectors = random_vectors(range(3), 1, 20)
    result = PaillierSum().sum(vectors, 20, round_id=0)
    assert_exact(result, vectors, range(3), 20)
    (upload,) = [row for row in result.costs.messages if row.message == "encrypted vector"]
    proof = 512 + 2 * 256
    assert upload.bytes == 3 * (4 + 32 + 4 + 4 + 512 + 4 + proof + 64)


def test_integer_sums_are_not_reduced():
    vectors = {client: np.array([2**60], np.uint64) for client in range(4)}
    assert TinyPaillierSum().sum_up_to(vectors, 2**60, round_id=0).sum[0] == 2**62


def test_unsigned_sessions_work():
    vectors = random_vectors(range(4), 2, 20)
    result = TinyPaillierSum(signed=False).sum(vectors, 20, round_id=0)
    assert_exact(result, vectors, range(4), 20)


def test_short_keys_and_impossible_options_are_refused():
    for options in ({"key_bits": 1024}, {"threshold": 1}):
        with pytest.raises(ParameterError):
            PaillierSum(**options)
    vectors = random_vectors(range(4), 1, 20)
    for max_value in (0, 2**62):
        with pytest.raises(ParameterError):
            TinyPaillierSum().sum_up_to(vectors, max_value, round_id=0)


def test_the_key_stays_while_it_covers_the_cohort():
    protocol, moduli = TinyPaillierSum(threshold=4), []
    for round_id, clients in enumerate([range(6), range(1, 5), range(7)]):
        vectors = random_vectors(clients, 1, 4)
        assert_exact(protocol.sum(vectors, 4, round_id=round_id), vectors, clients, 4)
        moduli.append(protocol._authority.announcement.modulus)
    assert moduli[0] == moduli[1] != moduli[2]
    assert protocol._authority.announcement.epoch == 2


class Cast:
    """Four clients, driven by hand up to the upload, under a signed key of theirs."""

    def __init__(self):
        self.clients = (0, 1, 2, 3)
        self.identities = {c: SigningIdentity.generate() for c in self.clients}
        self.registry = {c: i.verify_key for c, i in self.identities.items()}
        self.dealer = SigningIdentity.generate()
        self.authority = PaillierAuthority(self.clients, 3, self.dealer, self.registry, TINY)
        self.key = read_key(self.authority.announcement, TINY)
        self.invitation = self.invite()
        self.session_id = self.invitation.session_id()
        self.roles = {
            c: PaillierClient(c, self.identities[c], self.registry, least_key_bits=TINY)
            for c in self.clients
        }
        self.parts, self.uploads, self.signatures = {}, {}, {}

    def invite(self, **changes):
        fields = {
            "nonce": bytes(16),
            "round_id": 1,
            "cohort": self.clients,
            "length": 1,
            "signed": True,
            "key": self.authority.announcement,
            "key_signature": self.authority.signature,
        }
        return Invitation(**{**fields, **changes})

    def join(self, client, invitation):
        return self.roles[client].join(invitation.to_bytes(), self.dealer.verify_key)

    def upload(self):
        request = UploadRequest(self.session_id, self.clients).to_bytes()
        for client in self.clients:
            self.parts[client], _ = self.join(client, self.invitation)
            vector = np.array([10 * client], np.int64)
            data = self.parts[client].upload(request, vector, 100)
            self.uploads[client] = EncryptedVector.from_bytes(data[:-SIGNATURE_BYTES])
            self.signatures[client] = data[-SIGNATURE_BYTES:]
        return self

    def request(self, clients):
        return ConsentRequest(
            self.session_id,
            tuple(self.uploads[c] for c in clients),
            tuple(self.signatures[c] for c in clients),
        ).to_bytes()

    def product(self, clients):
        numbers = [self.key.decode(self.uploads[c].ciphertexts) for c in clients]
        return self.key.encode(self.key.add(numbers))

    def order(self, product, consenting, session_id=None):
        session_id = session_id or self.session_id
        consents = []
        for client in consenting:
            message = Consent(session_id, client, digest_of(session_id, client, product))
            signature = self.identities[client].sign(SIGNED_MESSAGE, message.to_bytes())
            consents.append((client, signature))
        return DecryptionOrder(session_id, product, tuple(consents)).to_bytes()


@pytest.mark.parametrize("participants", [(1, 2, 3), (0, 1, 9), (0, 1, 2, 9)])
def test_clients_upload_only_for_participants_that_were_invited(participants):
    cast = Cast()
    part, _ = cast.join(0, cast.invitation)
    request = UploadRequest(cast.session_id, participants).to_bytes()
    with pytest.raises(ConsistencyError) as caught:
        part.upload(request, np.array([10]), 100)
    assert caught.value.culprit == "server"


def test_clients_consent_to_sums_of_enough_signed_uploads_once():
    cast = Cast().upload()
    data = cast.parts[0].consent(cast.request((0, 1, 2)))
    product = cast.product((0, 1, 2))
    message = Consent.from_bytes(data[:-SIGNATURE_BYTES])
    assert message.digest == digest_of(cast.session_id, 0, product)
    answer = DecryptedSum.from_bytes(cast.authority.decrypt(cast.order(product, (0, 1, 2))))
    assert answer.values == (30,)


@pytest.mark.parametrize(
    ("clients", "error"),
    [((0,), ThresholdError), ((0, 1), ThresholdError), ((1, 2, 3), ConsistencyError)],
)
def test_clients_do_not_consent_to_sums_over_few_or_without_themselves(clients, error):
    cast = Cast().upload()
    with pytest.raises(error):
        cast.parts[0].consent(cast.request(clients))
    with pytest.raises(WrongTimeError):  # and not to anything else after that
        cast.parts[0].consent(cast.request((0, 1, 2)))


def test_clients_do_not_consent_to_uploads_that_were_put_in_their_peers_mouths():
    cast = Cast().upload()
    forged = EncryptedVector(cast.session_id, 1, cast.key.encode(cast.key.encrypt(0)))
    cast.uploads[1] = forged
    with pytest.raises(SignatureError) as caught:
        cast.parts[0].consent(cast.request((0, 1, 2)))
    assert caught.value.culprit == "server"


def test_one_colluder_cannot_make_the_sum_that_of_one_client():
    # The server shows client 3 the others' uploads, and it signs one that was made from them.
    cast = Cast().upload()
    square = cast.key.n**2
    others = cast.key.add(cast.key.decode(cast.uploads[c].ciphertexts) for c in (0, 1))
    related = pow(others, -1, square) * cast.key.encrypt(0) % square
    upload = replace(cast.uploads[3], ciphertexts=cast.key.encode(related))
    cast.uploads[3] = upload
    cast.signatures[3] = cast.identities[3].sign(SIGNED_MESSAGE, upload.to_bytes())
    for client in (0, 1, 2):
        with pytest.raises(ProofError) as caught:
            cast.parts[client].consent(cast.request((0, 1, 2, 3)))
        assert caught.value.culprit == 3
    # Whoever decrypts it without consents that are worth their name gives client 2's value away.
    product = cast.product((0, 1, 2, 3))
    order = cast.order(product, (0, 1, 2))
    assert DecryptedSum.from_bytes(cast.authority.decrypt(order)).values == (20,)


def test_a_proof_is_bound_to_session_client_and_index():
    cast = Cast().upload()
    value, r = 30, cast.key.random_unit()
    ciphertext = cast.key.encrypt_with(value, r)
    for context in (
        knowledge_context(bytes(32), 3, 0),
        knowledge_context(cast.session_id, 2, 0),
        knowledge_context(cast.session_id, 3, 1),
    ):
        proof = PlaintextProof.make(cast.key, ciphertext, value, r, context)
        cast.uploads[3] = EncryptedVector(
            cast.session_id, 3, cast.key.encode(ciphertext), proof.to_bytes(cast.key)
        )
        cast.signatures[3] = cast.identities[3].sign(SIGNED_MESSAGE, cast.uploads[3].to_bytes())
        with pytest.raises(ProofError):
            cast.parts[0].consent(cast.request((0, 1, 2, 3)))
        cast.parts[0]._state = cast.parts[1]._state


@pytest.mark.parametrize("part", ["ciphertexts", "knowledge"])
def test_what_is_no_upload_is_refused_and_names_who_signed_it(part):
    cast = Cast().upload()
    length = len(getattr(cast.uploads[3], part))
    cast.uploads[3] = replace(cast.uploads[3], **{part: b"\xff" * (length - 1)})
    cast.signatures[3] = cast.identities[3].sign(SIGNED_MESSAGE, cast.uploads[3].to_bytes())
    with pytest.raises(MalformedMessageError) as caught:
        cast.parts[0].consent(cast.request((0, 1, 2, 3)))
    assert caught.value.culprit == 3


@pytest.mark.parametrize(("index", "number"), [(1, b"\1\0\0\0"), (2**32 - 1, b"\xff" * 4)])
def test_what_a_proof_is_bound_to_is_written_in_fixed_lengths(index, number):
    bound = domain_tag("paillier_sum/knowledge", bytes(32), encode_id(3), number)
    assert knowledge_context(bytes(32), 3, index) == bound


def let_lie(protocol, client, lie):
    """Have a client upload `lie(part, honest, request, vector, max_value)` from now on."""
    role = protocol._clients[client]
    honest_join = role.join

    def join(data, *given):
        part, answer = honest_join(data, *given)
        part.upload = functools.partial(lie, part, part.upload)
        return part, answer

    role.join = join


def test_a_client_that_makes_its_upload_from_others_is_named_and_left_out():
    protocol = TinyPaillierSum()
    vectors = random_vectors(range(4), 1, 4)
    protocol.sum(vectors, 4, round_id=0)

    def lie(part, honest, *given):
        message = EncryptedVector.from_bytes(honest(*given)[:-SIGNATURE_BYTES])
        changed = replace(message, knowledge=flip(-1)(message.knowledge)).to_bytes()
        return changed + part._identity.sign(SIGNED_MESSAGE, changed)

    let_lie(protocol, 1, lie)
    result = protocol.sum(vectors, 4, round_id=1)
    assert result.survivors == (0, 2, 3)
    assert [refusal.error.culprit for refusal in result.refusals] == [1]


def test_sums_of_two_are_not_decrypted():
    with pytest.raises(ParameterError, match="must lie in 3"):
        KeyAnnouncement(1, (0, 1, 2), 2, bytes(8))
    with pytest.raises(ParameterError, match="at least 3"):
        TinyPaillierSum(threshold=2)
    with pytest.raises(SessionAbortedError, match="2 are left, 3 are needed"):
        TinyPaillierSum().sum(random_vectors(range(3), 1, 8), 8, round_id=1, dropouts={2: "upload"})


def test_a_small_cohort_of_a_large_consortium_is_refused_unless_agreed():
    cast = Cast()
    others = {c: SigningIdentity.generate().verify_key for c in range(10, 30)}
    known = cast.registry | others
    for least, error in ((None, PolicyError), (5, PolicyError), (4, None)):
        role = PaillierClient(0, cast.identities[0], known, least_key_bits=TINY, least_cohort=least)
        if error is None:
            role.join(cast.invitation.to_bytes(), cast.dealer.verify_key)
            continue
        with pytest.raises(error, match="a cohort of 4 clients"):
            role.join(cast.invitation.to_bytes(), cast.dealer.verify_key)


def test_helpers_are_asked_for_those_that_are_missing():
    cohort, counts = (0, 1, 2, 3, 4), []

    def choose(candidates, count, _):
        counts.append(count)
        return tuple(candidates[:count])

    authority = PaillierAuthority(cohort, 3, None, None, TINY)
    server = PaillierServer(cohort, 1, 1, authority.announcement, b"", choose_helpers=choose)
    roles = {c: PaillierClient(c, threshold=3, least_key_bits=TINY) for c in cohort}
    parts = {}
    for client, data in server.invite().items():
        parts[client], answer = roles[client].join(data, None)
        server.receive(client, answer)
    for client, data in server.request_uploads().items():
        server.receive(client, parts[client].upload(data, np.array([client]), 4))
    answers = {c: parts[c].consent(data) for c, data in server.request_consents().items()}
    for client in (0, 1):
        server.receive(client, answers[client])
    answers |= {c: parts[c].consent(data) for c, data in server.request_more_consents().items()}
    for client in (2, 3):  # one that was late, and the one in its place
        server.receive(client, answers[client])
    assert not server.request_more_consents()
    assert counts == [3, 1, 0]
    assert server.read_sum(authority.decrypt(server.order_decryption())) == (10,)


def test_the_authority_decrypts_once_a_session():
    cast = Cast().upload()
    cast.authority.decrypt(cast.order(cast.product((0, 1, 2)), (0, 1, 2)))
    with pytest.raises(ReplayError):
        cast.authority.decrypt(cast.order(cast.product((0,)), (0, 1, 2)))


def test_the_authority_refuses_orders_without_enough_right_consents():
    cast = Cast().upload()
    product, single = cast.product((0, 1, 2)), cast.product((0,))
    with pytest.raises(ThresholdError):
        cast.authority.decrypt(cast.order(product, (0, 1)))
    consents = DecryptionOrder.from_bytes(cast.order(product, (0, 1, 2))).consents
    for session_id, ciphertexts in ((cast.session_id, single), (bytes(32), product)):
        with pytest.raises(SignatureError):
            order = DecryptionOrder(session_id, ciphertexts, consents)
            cast.authority.decrypt(order.to_bytes())
    stranger = ((0, b""), (1, b""), (9, b""))
    with pytest.raises(ForeignMessageError):
        order = DecryptionOrder(cast.session_id, product, stranger)
        cast.authority.decrypt(order.to_bytes())
    with pytest.raises(MalformedMessageError):
        cast.authority.decrypt(cast.order(product[:-1], (0, 1, 2)))
    with pytest.raises(MalformedMessageError):
        cast.authority.decrypt(cast.order(bytes(len(product)), (0, 1, 2)))
    cast.authority.decrypt(cast.order(product, (0, 1, 2)))  # refusals have used nothing up


def test_clients_refuse_weak_invitations():
    cast = Cast()
    stranger = SigningIdentity.generate()
    false_signature = stranger.sign("Paillier key", cast.authority.announcement.to_bytes())
    for changes, error in (
        ({"cohort": (0, 1)}, PolicyError),
        ({"cohort": (0, 1, 9)}, PolicyError),
        ({"cohort": (1, 2, 3)}, ForeignMessageError),
        ({"signed": False}, PolicyError),
        ({"key_signature": b""}, SignatureError),
        ({"key_signature": false_signature}, SignatureError),
    ):
        with pytest.raises(error) as caught:
            cast.join(0, cast.invite(**changes))
        assert caught.value.culprit == "server"
    cast.roles[0]._threshold = 4
    with pytest.raises(PolicyError, match="threshold 3 of 4 clients is below the 4"):
        cast.join(0, cast.invitation)
    cast.roles[0]._threshold = 3
    cast.roles[0]._least_key_bits = 2048
    with pytest.raises(MalformedMessageError):
        cast.join(0, cast.invitation)


def test_an_old_key_of_the_authority_is_never_taken_again():
    cast = Cast()
    new = PaillierAuthority(cast.clients, 3, cast.dealer, cast.registry, TINY, epoch=2)
    twin = PaillierAuthority(cast.clients, 3, cast.dealer, cast.registry, TINY, epoch=2)

    def under(authority, nonce):
        return cast.invite(
            nonce=bytes([nonce]) * 16,
            key=authority.announcement,
            key_signature=authority.signature,
        )

    for nonce, authority in enumerate((cast.authority, cast.authority, new, new)):
        cast.join(0, under(authority, nonce))
    for nonce, (authority, error) in enumerate(
        ((cast.authority, ReplayError), (twin, ConsistencyError)), 10
    ):
        with pytest.raises(error, match="epoch") as caught:
            cast.join(0, under(authority, nonce))
        assert caught.value.culprit == "server"
    raised = replace(cast.authority.announcement, epoch=3)
    with pytest.raises(SignatureError):
        cast.join(0, cast.invite(nonce=b"\x14" * 16, key=raised))
    cast.join(0, under(new, 21))  # what was refused has made nothing void


def test_every_authority_has_its_own_epochs():
    cast = Cast()
    dealer = SigningIdentity.generate()
    other = PaillierAuthority(cast.clients, 3, dealer, cast.registry, TINY, epoch=7)
    invited = cast.invite(nonce=b"\1" * 16, key=other.announcement, key_signature=other.signature)
    cast.roles[0].join(invited.to_bytes(), dealer.verify_key)
    cast.join(0, cast.invitation)


def test_a_client_that_lies_about_its_range_is_noticed_by_the_sum_only():
    protocol = TinyPaillierSum()
    vectors = random_vectors(range(3), 1, 4)
    protocol.sum(vectors, 4, round_id=0)
    let_lie(protocol, 1, lambda part, honest, data, *_: honest(data, np.array([10**6]), 10**6))
    with pytest.raises(SessionAbortedError) as caught:
        protocol.sum(vectors, 4, round_id=1)
    assert "out of range" in str(caught.value)
    assert caught.value.culprit is None  # it cannot be told who it was


def test_a_client_that_encrypts_a_huge_number_does_not_get_the_server_blamed():
    protocol = TinyPaillierSum()
    vectors = random_vectors(range(3), 1, 4)
    protocol.sum(vectors, 4, round_id=0)

    def lie(part, honest, *given):
        honest(*given)
        message = part._encrypt([2**200])
        part._own = message.ciphertexts
        return sign_message(message, part._identity)

    let_lie(protocol, 1, lie)
    with pytest.raises(SessionAbortedError, match="out of range; it cannot be told") as caught:
        protocol.sum(vectors, 4, round_id=1)
    assert caught.value.culprit is None
    assert not caught.value.refusals
