"""What a client refuses, when, and whom it blames."""

import copy
import re

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
    ThresholdError,
    WrongContentError,
    WrongTimeError,
)
from crypto.parties import SERVER
from crypto.primitives.aead import encrypt_once
from crypto.primitives.key_agreement import AgreementKeyPair
from crypto.primitives.signatures import SigningIdentity
from crypto.protocols.masking.client import MaskingClient
from crypto.protocols.masking.keys import (
    ShareChannelKeys,
    adds_pairwise_mask,
    pairwise_seed,
    share_binding,
)
from crypto.protocols.masking.messages import (
    AdvertisedKeys,
    DeliveredShares,
    DirectoryEntry,
    Invitation,
    KeyDirectory,
    ShareComplaint,
)
from crypto.protocols.masking.parameters import ClientPolicy, MaskingParameters
from crypto.protocols.masking.server import MaskingServer
from crypto.protocols.masking.unmasking_messages import (
    AgreementList,
    SurvivorSet,
)
from tests.crypto.protocols.masking.cast import BITS, LENGTH, Cast, dealt_pair

# Keys


def test_both_sides_derive_the_same_keys_and_other_pairs_others():
    alice, bob, session = AgreementKeyPair.generate(), AgreementKeyPair.generate(), bytes(32)
    seed = pairwise_seed(3, alice, 8, bob.public, session)
    assert seed == pairwise_seed(8, bob, 3, alice.public, session)
    assert adds_pairwise_mask(3, 8) != adds_pairwise_mask(8, 3)
    there = ShareChannelKeys.agree(3, alice, 8, bob.public, session)
    back = ShareChannelKeys.agree(8, bob, 3, alice.public, session)
    assert (there.sending, there.receiving) == (back.receiving, back.sending)
    others = [
        pairwise_seed(3, alice, 9, bob.public, session),
        pairwise_seed(3, alice, 8, bob.public, b"\1" * 32),
        there.sending,
        there.receiving,
    ]
    assert len({seed, *others}) == 5
    bindings = [share_binding(bytes(32), 3, 8), share_binding(bytes(32), 8, 3)]
    bindings += [share_binding(bytes(32), 3, 9), share_binding(b"\1" * 32, 3, 8)]
    assert len(set(bindings)) == 4
    assert repr(there.sending) not in repr(there)


# Joining


def invitation(**changes):
    values = {"nonce": bytes(16), "round_id": 1, "cohort": (1, 2, 3, 4, 5)}
    values["parameters"] = MaskingParameters(LENGTH, BITS, 4, 4, 4)
    return Invitation(**{**values, **changes}).to_bytes()


def test_an_invitation_is_accepted_once():
    client = Cast().clients[1]
    client.join(invitation())
    with pytest.raises(ReplayError) as caught:
        client.join(invitation())
    assert caught.value.culprit == SERVER
    client.join(invitation(nonce=b"\1" * 16))


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"cohort": (2, 3, 4, 5, 6)}, ForeignMessageError),
        ({"cohort": (1, 2, 3, 4, 99)}, PolicyError),  # 99 is not in the registry
        ({"cohort": (1, 2), "parameters": MaskingParameters(5, 8, 1, 2, 2)}, PolicyError),
        ({"cohort": ()}, ForeignMessageError),
        ({"parameters": MaskingParameters(5, 8, 4, 2, 4)}, PolicyError),
        ({"parameters": MaskingParameters(5, 8, 4, 3, 4)}, PolicyError),  # bears no colluder
        ({"parameters": MaskingParameters(5, 8, 4, 4, 3)}, PolicyError),
        ({"parameters": MaskingParameters(5, 8, 2, 2, 4)}, PolicyError),
        ({"parameters": MaskingParameters(5, 8, 4, 4, 4, signed=False)}, PolicyError),
        ({"parameters": MaskingParameters(5, 8, 5, 4, 4)}, PolicyError),  # degree beyond n - 1
    ],
)
def test_weak_or_foreign_invitations_are_refused(changes, error):
    with pytest.raises(error) as caught:
        Cast().clients[1].join(invitation(**changes))
    assert caught.value.culprit == SERVER


