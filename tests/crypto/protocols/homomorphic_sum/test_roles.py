import numpy as np
import pytest

from crypto.errors import (
    ConsistencyError,
    ForeignMessageError,
    MalformedMessageError,
    ParameterError,
    PolicyError,
    ReplayError,
    SignatureError,
    WrongContentError,
    WrongTimeError,
)
from crypto.primitives.signatures import SigningIdentity
from crypto.protocols.homomorphic_sum.client import HomomorphicClient
from crypto.protocols.homomorphic_sum.key_holder import KeyHolder
from crypto.protocols.homomorphic_sum.messages import (
    DecryptedSum,
    DecryptionOrder,
    EncryptedUpload,
    Invitation,
    KeyAnnouncement,
    MessageType,
    Readiness,
    UploadRequest,
)
from crypto.randomness import SYSTEM
from crypto.session.signing import sign_message
from crypto.vector_schemes.exponential_elgamal import ElGamalScheme
from crypto.vector_schemes.scheme import EncryptedVector, VectorPlan
from tests.crypto.message_laws import sample_laws
from tests.crypto.protocols.homomorphic_sum.cast import CLIENTS, KEPT, PLAN, SCHEME, Cast


def changed(vector, **changes):
    return EncryptedVector(**(vars(vector) | changes))


def test_by_hand():
    cast = Cast().upload()
    answer = cast.holder.decrypt(cast.honest_order)
    expected = sum(cast.vectors.values())
    np.testing.assert_array_equal(cast.server.read_sum(answer), expected)


def test_the_key_holder_sees_one_ciphertext_vector_and_no_upload():
    cast = Cast().upload()
    order = cast.honest_order
    for client in CLIENTS:
        assert cast.vector(client).ciphertexts not in order
    assert len(order) < 1.5 * len(cast.uploads[0]) + 800


# The key holder


def test_the_key_holder_decrypts_once_a_session():
    cast = Cast().upload()
    order = cast.honest_order
    cast.holder.decrypt(order)
    with pytest.raises(ReplayError) as caught:
        cast.holder.decrypt(order)
    assert caught.value.culprit == "server"


def test_the_key_holder_refuses_orders_that_are_not_for_the_sum_of_a_session():
    cast = Cast().upload()
    cases = list(_cases(cast))
    assert len(cases) == 12
    for order, error in cases:
        with pytest.raises(error) as caught:
            cast.holder.decrypt(order.to_bytes())
        assert caught.value.culprit == "server"
    cast.holder.decrypt(cast.honest_order)  # refusals have used nothing up


def _cases(cast):
    """Yield what a server may try, and the answer it gets."""
    total, consents = cast.order().total, cast.order().consents
    yield cast.order(total=cast.vector(0)), ConsistencyError
    yield cast.order(total=changed(total, addends=3)), ConsistencyError
    yield cast.order(total=changed(total, plan=VectorPlan(3, 20, 5))), ConsistencyError
    yield cast.order(total=changed(total, fingerprint=bytes(32))), MalformedMessageError
    yield cast.order(total=changed(total, ciphertexts=bytes(128))), MalformedMessageError
    yield cast.order(consents=(*consents[:3], consents[0])), SignatureError
    yield cast.order(consents=(*consents[:3], bytes(64))), SignatureError
    yield cast.order(invitation=cast.invitation(nonce=bytes(16))), SignatureError
    other_key = KeyAnnouncement(1, SCHEME.name, b"another key")
    yield cast.order(invitation=cast.invitation(announcement=other_key)), ForeignMessageError
    two = VectorPlan(3, 20, 2)
    few = cast.invitation(cohort=(0, 1))
    both = changed(total, plan=two, addends=2)
    yield cast.order(invitation=few, total=both, consents=consents[:2]), PolicyError
    unsigned = cast.invitation(signed=False, key_signature=b"")
    yield cast.order(invitation=unsigned, consents=(b"",) * 4), PolicyError
    strangers = cast.invitation(cohort=(5, 6, 7, 9))
    yield cast.order(invitation=strangers), ForeignMessageError


