"""What clients, server and authority refuse, and whom they blame."""

import numpy as np
import pytest

from crypto.encoding.residues import ResidueSum
from crypto.errors import (
    AuthenticationError,
    ConsistencyError,
    ForeignMessageError,
    MalformedMessageError,
    ParameterError,
    PolicyError,
    ReplayError,
    ShareError,
    ThresholdError,
    WrongContentError,
    WrongTimeError,
)
from crypto.parties import AUTHORITY, SERVER
from crypto.primitives.key_agreement import AgreementKeyPair
from crypto.primitives.shamir import Share
from crypto.protocols.masking.messages import MaskedVector
from crypto.protocols.masking.parameters import ClientPolicy, MaskingParameters
from crypto.protocols.masking.topology import CompleteGraph
from crypto.protocols.pairwise_masking.authority import KeyAuthority
from crypto.protocols.pairwise_masking.client import PairwiseClient
from crypto.protocols.pairwise_masking.messages import (
    DealtKeys,
    DeliveredKeyShares,
    DroppedClients,
    EncryptedKeyShares,
    KeyList,
    KeyShares,
    PairwiseInvitation,
    PublicKeys,
)
from crypto.protocols.pairwise_masking.server import PairwiseServer
from crypto.protocols.pairwise_masking.session import PairwiseMasking
from tests.crypto.protocols.pairwise_masking.cast import BITS, LENGTH, Cast

SOME_KEY = AgreementKeyPair.generate().public


def refuses(error, culprit, call, *arguments):
    with pytest.raises(error) as caught:
        call(*arguments)
    assert caught.value.culprit == culprit


# The authority


def test_the_authority_deals_once_and_forgets():
    authority = KeyAuthority(Cast().server.invitation)
    assert len(authority.deal()) == 5
    assert vars(authority)["_pairs"] is None
    refuses(WrongTimeError, AUTHORITY, authority.deal)


def test_each_client_has_its_own_keys_for_each_session():
    seen = set()
    for _ in range(2):
        for data in Cast().dealt.values():
            message = DealtKeys.from_bytes(data)
            seen |= {message.mask_key, message.share_key}
    assert len(seen) == 2 * 2 * 5


def test_dealt_keys_are_for_one_client_and_one_session():
    cast = Cast()
    client = cast.clients[1]
    refuses(ForeignMessageError, AUTHORITY, client.take_keys, cast.dealt[2])
    refuses(MalformedMessageError, AUTHORITY, client.take_keys, cast.dealt[1][:-1])
    client.take_keys(cast.dealt[1])
    refuses(ReplayError, AUTHORITY, client.take_keys, cast.dealt[1])
    other = Cast()
    invitation = other.server.invite()[1]
    refuses(WrongTimeError, AUTHORITY, client.join, invitation)
    client.take_keys(other.dealt[1])
    client.join(invitation)
    refuses(ReplayError, AUTHORITY, client.take_keys, other.dealt[1])


# Joining


def invitation(**changes):
    cohort = changes.pop("cohort", (1, 2, 3, 4, 5))
    plan = MaskingParameters.plan(len(cohort), LENGTH, BITS, CompleteGraph(), False)
    parameters = MaskingParameters(**{**vars(plan), **changes})
    return PairwiseInvitation(bytes(16), 1, cohort, parameters, dealt=False).to_bytes()


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"cohort": (2, 3, 4)}, ForeignMessageError),
        ({"cohort": (1, 2)}, (PolicyError, ParameterError)),
        ({"threshold": 2}, PolicyError),
        ({"min_survivors": 2}, PolicyError),
        ({"degree": 2, "threshold": 2}, PolicyError),
    ],
)
def test_weaker_sessions_are_refused(changes, error):
    client = PairwiseClient(1, dealt=False)
    with pytest.raises(error):
        client.join(invitation(**changes))
    client.join(invitation())
    refuses(ReplayError, SERVER, client.join, invitation())


def test_a_client_that_wants_other_keys_refuses():
    for dealt in (True, False):
        client = PairwiseClient(1, dealt=not dealt)
        refuses(PolicyError, SERVER, client.join, Cast(dealt=dealt).server.invite()[1])


def test_a_higher_threshold_is_a_policy():
    client = PairwiseClient(
        1, ClientPolicy(CompleteGraph(4), signatures_required=False), dealt=False
    )
    refuses(PolicyError, SERVER, client.join, invitation())
    client.join(invitation(threshold=4, min_survivors=4))


# Steps of a client


