"""Attacks by a malicious server: each works against a test double without one protection, and
fails against the real client."""

import pytest

from crypto.encoding.residues import ResidueSum
from crypto.errors import (
    ConsistencyError,
    PolicyError,
    SignatureError,
    ThresholdError,
    WrongTimeError,
)
from crypto.parties import SERVER
from crypto.primitives.aead import decrypt_once
from crypto.primitives.key_agreement import AgreementKeyPair
from crypto.protocols.masking.client_session import MaskingClientSession
from crypto.protocols.masking.client_states import Advertised
from crypto.protocols.masking.keys import ShareChannelKeys, pairwise_seed, share_binding
from crypto.protocols.masking.messages import (
    AdvertisedKeys,
    DealtPair,
    DeliveredShares,
    DirectoryEntry,
    EncryptedShares,
    KeyDirectory,
    MaskedVector,
    SharePair,
)
from crypto.protocols.masking.parameters import ClientPolicy, MaskingParameters
from crypto.protocols.masking.unmasking_messages import (
    Agreement,
    AgreementList,
    KeyShare,
    SelfMaskShare,
    SurvivorSet,
    UnmaskingAnswer,
)
from crypto.session.signing import SIGNED_MESSAGE, sign_message
from tests.crypto.protocols.masking.cast import (
    BITS,
    LENGTH,
    Cast,
    dealt_pair,
    is_unmasked,
    reconstruct,
    remove_mask,
)

VICTIM = 2


class Evidence:
    """What a malicious server collects from answers, and what it can do with it."""

    def __init__(self, cast):
        self.cast = cast
        self.seeds = {}
        self.keys = {}

    def add(self, client, data):
        for owner, revealed in self.cast.open(UnmaskingAnswer, data).shares:
            self.add_share(owner, client, revealed)

    def add_share(self, owner, holder, revealed):
        kind = self.keys if isinstance(revealed, KeyShare) else self.seeds
        kind.setdefault(owner, {})[holder] = revealed.share

    def seed(self, owner):
        return reconstruct(self.seeds[owner], self.cast.cohort, self.cast.parameters.threshold)

    def mask_keys(self, owner):
        private = reconstruct(self.keys[owner], self.cast.cohort, self.cast.parameters.threshold)
        return AgreementKeyPair.from_private(private)

    def public_key(self, client):
        return self.cast.open(AdvertisedKeys, self.cast.advertised[client]).mask_key

    def unmask_by_own_key(self, victim):
        """Remove the victim's masks knowing its seed and its key."""
        total = self.cast.upload_under_masks(victim)
        total.subtract_mask(self.seed(victim))
        self._remove_all_pairwise(total, victim)
        return is_unmasked(total, self.cast.vectors[victim])

    def _remove_all_pairwise(self, total, victim):
        keys, session_id = self.mask_keys(victim), self.cast.server.session_id
        for peer in self.cast.members(victim):
            seed = pairwise_seed(victim, keys, peer, self.public_key(peer), session_id)
            remove_mask(total, victim, peer, seed)


def survivor_set(cast, survivors):
    return SurvivorSet(cast.server.session_id, tuple(sorted(survivors)))


# A client answers once: without that rule the server asks again and gets the other share.


class AnswersAgain(MaskingClientSession):
    def unmask(self, data):
        state = self._state
        answer = super().unmask(data)
        self._state = state
        return answer


def ask_twice(cast):
    evidence = Evidence(cast)
    everyone = survivor_set(cast, cast.cohort).to_bytes()
    others = [client for client in cast.cohort if client != VICTIM]
    without_victim = survivor_set(cast, others).to_bytes()
    for client in cast.cohort:
        evidence.add(client, cast.parts[client].unmask(everyone))
    for client in others:
        evidence.add(client, cast.parts[client].unmask(without_victim))
    return evidence.unmask_by_own_key(VICTIM)


def test_a_client_that_answers_twice_is_unmasked():
    assert ask_twice(Cast(signed=False, round_class=AnswersAgain).upload())