def test_stricter_invitations_are_accepted():
    Cast().clients[1].join(invitation(parameters=MaskingParameters(5, 8, 4, 4, 5)))


def large_consortium(least_cohort=None):
    """A client of a consortium of a hundred, and what a server needs to invite three of it."""
    identities = {c: SigningIdentity.generate() for c in range(100)}
    registry = {c: identity.verify_key for c, identity in identities.items()}
    policy = ClientPolicy(least_cohort=least_cohort)
    return MaskingClient(7, identities[7], registry, policy), registry


def invite(cohort, registry):
    parameters = MaskingParameters.plan(len(cohort), LENGTH, BITS)
    return MaskingServer(cohort, parameters, 1, registry).invite()[7]


@pytest.mark.parametrize("size", [3, 10, 50])
def test_a_small_part_of_a_consortium_is_refused_unless_agreed_to(size):
    client, registry = large_consortium()
    cohort = tuple(range(7, 7 + size))
    with pytest.raises(PolicyError, match="smaller than the 51") as caught:
        client.join(invite(cohort, registry))
    assert caught.value.culprit == SERVER
    client.join(invite(tuple(range(51)), registry))
    sampled, registry = large_consortium(size)
    sampled.join(invite(cohort, registry))
    with pytest.raises(PolicyError):
        large_consortium(size + 1)[0].join(invite(cohort, registry))


def test_a_client_without_identity_joins_unsigned_sessions_only():
    policy = ClientPolicy(signatures_required=False)
    client = MaskingClient(1, registry=Cast().registry, policy=policy)
    with pytest.raises(PolicyError):
        client.join(invitation())
    client.join(invitation(parameters=MaskingParameters(5, 8, 4, 3, 3, signed=False)))


def test_keys_are_new_in_every_session():
    client = Cast().clients[1]
    keys = [client.join(invitation(nonce=bytes([i]) * 16))[1] for i in range(3)]
    opened = [AdvertisedKeys.from_bytes(data[:-64]) for data in keys]
    assert len({key for k in opened for key in (k.mask_key, k.share_key)}) == 6
    assert len({k.seed_commitment for k in opened}) == 3


# The client's steps


def directory_of(cast, client):
    return KeyDirectory.from_bytes(cast.server.publish_keys()[client])


def test_steps_out_of_order_are_refused_and_change_nothing():
    cast = Cast().advertise()
    part, vector = cast.parts[1], cast.vectors[1]
    session = cast.server.session_id
    early = [
        lambda: part.masked_input(DeliveredShares(session, ()).to_bytes(), vector),
        lambda: part.confirm_survivors(SurvivorSet(session, ()).to_bytes()),
        lambda: part.unmask(AgreementList(session, ()).to_bytes()),
    ]
    for step in early:
        with pytest.raises(WrongTimeError):
            step()
    data = directory_of(cast, 1).to_bytes()
    part.share_keys(data)
    with pytest.raises(WrongTimeError):
        part.share_keys(data)


def test_malformed_and_foreign_messages_do_not_end_the_round():
    cast = Cast().advertise()
    part, data = cast.parts[1], directory_of(cast, 1).to_bytes()
    for wrong in (b"", data[:-1], data + b"\0", cast.advertised[2]):
        with pytest.raises(MalformedMessageError) as caught:
            part.share_keys(wrong)
        assert caught.value.culprit == SERVER
    with pytest.raises(ForeignMessageError):
        part.share_keys(KeyDirectory(b"\7" * 32, ()).to_bytes())
    part.share_keys(data)


def test_unsigned_sessions_have_no_consistency_check():
    cast = Cast(signed=False).upload()
    data = cast.server.announce_survivors()[1]
    with pytest.raises(WrongTimeError):
        cast.parts[1].confirm_survivors(data)
    cast.parts[1].unmask(data)


def changed_directory(cast, change):
    directory = directory_of(cast, 1)
    return KeyDirectory(directory.session_id, tuple(change(list(directory.entries)))).to_bytes()