def changed_keys(cast, change):
    message = KeyList.from_bytes(cast.server.publish_keys()[1])
    return KeyList(message.session_id, tuple(change(list(message.entries)))).to_bytes()


def with_keys(entry, **changes):
    return PublicKeys(**{**vars(entry), **changes})


@pytest.mark.parametrize(
    ("change", "error", "culprit"),
    [
        (lambda e: [*e, with_keys(e[0], sender=9)], ForeignMessageError, SERVER),
        (lambda e: [with_keys(e[0], sender=1), *e], ForeignMessageError, SERVER),
        (lambda e: [with_keys(e[0], mask_key=e[1].mask_key), *e[1:]], ConsistencyError, 3),
        (lambda e: [with_keys(e[0], mask_key=e[0].share_key), *e[1:]], ConsistencyError, 2),
        (lambda e: [with_keys(e[0], share_key=bytes(32)), *e[1:]], WrongContentError, 2),
    ],
)
def test_false_key_lists_are_refused(change, error, culprit):
    cast = Cast().join()
    refuses(error, culprit, cast.parts[1].share_keys, changed_keys(cast, change))


def test_too_few_keys_are_refused():
    cast = Cast().join()
    with pytest.raises(ThresholdError):
        cast.parts[1].share_keys(changed_keys(cast, lambda e: e[:1]))
    cast, enough = Cast().join(), slice(cast.parameters.threshold - 1)  # and the client itself
    cast.parts[1].share_keys(changed_keys(cast, lambda e: e[enough]))


def delivered(cast, change):
    message = DeliveredKeyShares.from_bytes(cast.server.deliver_shares()[1])
    entries = tuple(change(list(message.ciphertexts)))
    return DeliveredKeyShares(message.session_id, entries).to_bytes()


@pytest.mark.parametrize(
    ("change", "error", "culprit"),
    [
        (lambda e: [(2, bytes(49)), *e[1:]], AuthenticationError, 2),
        (lambda e: [(2, e[1][1]), *e[1:]], AuthenticationError, 2),
        (lambda e: [(1, e[0][1]), *e[1:]], ForeignMessageError, SERVER),
        (lambda e: [*e, (9, bytes(49))], ForeignMessageError, SERVER),
    ],
)
def test_false_deliveries_are_refused(change, error, culprit):
    cast = Cast().share()
    data = delivered(cast, change)
    refuses(error, culprit, cast.parts[1].masked_input, data, cast.vectors[1])


def test_too_few_deliveries_are_refused():
    cast = Cast().share()
    with pytest.raises(ThresholdError):
        cast.parts[1].masked_input(delivered(cast, lambda e: e[:1]), cast.vectors[1])
    cast, enough = Cast().share(), slice(cast.parameters.threshold - 1)
    cast.parts[1].masked_input(delivered(cast, lambda e: e[enough]), cast.vectors[1])


def test_a_vector_that_does_not_fit_can_be_mended():
    cast = Cast().share()
    data = cast.server.deliver_shares()[1]
    with pytest.raises(ParameterError):
        cast.parts[1].masked_input(data, np.zeros(LENGTH + 1, np.uint64))
    cast.parts[1].masked_input(data, cast.vectors[1])


@pytest.mark.parametrize(
    ("dropped", "error"),
    [
        ((1,), ConsistencyError),
        ((6,), ConsistencyError),
        ((2, 3, 4), ThresholdError),
    ],
)
def test_impossible_dropouts_are_refused(dropped, error):
    cast = Cast().upload()
    message = DroppedClients(cast.server.session_id, dropped).to_bytes()
    with pytest.raises(error):
        cast.parts[1].recover(message)


def test_a_client_answers_once():
    cast = Cast().upload()
    first = DroppedClients(cast.server.session_id, (2,)).to_bytes()
    cast.parts[1].recover(first)
    refuses(WrongTimeError, SERVER, cast.parts[1].recover, first)


def test_steps_are_taken_in_their_order():
    cast = Cast().join()
    dropped = DroppedClients(cast.server.session_id, ()).to_bytes()
    refuses(WrongTimeError, SERVER, cast.parts[1].recover, dropped)
    cast.parts[1].share_keys(cast.server.publish_keys()[1])


def test_every_upload_is_masked_on_every_coordinate():
    """One number repeated, as the text under (16) can be read, would leave differences bare."""
    cast = Cast()
    cast.vectors = {c: np.zeros(LENGTH, np.uint64) for c in cast.cohort}
    cast.upload()
    total = ResidueSum(LENGTH, BITS)
    total.add_packed(MaskedVector.from_bytes(cast.up[1]).packed)
    assert len(set(total.to_array().tolist())) == LENGTH