def test_a_client_answers_once():
    with pytest.raises(WrongTimeError):
        ask_twice(Cast(signed=False).upload())


def test_a_client_agrees_to_one_set_only():
    cast = Cast().upload()
    part = cast.parts[1]
    part.confirm_survivors(survivor_set(cast, cast.cohort).to_bytes())
    with pytest.raises(WrongTimeError):
        part.confirm_survivors(survivor_set(cast, cast.cohort[:-1]).to_bytes())


def test_an_answer_holds_one_kind_of_share_a_client():
    cast = Cast(signed=False).upload()
    gone = cast.cohort[-1]
    data = survivor_set(cast, cast.cohort[:-1]).to_bytes()
    answer = UnmaskingAnswer.from_bytes(cast.parts[1].unmask(data))
    assert [owner for owner, _ in answer.shares] == list(cast.cohort)
    for owner, revealed in answer.shares:
        assert isinstance(revealed, KeyShare if owner == gone else SelfMaskShare)


# The consistency check: without it the server tells every client another story. With one
# colluding client it reduces the sum to victim plus colluder, and so to the victim.


def tell_different_stories(cast, agree):
    victim, colluder, *others = cast.cohort
    evidence = Evidence(cast)
    stories = {}
    for place, client in enumerate(others):
        dropped = {others[(place + step) % len(others)] for step in range(1, 5)}
        stories[client] = survivor_set(cast, set(cast.cohort) - dropped)
    stories[victim] = survivor_set(cast, cast.cohort)
    for client, story in stories.items():
        evidence.add(client, agree(cast, client, story, colluder))
    # The colluder hands over all that it holds.
    for owner, pair in cast.parts[colluder]._state.held.items():
        evidence.add_share(owner, colluder, SelfMaskShare(pair.self_mask))
        evidence.add_share(owner, colluder, KeyShare(pair.key))
    total = cast.upload_under_masks(victim)
    total.subtract_mask(evidence.seed(victim))
    session_id, public = cast.server.session_id, evidence.public_key(victim)
    for peer in others:
        seed = pairwise_seed(peer, evidence.mask_keys(peer), victim, public, session_id)
        remove_mask(total, victim, peer, seed)
    seed = pairwise_seed(colluder, cast.colluder_keys, victim, public, session_id)
    remove_mask(total, victim, colluder, seed)
    return is_unmasked(total, cast.vectors[victim])


class RemembersItsKeys(MaskingClientSession):
    """A colluder keeps its mask keys for the server."""

    def masked_input(self, data, vector):
        self.kept_keys = self._state.mask_keys
        return super().masked_input(data, vector)


def nine_with_a_colluder(signed):
    cast = Cast(9, signed=signed, threshold=5, round_class=RemembersItsKeys).upload()
    cast.colluder_keys = cast.parts[2].kept_keys
    return cast


def without_check(cast, client, story, colluder):
    return cast.parts[client].unmask(story.to_bytes())


def with_check(cast, client, story, colluder):
    cast.parts[client].confirm_survivors(story.to_bytes())
    # The colluder signs whatever helps; the others have signed other stories.
    agreement = Agreement(cast.server.session_id, colluder, story.digest())
    signature = cast.identities[colluder].sign(SIGNED_MESSAGE, agreement.to_bytes())
    listing = AgreementList(cast.server.session_id, ((colluder, signature),))
    return cast.parts[client].unmask(listing.to_bytes())


def test_without_the_consistency_check_a_client_is_unmasked():
    assert tell_different_stories(nine_with_a_colluder(signed=False), without_check)


def test_with_the_consistency_check_different_stories_are_refused():
    with pytest.raises(ThresholdError, match="agreements"):
        tell_different_stories(nine_with_a_colluder(signed=True), with_check)