def with_keys(entry, **changes):
    return DirectoryEntry(
        AdvertisedKeys(**{**vars(entry.keys), **changes}),
        entry.signature,
    )


@pytest.mark.parametrize(
    ("change", "error", "culprit"),
    [
        (lambda e: [*e[:-1], with_keys(e[-1], sender=6)], ForeignMessageError, SERVER),
        (lambda e: [with_keys(e[0], sender=1), *e[1:]], ForeignMessageError, SERVER),
        (lambda e: [with_keys(e[0], mask_key=bytes(32)), *e[1:]], SignatureError, 2),
        (lambda e: [with_keys(e[0], seed_commitment=bytes(32)), *e[1:]], SignatureError, 2),
        (lambda e: [DirectoryEntry(e[0].keys, b""), *e[1:]], SignatureError, 2),
        (lambda e: [DirectoryEntry(e[0].keys, e[1].signature), *e[1:]], SignatureError, 2),
    ],
)
def test_false_directories_are_refused(change, error, culprit):
    cast = Cast().advertise()
    with pytest.raises(error) as caught:
        cast.parts[1].share_keys(changed_directory(cast, change))
    assert caught.value.culprit == culprit


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda e: [e[0], with_keys(e[1], mask_key=e[0].keys.mask_key), *e[2:]], ConsistencyError),
        (lambda e: [e[0], with_keys(e[1], share_key=e[0].keys.mask_key), *e[2:]], ConsistencyError),
        (lambda e: [*e[:1], with_keys(e[1], share_key=bytes(32)), *e[2:]], WrongContentError),
        (lambda e: [*e[:1], DirectoryEntry(e[1].keys, bytes(64)), *e[2:]], SignatureError),
    ],
)
def test_false_directories_are_refused_without_signatures_too(change, error):
    cast = Cast(signed=False).advertise()
    with pytest.raises(error) as caught:
        cast.parts[1].share_keys(changed_directory(cast, change))
    assert caught.value.culprit in (3, SERVER)


def test_too_few_neighbours_are_refused():
    cast = Cast().advertise()
    with pytest.raises(ThresholdError) as caught:
        cast.parts[1].share_keys(changed_directory(cast, lambda e: e[:1]))
    assert (caught.value.found, caught.value.needed) == (2, 4)


def test_a_key_of_small_order_is_noticed_at_the_latest_when_masking():
    cast = Cast(signed=False).advertise()
    data = changed_directory(cast, lambda e: [with_keys(e[0], mask_key=bytes(32)), *e[1:]])
    cast.parts[1].share_keys(data)
    delivered = _deliver_honestly(cast, cast.parts[1]._state)
    with pytest.raises(WrongContentError) as caught:
        cast.parts[1].masked_input(delivered, cast.vectors[1])
    assert caught.value.culprit == 2


def _deliver_honestly(cast, state):
    session = cast.server.session_id
    return DeliveredShares(
        session,
        tuple(
            (peer, dealt_pair(known.channel.receiving, session, peer, 1, state.own_pair))
            for peer, known in sorted(state.channels.peers.items())
        ),
    ).to_bytes()


def delivered_to(cast, client, change):
    message = DeliveredShares.from_bytes(cast.server.deliver_shares()[client])
    entries = tuple(change(list(message.ciphertexts)))
    return DeliveredShares(message.session_id, entries).to_bytes()


@pytest.mark.parametrize(
    "change",
    [
        lambda e: [(1, e[0][1]), *e[1:]],
        lambda e: [*e, (9, bytes(146))],
    ],
)
def test_deliveries_of_strangers_are_refused(change):
    cast = Cast().share()
    with pytest.raises(ForeignMessageError) as caught:
        cast.parts[1].masked_input(delivered_to(cast, 1, change), cast.vectors[1])
    assert caught.value.culprit == SERVER


def with_flipped(entry, position):
    changed = bytearray(entry[1])
    changed[position] ^= 1
    return entry[0], bytes(changed)