# The server


def test_keys_that_would_harm_others_are_refused():
    cast = Cast().server
    cast.invite()
    session = cast.session_id
    other = AgreementKeyPair.generate().public

    def send(sender, mask_key, share_key):
        cast.receive(sender, PublicKeys(session, sender, mask_key, share_key).to_bytes())

    refuses(ConsistencyError, 1, send, 1, SOME_KEY, SOME_KEY)
    refuses(WrongContentError, 1, send, 1, SOME_KEY, bytes(32))
    send(1, SOME_KEY, other)
    refuses(ConsistencyError, 2, send, 2, other, AgreementKeyPair.generate().public)
    refuses(ReplayError, 1, send, 1, SOME_KEY, other)


def test_shares_for_others_are_refused():
    cast = Cast().join()
    down = cast.server.publish_keys()
    message = EncryptedKeyShares.from_bytes(cast.parts[1].share_keys(down[1]))
    for ciphertexts in (message.ciphertexts[1:], (*message.ciphertexts, (9, bytes(49)))):
        wrong = EncryptedKeyShares(cast.server.session_id, 1, ciphertexts)
        refuses(WrongContentError, 1, cast.server.receive, 1, wrong.to_bytes())
    cast.server.receive(1, message.to_bytes())


def test_answers_for_others_are_refused():
    cast = Cast().upload(without=(5,))
    down = cast.server.announce_dropped()
    right = KeyShares.from_bytes(cast.parts[1].recover(down[1]))
    assert [owner for owner, _ in right.shares] == [5]
    for shares in ((), ((4, Share(1)),), (*right.shares, (6, Share(1)))):
        wrong = KeyShares(cast.server.session_id, 1, shares)
        refuses(WrongContentError, 1, cast.server.receive, 1, wrong.to_bytes())
    cast.server.receive(1, right.to_bytes())


def with_false_shares(liars):
    cast = Cast().upload(without=(5,))
    down = cast.server.announce_dropped()
    for client, data in down.items():
        answer = KeyShares.from_bytes(cast.parts[client].recover(data))
        if client in liars:
            ((owner, share),) = answer.shares
            answer = KeyShares(answer.session_id, client, ((owner, Share(share.value ^ 1 << 100)),))
        cast.server.receive(client, answer.to_bytes())
    return cast


def test_one_false_share_is_found_and_left_out():
    cast = with_false_shares({2})
    result = cast.server.unmask()
    expected = sum(cast.vectors[c] for c in (1, 2, 3, 4)) % np.uint64(2**BITS)
    np.testing.assert_array_equal(result.sum, expected)
    # Its holder or its dealer lied: nobody is named for it.
    ((by, error),) = cast.server.findings
    assert (by, error.culprit, result.false_holders) == (SERVER, None, ())
    assert "cannot be told apart" in str(error)


def test_two_false_shares_end_the_session():
    cast = with_false_shares({2, 3})
    refuses(ShareError, None, cast.server.unmask)


def test_late_uploads_are_refused():
    cast = Cast().upload(without=(5,))
    upload = cast.up[5]
    cast.server.announce_dropped()
    refuses(WrongTimeError, 5, cast.server.receive, 5, upload)


def test_a_server_serves_the_complete_graph_only():
    parameters = MaskingParameters(1, 20, 2, 2, 3, signed=False)
    with pytest.raises(ParameterError, match="degree=2 must be 4"):
        PairwiseServer((1, 2, 3, 4, 5), parameters, 1)


def test_nothing_secret_in_reprs():
    cast = Cast().join()
    state = cast.parts[1]._state
    assert str(state.mask_keys.private) not in repr(state)


@pytest.mark.parametrize("options", [{"threshold": 2}, {"threshold": 6}])
def test_thresholds_must_be_majorities(options):
    vectors = Cast().vectors
    with pytest.raises(ParameterError):
        PairwiseMasking(**options).sum(vectors, BITS, round_id=1)


def test_unknown_ways_to_set_up_keys_are_refused():
    with pytest.raises(ParameterError, match="key_setup='none' must be one of authority, dkg"):
        PairwiseMasking(key_setup="none")


def test_a_recovered_sum():
    cast = Cast().recover(without=(3,))
    expected = sum(cast.vectors[c] for c in (1, 2, 4, 5)) % np.uint64(2**BITS)
    np.testing.assert_array_equal(cast.server.unmask().sum, expected)