def test_agreements_to_another_story_do_not_count():
    cast = Cast(9).upload()
    story, other = survivor_set(cast, cast.cohort), survivor_set(cast, cast.cohort[:-1])
    cast.parts[1].confirm_survivors(story.to_bytes())
    signatures = []
    for client in cast.cohort[1:8]:
        data = cast.parts[client].confirm_survivors(other.to_bytes())
        signatures.append((client, data[-64:]))
    listing = AgreementList(cast.server.session_id, tuple(signatures))
    with pytest.raises(SignatureError) as caught:
        cast.parts[1].unmask(listing.to_bytes())
    assert caught.value.culprit == SERVER


# The self mask: without it, a client declared dropped is unmasked by its late upload.


class WithoutSelfMask(MaskingClientSession):
    def masked_input(self, data, vector):
        seed = self._state.seed
        upload = super().masked_input(data, vector)
        total = ResidueSum(LENGTH, BITS)
        total.add_packed(MaskedVector.from_bytes(upload).packed)
        total.subtract_mask(seed)
        return sign_message(MaskedVector(self.session_id, self.client_id, total.to_packed()), None)


def late_upload(cast):
    """Declare the victim dropped, get its key, then look at its upload."""
    evidence = Evidence(cast)
    others = [client for client in cast.cohort if client != VICTIM]
    data = survivor_set(cast, others).to_bytes()
    for client in others:
        evidence.add(client, cast.parts[client].unmask(data))
    total = cast.upload_under_masks(VICTIM)
    evidence._remove_all_pairwise(total, VICTIM)
    assert VICTIM not in evidence.seeds
    return is_unmasked(total, cast.vectors[VICTIM])


def test_without_self_mask_a_late_upload_is_unmasked():
    assert late_upload(Cast(signed=False, round_class=WithoutSelfMask).upload(without=[VICTIM]))


def test_the_self_mask_protects_a_late_upload():
    assert not late_upload(Cast(signed=False).upload(without=[VICTIM]))


def test_the_server_refuses_a_late_upload():
    cast = Cast().upload(without=[VICTIM])
    cast.server.announce_survivors()
    with pytest.raises(WrongTimeError) as caught:
        cast.server.receive(VICTIM, cast.uploads[VICTIM])
    assert caught.value.culprit == VICTIM


# Signed keys: without signatures the server puts its own keys in the place of all the others.


def substitute_keys(cast):
    """Play all of the victim's neighbours, and tell whether that unmasks its upload."""
    cast.advertise()
    part, session_id = cast.parts[VICTIM], cast.server.session_id
    honest = KeyDirectory.from_bytes(cast.server.publish_keys()[VICTIM]).entries
    mask = {entry.keys.sender: AgreementKeyPair.generate() for entry in honest}
    share = {entry.keys.sender: AgreementKeyPair.generate() for entry in honest}
    entries = []
    for entry in honest:
        peer, commitment = entry.keys.sender, entry.keys.seed_commitment
        public = mask[peer].public, share[peer].public
        keys = AdvertisedKeys(session_id, peer, *public, commitment)
        entries.append(DirectoryEntry(keys, entry.signature))
    dealt = part.share_keys(KeyDirectory(session_id, tuple(entries)).to_bytes())

    victim_keys = cast.open(AdvertisedKeys, cast.advertised[VICTIM])
    shares, delivered = {}, []
    for peer, data in cast.open(EncryptedShares, dealt).ciphertexts:
        ciphertext = DealtPair.from_bytes(data).ciphertext
        channel = ShareChannelKeys.agree(
            peer, share[peer], VICTIM, victim_keys.share_key, session_id
        )
        binding = share_binding(session_id, VICTIM, peer)
        pair = SharePair.from_bytes(decrypt_once(channel.receiving, ciphertext, binding))
        shares[peer] = pair.self_mask
        delivered.append((peer, dealt_pair(channel.sending, session_id, peer, VICTIM, pair)))
    data = DeliveredShares(session_id, tuple(delivered)).to_bytes()
    cast.uploads[VICTIM] = part.masked_input(data, cast.vectors[VICTIM])

    total = cast.upload_under_masks(VICTIM)
    total.subtract_mask(reconstruct(shares, cast.cohort, cast.parameters.threshold))
    for peer, keys in mask.items():
        seed = pairwise_seed(peer, keys, VICTIM, victim_keys.mask_key, session_id)
        remove_mask(total, VICTIM, peer, seed)
    return is_unmasked(total, cast.vectors[VICTIM])


