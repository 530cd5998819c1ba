"""What the server refuses, when, and whom it blames."""

import itertools

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
from crypto.parties import SERVER
from crypto.primitives.field import SECRET_FIELD
from crypto.primitives.shamir import Share, split_secret
from crypto.protocols.masking import client_session
from crypto.protocols.masking.keys import commit_to_seed
from crypto.protocols.masking.messages import (
    AdvertisedKeys,
    EncryptedShares,
    MaskedVector,
    ShareComplaint,
)
from crypto.protocols.masking.parameters import MaskingParameters
from crypto.protocols.masking.server import MaskingServer
from crypto.protocols.masking.unmasking import SecretRecovery
from crypto.protocols.masking.unmasking_messages import (
    Agreement,
    AgreementList,
    KeyShare,
    UnmaskingAnswer,
)
from crypto.session.signing import sign_message
from tests.crypto.conformance import plain_sum
from tests.crypto.protocols.masking.cast import BITS, LENGTH, Cast


def resend(cast, client, message):
    """A message of a client that lies: changed, and signed by it all the same."""
    cast.server.receive(client, sign_message(message, cast.identities[client]))


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
        (1, fits.signed(2), ForeignMessageError),
        (9, fits.signed(9), ForeignMessageError),
        (1, other.dealt[1], WrongTimeError),
        (1, fits.signed(1, session=other.server.session_id), ForeignMessageError),
        (1, fits.signed(1, signer=2), SignatureError),
        (1, fits.signed(1, size=-1), MalformedMessageError),
        (1, fits.signed(1, size=1), MalformedMessageError),
    ]:
        with pytest.raises(error) as caught:
            cast.server.receive(client, data)
        assert caught.value.culprit == client
    cast.server.receive(1, fits.signed(1))
    with pytest.raises(ReplayError):
        cast.server.receive(1, fits.signed(1))


def test_a_client_that_dropped_out_does_not_come_back_within_the_session():
    cast = Cast().advertise()
    for client, data in cast.server.publish_keys().items():
        if client != 5:
            cast.server.receive(client, cast.parts[client].share_keys(data))
    cast.server.deliver_shares()
    with pytest.raises(ForeignMessageError, match="not asked") as caught:
        cast.server.receive(5, ClientVector(cast).signed(5))
    assert caught.value.culprit == 5


