"""What the server refuses, when, and whom it blames."""

import numpy as np
import pytest

from crypto.errors import (
    ConsistencyError,
    ForeignMessageError,
    MalformedMessageError,
    ParameterError,
    ReplayError,
    ShareError,
    SignatureError,
    WrongContentError,
    WrongTimeError,
)
from crypto.masking.messages import (
    AdvertisedKeys,
    EncryptedShares,
    MaskedVector,
)
from crypto.masking.parameters import MaskingParameters
from crypto.masking.server import MaskingServer
from crypto.masking.unmasking_messages import (
    Agreement,
    KeyShare,
    SelfMaskShare,
    UnmaskingAnswer,
)
from crypto.sealing import seal
from crypto.shamir import Share
from tests.crypto.conformance import plain_sum
from tests.crypto.masking.cast import BITS, LENGTH, Cast


def resend(cast, client, message):
    """A message of a client that lies: changed, and signed by it all the same."""
    cast.server.receive(client, seal(message, cast.identities[client]))


# The server


def test_the_server_closes_stages_in_order():
    server = Cast().server
    for close in (
        server.publish_keys,
        server.deliver_shares,
        server.announce_survivors,
        server.publish_agreements,
        server.unmask,
    ):
        with pytest.raises(WrongTimeError):
            close()
    server.invite()
    with pytest.raises(WrongTimeError):
        server.invite()


def test_the_server_names_the_sender_of_what_it_refuses():
    cast = Cast().share()
    other = Cast().share()
    cast.server.deliver_shares()
    fits = ClientVector(cast)
    for client, data, error in [
        (1, b"", MalformedMessageError),
        (1, b"th\x01\x01", MalformedMessageError),  # an invitation is for clients
        (1, b"th\x01\x06", MalformedMessageError),
        (1, cast.dealt[1], WrongTimeError),
        (1, fits.sealed(2), ForeignMessageError),
        (9, fits.sealed(9), ForeignMessageError),
        (1, other.dealt[1], WrongTimeError),
        (1, fits.sealed(1, session=other.server.session_id), ForeignMessageError),
        (1, fits.sealed(1, signer=2), SignatureError),
        (1, fits.sealed(1, size=-1), MalformedMessageError),
        (1, fits.sealed(1, size=1), MalformedMessageError),
    ]:
        with pytest.raises(error) as caught:
            cast.server.receive(client, data)
        assert caught.value.culprit == client
    cast.server.receive(1, fits.sealed(1))
    with pytest.raises(ReplayError):
        cast.server.receive(1, fits.sealed(1))


def test_a_client_that_dropped_out_does_not_come_back_within_the_session():
    cast = Cast().advertise()
    for client, data in cast.server.publish_keys().items():
        if client != 5:
            cast.server.receive(client, cast.parts[client].share_keys(data))
    cast.server.deliver_shares()
    with pytest.raises(ForeignMessageError, match="not asked") as caught:
        cast.server.receive(5, ClientVector(cast).sealed(5))
    assert caught.value.culprit == 5


class ClientVector:
    def __init__(self, cast):
        self.cast = cast

    def sealed(self, sender, *, session=None, signer=None, size=0):
        packed = bytes(LENGTH * BITS // 8 + size)
        message = MaskedVector(session or self.cast.server.session_id, sender, packed)
        return seal(message, self.cast.identities.get(signer or sender, self.cast.identities[1]))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda own, first: {"mask_key": bytes(32)}, WrongContentError),
        (lambda own, first: {"share_key": bytes(32)}, WrongContentError),
        (lambda own, first: {"mask_key": first.mask_key}, ConsistencyError),
        (lambda own, first: {"share_key": first.mask_key}, ConsistencyError),
        (lambda own, first: {"mask_key": own.share_key}, ConsistencyError),
    ],
)
def test_keys_that_would_stop_the_neighbours_are_refused(change, error):
    cast = Cast()
    opened = {}
    for client, data in cast.server.invite().items():
        _, answer = cast.clients[client].join(data)
        opened[client] = cast.open(AdvertisedKeys, answer)
    resend(cast, 1, opened[1])
    bad = AdvertisedKeys(**{**vars(opened[2]), **change(opened[2], opened[1])})
    with pytest.raises(error) as caught:
        resend(cast, 2, bad)
    assert caught.value.culprit == 2
    resend(cast, 2, opened[2])