def test_a_sum_out_of_range_uses_the_session_up_and_tells_nothing():
    cast = Cast().upload()
    key = cast.holder.public_key
    largest = np.full(3, 2**20 - 1, np.uint64)
    plan = VectorPlan(3, 20, 9)
    big = key.add([key.encrypt(largest, plan)] * 9)
    order = cast.order(total=changed(big, plan=PLAN, addends=4))
    with pytest.raises(WrongContentError, match="cannot be told which") as caught:
        cast.holder.decrypt(order.to_bytes())
    assert caught.value.culprit is None  # a client may have encrypted it, and not the server
    assert str(9 * (2**20 - 1)) not in str(caught.value)
    with pytest.raises(ReplayError):
        cast.holder.decrypt(cast.honest_order)


def test_attack_a_server_that_deviates_learns_one_upload_instead_of_the_sum():
    # What the package says it does not prevent: one upload passed off as the sum.
    cast = Cast().upload()
    single = changed(cast.vector(2), addends=len(CLIENTS))
    answer = cast.holder.decrypt(cast.order(total=single).to_bytes())
    np.testing.assert_array_equal(DecryptedSum.from_bytes(answer).values, cast.vectors[2])


# Clients


def test_clients_refuse_weak_invitations():
    cast = Cast()
    stranger = SigningIdentity.generate()
    announcement = cast.holder.announcement
    for changes, error in (
        ({"cohort": (0, 1)}, PolicyError),
        ({"cohort": (1, 2, 3)}, ForeignMessageError),
        ({"signed": False, "key_signature": b""}, PolicyError),
        ({"key_signature": bytes(64)}, SignatureError),
        (
            {"key_signature": stranger.sign("homomorphic key", announcement.to_bytes())},
            SignatureError,
        ),
        ({"announcement": KeyAnnouncement(1, SCHEME.name, b"\1" * 64)}, SignatureError),
        ({"announcement": KeyAnnouncement(1, "plaintext", announcement.key)}, PolicyError),
    ):
        with pytest.raises(error) as caught:
            cast.join(0, cast.invitation(**changes))
        assert caught.value.culprit == "server"
    with pytest.raises(PolicyError):
        cast.clients[0].join(cast.invitation().to_bytes(), None)
    cast.join(0, cast.invitation())  # refusals have used nothing up
    with pytest.raises(ReplayError):
        cast.join(0, cast.invitation())


def test_clients_refuse_false_keys_though_they_are_signed():
    cast = Cast()
    for key in (b"", bytes(64), cast.holder.announcement.key[:-1]):
        announcement = KeyAnnouncement(1, SCHEME.name, key)
        signature = cast.dealer.sign("homomorphic key", announcement.to_bytes())
        invitation = cast.invitation(announcement=announcement, key_signature=signature)
        with pytest.raises(MalformedMessageError) as caught:
            cast.join(0, invitation)
        assert caught.value.culprit == "server"


def test_clients_refuse_sums_that_their_key_cannot_hold():
    scheme = ElGamalScheme()
    client, announcement = HomomorphicClient(0, scheme), KeyHolder(scheme, None, None).announcement
    for bits, fits in ((30, True), (31, False)):
        invitation = Invitation(NONCE, 7, CLIENTS, 1, bits, False, announcement, b"")
        if fits:
            client.join(invitation.to_bytes(), None)
            continue
        with pytest.raises(PolicyError) as caught:
            client.join(invitation.to_bytes(), None)
        assert caught.value.culprit == "server"


def test_clients_upload_once_and_only_what_fits():
    cast = Cast().set_up()
    request = cast.request()
    part = cast.parts[0]
    with pytest.raises(ParameterError):
        part.upload(request, np.full(3, 2**20, np.uint64))
    with pytest.raises(ForeignMessageError):
        part.upload(UploadRequest(bytes(32)).to_bytes(), cast.vectors[0])
    with pytest.raises(MalformedMessageError):
        part.upload(request[:-1], cast.vectors[0])
    part.upload(request, cast.vectors[0])
    with pytest.raises(WrongTimeError):
        part.upload(request, cast.vectors[0])


# The server


def refused_uploads(cast):
    key, other = cast.holder.public_key, KEPT.__class__(512).generate().public_key
    vector = cast.vectors[1]
    good = key.encrypt(vector, PLAN)
    yield other.encrypt(vector, PLAN), MalformedMessageError
    yield changed(good, ciphertexts=good.ciphertexts[:-1]), MalformedMessageError
    yield changed(good, ciphertexts=bytes(len(good.ciphertexts))), MalformedMessageError
    yield key.encrypt(vector, VectorPlan(3, 21, 4)), ConsistencyError
    yield key.add([good, good]), ConsistencyError