class ClientVector:
    def __init__(self, cast):
        self.cast = cast

    def signed(self, sender, *, session=None, signer=None, size=0):
        packed = bytes(LENGTH * BITS // 8 + size)
        message = MaskedVector(session or self.cast.server.session_id, sender, packed)
        return sign_message(
            message, self.cast.identities.get(signer or sender, self.cast.identities[1])
        )


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
    for entries in (dealt.ciphertexts[:-1], (*dealt.ciphertexts, (9, bytes(146))), ()):
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


@pytest.mark.parametrize("threshold", [3, 4])
def test_a_client_is_sent_the_agreements_that_it_needs_and_no_more(threshold):
    cast = Cast(5, threshold=threshold).confirm()
    for client, data in cast.server.publish_agreements().items():
        signers = [signer for signer, _ in AgreementList.from_bytes(data).signatures]
        assert len(signers) == threshold - 1
        assert client not in signers


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
        ((*shares[:-1], (9, shares[0][1])), WrongContentError),
        ((*shares, (9, shares[0][1])), MalformedMessageError),  # more than the session has
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


def unmask_with_liars(liars, answering, lie=lie, threshold=3):
    """Five clients, of whom some answer and some of these lie: the server that has the answers."""
    cast = Cast(5, threshold=threshold)
    honest = answers(cast)
    for client in answering:
        resend(cast, client, lie(honest[client]) if client in liars else honest[client])
    return cast


def expected_of(cast):
    return plain_sum(cast.vectors, cast.cohort, BITS)


def accused(server):
    return {(by, error.culprit) for by, error in server.findings}


@pytest.mark.parametrize("liars", [(5,), (1,), (2, 3), (2, 4), (1, 2), (1, 5)])
def test_liars_are_found_and_left_out_while_enough_true_shares_are_there(liars):
    cast = unmask_with_liars(liars, cast_of_five)
    result = cast.server.unmask()
    assert result.false_holders == liars
    np.testing.assert_array_equal(result.sum, expected_of(cast))
    assert accused(cast.server) == {(SERVER, liar) for liar in liars}


cast_of_five = (1, 2, 3, 4, 5)


@pytest.mark.parametrize("liar", cast_of_five)
@pytest.mark.parametrize("answering", list(itertools.combinations(cast_of_five, 3)))
def test_a_liar_without_a_share_to_spare_ends_the_session_and_is_named(liar, answering):
    if liar not in answering:
        return
    cast = unmask_with_liars((liar,), answering)
    with pytest.raises(ShareError) as caught:
        cast.server.unmask()
    assert caught.value.culprit == liar
    assert accused(cast.server) == {(SERVER, liar)}


@pytest.mark.parametrize("liars", list(itertools.combinations(cast_of_five, 3)))
def test_however_many_lie_no_honest_client_is_named(liars):
    cast = unmask_with_liars(liars, cast_of_five)
    with pytest.raises(ShareError) as caught:
        cast.server.unmask()
    assert caught.value.culprit in liars
    assert accused(cast.server) == {(SERVER, liar) for liar in liars}


def test_a_liar_about_one_secret_still_helps_with_the_others():
    def lie_once(answer):
        return UnmaskingAnswer(answer.session_id, 2, (lie(answer).shares[0], *answer.shares[1:]))

    cast = unmask_with_liars((2,), (1, 2, 3, 4), lie_once)
    result = cast.server.unmask()
    assert result.false_holders == (2,)
    np.testing.assert_array_equal(result.sum, expected_of(cast))


def test_a_liar_about_its_own_secret_only_matters_where_its_share_is_needed():
    def lie_about_itself(answer):
        shares = tuple(
            (owner, type(r)(Share(r.share.value ^ 1)) if owner == answer.sender else r)
            for owner, r in answer.shares
        )
        return UnmaskingAnswer(answer.session_id, answer.sender, shares)

    cast = unmask_with_liars((1,), cast_of_five, lie_about_itself)
    np.testing.assert_array_equal(cast.server.unmask().sum, expected_of(cast))
    cast = unmask_with_liars((1,), (1, 2, 3, 4), lie_about_itself)  # as many others as needed
    np.testing.assert_array_equal(cast.server.unmask().sum, expected_of(cast))
    assert not accused(cast.server)
    cast = unmask_with_liars((1,), (1, 2, 3), lie_about_itself)
    with pytest.raises(ShareError) as caught:
        cast.server.unmask()
    assert caught.value.culprit == 1


def deal_falsely(cast, dealer, change):
    """Run the session up to the upload, with what one client deals changed and signed by it."""
    cast.advertise()
    for client, data in cast.server.publish_keys().items():
        answer = cast.parts[client].share_keys(data)
        if client == dealer:
            message = cast.open(EncryptedShares, answer)
            entries = tuple((p, change(p, entry)) for p, entry in message.ciphertexts)
            answer = sign_message(
                EncryptedShares(message.session_id, dealer, entries), cast.identities[dealer]
            )
        cast.server.receive(client, answer)
    for client, data in cast.server.deliver_shares().items():
        cast.server.receive(client, cast.parts[client].masked_input(data, cast.vectors[client]))
    return cast


@pytest.mark.parametrize("position", [0, 81, 82, 114])
def test_a_dealer_of_garbage_is_named_by_more_than_can_lie(position):
    def change(_, entry):
        changed = bytearray(entry)
        changed[position] ^= 1
        return bytes(changed)

    cast = deal_falsely(Cast(10), 10, change)
    with pytest.raises(ShareError, match="clients dealt false shares: 10") as caught:
        cast.server.announce_survivors()
    assert caught.value.culprit == 10
    assert accused(cast.server) == {(c, 10) for c in range(1, 10)} | {(SERVER, 10)}


def test_where_complaints_may_be_lies_nobody_is_named():
    # Seven of ten are needed, three may collude: four who complain are one too many to be left.
    few = deal_falsely(Cast(10), 10, lambda p, e: bytes(146) if p <= 3 else e)
    assert len(few.server.announce_survivors()) == 7
    assert accused(few.server) == {(1, 10), (2, 10), (3, 10)}
    cast = Cast(5, threshold=5)  # bears four, and needs all
    with pytest.raises(ConsistencyError, match="cannot be told who is to blame") as caught:
        deal_falsely(cast, 5, lambda p, e: bytes(146) if p == 2 else e).server.announce_survivors()
    assert caught.value.culprit is None
    assert accused(cast.server) == {(2, 5)}


def test_who_complained_has_left_the_session():
    cast = Cast(10).share()
    down = cast.server.deliver_shares()
    session_id = cast.server.session_id
    for accused_ in ((1,), (3, 99)):
        with pytest.raises(WrongContentError):
            resend(cast, 1, ShareComplaint(session_id, 1, accused_))
    resend(cast, 1, ShareComplaint(session_id, 1, (3,)))
    assert 1 not in cast.server.present
    with pytest.raises(ForeignMessageError):
        cast.server.receive(1, cast.parts[1].masked_input(down[1], cast.vectors[1]))
    with pytest.raises(ForeignMessageError):
        resend(cast, 1, ShareComplaint(session_id, 1, (4,)))


def test_a_dealer_whose_shares_fit_no_secret_is_named(monkeypatch):
    split = client_session.split_secret

    def split_badly(secret, threshold, points, randomness):
        return split(bytes(32), threshold, points, randomness)

    cast = Cast(5, threshold=3).advertise()
    for client, data in cast.server.publish_keys().items():
        if client == 4:
            monkeypatch.setattr(client_session, "split_secret", split_badly)
        cast.server.receive(client, cast.parts[client].share_keys(data))
        monkeypatch.undo()
    for client, data in cast.server.deliver_shares().items():
        cast.server.receive(client, cast.parts[client].masked_input(data, cast.vectors[client]))
    for client, data in cast.server.announce_survivors().items():
        cast.server.receive(client, cast.parts[client].confirm_survivors(data))
    for client, data in cast.server.publish_agreements().items():
        cast.server.receive(client, cast.parts[client].unmask(data))
    with pytest.raises(ShareError) as caught:
        cast.server.unmask()
    assert caught.value.culprit == 4


@pytest.mark.parametrize("certain", [True, False])
def test_a_share_that_leads_to_no_secret_at_all_is_got_round(certain):
    """The first shares lead to a number above 32 bytes; with those behind them it is found out."""
    seed, modulus = bytes(range(32)), SECRET_FIELD.modulus
    first, *others = split_secret(seed, 2, (1, 2, 3, 4))
    false = Share((modulus - 1 + others[0].value) * pow(2, -1, modulus) % modulus)
    assert false != first
    session_id, zeros = bytes(32), bytes(32)
    keys = AdvertisedKeys(session_id, 9, zeros, zeros, commit_to_seed(session_id, 9, seed))
    points = {client: client for client in (1, 2, 3, 4)}
    recovery = SecretRecovery(2, points, dealers_commit=certain)
    shares = dict(zip(points, (false, *others), strict=True))
    assert recovery.self_mask_seed(keys, shares) == seed
    assert [error.culprit for error in recovery.findings] == [9 if certain else None]


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