def test_without_signatures_substituted_keys_unmask_a_client():
    assert substitute_keys(Cast(signed=False))


def test_with_signatures_a_substituted_key_is_refused():
    with pytest.raises(SignatureError):
        substitute_keys(Cast(signed=True))


def test_unsigned_sessions_are_refused_by_default():
    cast = Cast(signed=False, policy=ClientPolicy())
    with pytest.raises(PolicyError) as caught:
        cast.advertise()
    assert caught.value.culprit == SERVER


# The threshold is the client's: one that takes the server's word is unmasked by two of each kind.


class Trusting(ClientPolicy):
    def check(self, num_clients, announced):
        pass


def split_by_low_threshold(policy):
    low = MaskingParameters(LENGTH, BITS, degree=4, threshold=2, min_survivors=2)
    cast = Cast(5, parameters=low, policy=policy).upload()
    evidence = Evidence(cast)
    groups = {(1, VICTIM): cast.cohort, (3, 4, 5): (1, 3, 4, 5)}
    for group, told in groups.items():
        story = survivor_set(cast, told)
        signed = {c: cast.parts[c].confirm_survivors(story.to_bytes())[-64:] for c in group}
        for client in group:
            others = tuple((peer, signed[peer]) for peer in group if peer != client)
            listing = AgreementList(cast.server.session_id, others)
            evidence.add(client, cast.parts[client].unmask(listing.to_bytes()))
    return evidence.unmask_by_own_key(VICTIM)


def test_a_client_that_accepts_a_low_threshold_is_unmasked():
    assert split_by_low_threshold(Trusting())


def test_a_low_threshold_is_refused():
    with pytest.raises(PolicyError) as caught:
        split_by_low_threshold(ClientPolicy())
    assert caught.value.culprit == SERVER


# Sets of survivors that would give something away


@pytest.mark.parametrize(
    ("survivors", "error"),
    [
        ((2, 3, 4, 5), ConsistencyError),  # the client itself is missing
        ((1, 2, 3, 99), ConsistencyError),  # never invited
        ((1, 2), ThresholdError),  # too few
        ((1,), ThresholdError),
        ((), ConsistencyError),
    ],
)
def test_inadmissible_survivors_are_refused(survivors, error):
    cast = Cast(5).upload()
    with pytest.raises(error):
        cast.parts[1].confirm_survivors(survivor_set(cast, survivors).to_bytes())
    # The round is over for this client: nothing can be had from it any more.
    with pytest.raises(WrongTimeError):
        cast.parts[1].confirm_survivors(survivor_set(cast, cast.cohort).to_bytes())


def test_survivors_that_never_shared_their_keys_are_refused():
    cast = Cast(5).share()
    message = DeliveredShares.from_bytes(cast.server.deliver_shares()[1])
    without_five = DeliveredShares(message.session_id, message.ciphertexts[:-1])
    cast.parts[1].masked_input(without_five.to_bytes(), cast.vectors[1])
    with pytest.raises(ConsistencyError, match="never shared"):
        cast.parts[1].confirm_survivors(survivor_set(cast, (1, 2, 3, 5)).to_bytes())


def test_secrets_are_gone_after_a_refusal_and_never_print():
    cast = Cast(5).advertise()
    state = cast.parts[1]._state
    assert isinstance(state, Advertised)
    for secret in (state.seed, state.mask_keys.private, state.share_keys.private):
        assert repr(secret) not in repr(state)
    directory = KeyDirectory.from_bytes(cast.server.publish_keys()[1])
    forged = tuple(DirectoryEntry(e.keys, bytes(64)) for e in directory.entries)
    with pytest.raises(SignatureError):
        cast.parts[1].share_keys(KeyDirectory(directory.session_id, forged).to_bytes())
    assert not hasattr(cast.parts[1]._state, "seed")