@pytest.mark.parametrize(
    ("change", "accused"),
    [
        (lambda e: [(2, bytes(146)), *e[1:]], (2,)),
        (lambda e: [(2, e[1][1]), *e[1:]], (2,)),
        (lambda e: [with_flipped(e[0], 3), *e[1:3], with_flipped(e[3], 81)], (2, 5)),
        (lambda e: [*e[:2], with_flipped(e[2], 82), e[3]], (4,)),  # commitment to the seed's share
        (lambda e: [*e[:2], e[2], with_flipped(e[3], 145)], (5,)),  # and to the key's
    ],
)
@pytest.mark.parametrize("signed", [True, False])
def test_false_shares_are_complained_of(change, accused, signed):
    cast = Cast(signed=signed).share()
    data = cast.parts[1].masked_input(delivered_to(cast, 1, change), cast.vectors[1])
    assert cast.open(ShareComplaint, data) == ShareComplaint(cast.server.session_id, 1, accused)
    with pytest.raises(WrongTimeError):
        cast.parts[1].masked_input(data, cast.vectors[1])


def test_too_few_deliveries_are_refused():
    cast = Cast().share()
    data = delivered_to(cast, 1, lambda e: e[:1])
    with pytest.raises(ThresholdError, match="shared keys: 2 are left, 4 are needed"):
        cast.parts[1].masked_input(data, cast.vectors[1])


def test_shares_meant_for_another_are_refused():
    cast = Cast().share()
    messages_down = cast.server.deliver_shares()
    with pytest.raises(ForeignMessageError):
        cast.parts[1].masked_input(messages_down[2], cast.vectors[1])


def test_shares_that_are_no_field_elements_are_complained_of():
    cast = Cast().share()
    channel = cast.parts[2]._state.channels.peers[1].channel
    binding = share_binding(cast.server.session_id, 2, 1)
    junk = encrypt_once(channel.sending, b"\xff" * 66, binding) + bytes(64)
    data = delivered_to(cast, 1, lambda e: [(2, junk), *e[1:]])
    complaint = cast.open(ShareComplaint, cast.parts[1].masked_input(data, cast.vectors[1]))
    assert complaint.accused == (2,)


def test_a_vector_that_does_not_fit_can_be_mended():
    cast = Cast().share()
    data = cast.server.deliver_shares()[1]
    with pytest.raises(ParameterError):
        cast.parts[1].masked_input(data, np.zeros(LENGTH + 1, np.uint64))
    cast.parts[1].masked_input(data, cast.vectors[1])


def test_agreements_of_strangers_and_too_few_are_refused():
    cast = Cast().confirm()
    session = cast.server.session_id
    listing = AgreementList.from_bytes(cast.server.publish_agreements()[1])
    assert len(listing.signatures) == cast.parameters.threshold - 1
    for signatures, error in [
        (((1, bytes(64)),), WrongContentError),
        (((9, bytes(64)),), WrongContentError),
        (((2, bytes(64)),), SignatureError),
        (listing.signatures[:-1], ThresholdError),
    ]:
        part = copy.copy(cast.parts[1])
        with pytest.raises(error):
            part.unmask(AgreementList(session, signatures).to_bytes())


@pytest.mark.parametrize(
    ("changes", "allowed"),
    [
        ({"length": -1}, "0..2^32-1"),
        ({"length": 2**32}, "0..2^32-1"),
        ({"modulus_bits": 0}, "1..62"),
        ({"modulus_bits": 63}, "1..62"),
        ({"threshold": 0}, "1..5"),
        ({"threshold": 6}, "1..5"),
        ({"min_survivors": 0}, "1..2^32-1"),
    ],
)
def test_impossible_parameters_are_told_what_is_possible(changes, allowed):
    least = {"length": 0, "modulus_bits": 1, "degree": 4, "threshold": 1, "min_survivors": 1}
    MaskingParameters(**least)
    MaskingParameters(2**32 - 1, 62, 4, threshold=5, min_survivors=5)
    with pytest.raises(ParameterError, match=re.escape(allowed)):
        MaskingParameters(**{**least, **changes})