def test_shares_for_the_wrong_receivers_are_refused():
    cast = Cast().advertise()
    data = cast.server.publish_keys()
    dealt = cast.open(EncryptedShares, cast.parts[1].share_keys(data[1]))
    for entries in (dealt.ciphertexts[:-1], (*dealt.ciphertexts, (9, bytes(82))), ()):
        with pytest.raises(WrongContentError) as caught:
            resend(cast, 1, EncryptedShares(dealt.session_id, 1, entries))
        assert caught.value.culprit == 1
    resend(cast, 1, dealt)


def test_agreement_to_another_set_is_refused():
    cast = Cast().upload()
    cast.server.announce_survivors()
    with pytest.raises(ConsistencyError) as caught:
        resend(cast, 1, Agreement(cast.server.session_id, 1, bytes(32)))
    assert caught.value.culprit == 1


def answers(cast):
    cast.confirm()
    data = cast.server.publish_agreements()
    return {c: cast.open(UnmaskingAnswer, cast.parts[c].unmask(data[c])) for c in data}


def test_answers_about_the_wrong_owners_or_of_the_wrong_kind_are_refused():
    cast = Cast()
    honest = answers(cast)[1]
    shares = honest.shares
    swapped = ((1, KeyShare(shares[0][1].share)), *shares[1:])
    for entries, error in [
        (shares[:-1], WrongContentError),
        ((*shares, (9, shares[0][1])), WrongContentError),
        ((), WrongContentError),
        (swapped, ConsistencyError),
    ]:
        with pytest.raises(error) as caught:
            resend(cast, 1, UnmaskingAnswer(honest.session_id, 1, entries))
        assert caught.value.culprit == 1
    resend(cast, 1, honest)


def lie(answer):
    """The answer with a false share for every owner."""
    shares = tuple((owner, type(r)(Share(r.share.value ^ 1))) for owner, r in answer.shares)
    return UnmaskingAnswer(answer.session_id, answer.sender, shares)


def test_one_liar_is_found_and_left_out():
    cast = Cast(5, threshold=3)
    honest = answers(cast)
    for client, answer in honest.items():
        resend(cast, client, lie(answer) if client == 2 else answer)
    result = cast.server.unmask()
    assert result.false_holders == (2,)
    np.testing.assert_array_equal(result.sum, plain_sum(cast.vectors, cast.cohort, BITS))


def test_a_liar_about_one_secret_still_helps_with_the_others():
    cast = Cast(5, threshold=3)
    honest = answers(cast)
    for client in (1, 2, 3, 4):
        answer = honest[client]
        if client == 2:
            false = lie(answer).shares
            answer = UnmaskingAnswer(answer.session_id, 2, (false[0], *answer.shares[1:]))
        resend(cast, client, answer)
    result = cast.server.unmask()
    assert result.false_holders == (2,)
    np.testing.assert_array_equal(result.sum, plain_sum(cast.vectors, cast.cohort, BITS))


def test_false_shares_without_one_to_spare_end_the_session():
    cast = Cast(5, threshold=3)
    honest = answers(cast)
    for client in (1, 2, 3):
        resend(cast, client, lie(honest[client]) if client == 2 else honest[client])
    with pytest.raises(ShareError) as caught:
        cast.server.unmask()
    assert caught.value.culprit is not None


def test_a_dealer_of_false_shares_is_named():
    cast = Cast(5, threshold=3)
    honest = answers(cast)
    for client, answer in honest.items():
        shares = [
            (owner, SelfMaskShare(Share(client)) if owner == 4 else revealed)
            for owner, revealed in answer.shares
        ]
        resend(cast, client, UnmaskingAnswer(answer.session_id, client, tuple(shares)))
    with pytest.raises(ShareError) as caught:
        cast.server.unmask()
    assert caught.value.culprit == 4


def test_a_server_needs_a_cohort_that_fits():
    parameters = MaskingParameters(LENGTH, BITS, 4, 3, 3)
    for cohort in ((1, 2, 3), (5, 4, 3, 2, 1), (1, 2, 3, 4, 5, 6, 7)):
        with pytest.raises(ParameterError):
            MaskingServer(cohort, MaskingParameters(LENGTH, BITS, 5, 3, 3), 1)
    MaskingServer((1, 2, 3, 4, 5), parameters, 1)


def test_an_unknown_client_is_refused_in_signed_sessions():
    cast = Cast()
    cast.server._door._registry = {}
    with pytest.raises(ForeignMessageError):
        cast.advertise()