def test_the_server_refuses_uploads_that_would_spoil_the_sum():
    cast = Cast().set_up()
    request = cast.request()
    for vector, error in refused_uploads(cast):
        data = sign_message(EncryptedUpload(cast.session_id, 1, vector), cast.identities[1])
        with pytest.raises(error) as caught:
            cast.server.receive(1, data)
        assert caught.value.culprit == 1
    for client in CLIENTS:  # a refused message has changed nothing
        data = cast.parts[client].upload(request, cast.vectors[client])
        cast.server.receive(client, data)
    answer = cast.holder.decrypt(cast.server.order_decryption())
    np.testing.assert_array_equal(cast.server.read_sum(answer), sum(cast.vectors.values()))


def test_the_server_reads_the_sum_of_its_session_only():
    cast = Cast().upload()
    values = np.zeros(3, np.int64)
    for answer, error in (
        (DecryptedSum.of(bytes(32), values), ForeignMessageError),
        (DecryptedSum.of(cast.session_id, values[:2]), ForeignMessageError),
        (UploadRequest(cast.session_id), MalformedMessageError),
    ):
        with pytest.raises(error):
            cast.server.read_sum(answer.to_bytes())


def test_the_server_alone_cannot_read_uploads():
    # It knows the public key: it can add and encrypt, and test guesses by comparing, in vain.
    cast = Cast().upload()
    key = cast.holder.public_key
    guess = key.encrypt(cast.vectors[1], PLAN)
    assert guess.ciphertexts != cast.vector(1).ciphertexts
    assert not hasattr(key, "decrypt")


# Messages

SID, NONCE, SIGNATURE = bytes(range(32)), bytes(16), bytes(64)
KEY = KeyAnnouncement(1, "scheme", b"key")
VECTOR = EncryptedVector(SID, VectorPlan(1, 5, 3), 1, b"c")
INVITATION = Invitation(NONCE, 7, (1, 2, 3), 1, 5, True, KEY, SIGNATURE)
SAMPLES = [
    KEY,
    INVITATION,
    Readiness(SID, 4),
    UploadRequest(SID),
    EncryptedUpload(SID, 4, VECTOR),
    DecryptionOrder(INVITATION, VECTOR, (SIGNATURE,) * 3),
    DecryptedSum(SID, bytes(range(16))),
]

TestSamples = sample_laws(SAMPLES)


def test_type_numbers_are_in_their_range():
    assert sorted(message.TYPE for message in SAMPLES) == [kind.value for kind in MessageType]
    assert all(96 <= kind <= 127 for kind in MessageType)
    assert VECTOR.TYPE not in {kind.value for kind in MessageType}


def test_messages_that_contradict_themselves_cannot_be_made():
    for make in (
        lambda: KeyAnnouncement(0, "scheme", b"key"),
        lambda: KeyAnnouncement(2**64, "scheme", b"key"),
        lambda: Invitation(NONCE, 7, (2, 1), 1, 5, True, KEY, SIGNATURE),
        lambda: Invitation(NONCE, 7, (1, 2), 1, 5, True, KEY, b""),
        lambda: Invitation(NONCE, 7, (1, 2), 1, 5, False, KEY, SIGNATURE),
        lambda: Invitation(NONCE, 7, (), 1, 5, True, KEY, SIGNATURE),
        lambda: Invitation(NONCE, 7, (1, 2, 3), 1, 62, True, KEY, SIGNATURE),
        lambda: Invitation(NONCE, 2**64, (1, 2), 1, 5, True, KEY, SIGNATURE),
        lambda: Invitation(NONCE[1:], 1, (1, 2), 1, 5, True, KEY, SIGNATURE),
        lambda: DecryptionOrder(INVITATION, VECTOR, (SIGNATURE,)),
        lambda: DecryptionOrder(INVITATION, VECTOR, (b"",) * 3),
        lambda: DecryptedSum(SID, b"short"),
        lambda: Readiness(SID, 2**32),
    ):
        with pytest.raises(ParameterError):
            make()


def test_key_holders_do_not_print_their_key():
    holder = KeyHolder(KEPT, None, None)
    assert holder._private is KEPT.generate(SYSTEM)
    assert str(holder._private.private.p) not in repr(vars(holder))
