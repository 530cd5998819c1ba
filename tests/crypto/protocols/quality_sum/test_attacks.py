"""Attacks on joint sessions: what breaks the paper's scheme, and what of it the hardened one stops.

The server here keeps all that it is sent, and does with it what it should not.
"""

import itertools

import numpy as np
import pytest

from crypto.elgamal.encryption import Ciphertext, add_all, decrypt_to_power
from crypto.elgamal.threshold import lagrange_base
from crypto.encoding.residues import ResidueSum, centred
from crypto.errors import (
    ConsistencyError,
    MalformedMessageError,
    ProofError,
    ReplayError,
    SignatureError,
    WrongTimeError,
)
from crypto.groups.secp256k1 import SECP256K1
from crypto.parties import SERVER
from crypto.primitives.key_agreement import AgreementKeyPair
from crypto.primitives.shamir import Reconstructor, lagrange_at_zero
from crypto.proofs.knowledge import KnowledgeClaim, KnowledgeProof
from crypto.protocols.masking.keys import pairwise_seed
from crypto.protocols.masking.messages import AdvertisedKeys, MaskedVector
from crypto.protocols.masking.unmasking_messages import KeyShare, SelfMaskShare, UnmaskingAnswer
from crypto.protocols.pairwise_masking.authority import KeyAuthority
from crypto.protocols.pairwise_masking.messages import DealtKeys, KeyShares, PublicKeys
from crypto.protocols.quality_sum.key_setup import KeySetupServer, SystemKeyAuthority
from crypto.protocols.quality_sum.messages import (
    CheckedHelpRequest,
    EncryptedQuality,
    HelpRequest,
    PartialDecryption,
    QualityUpload,
)
from crypto.protocols.quality_sum.proof_contexts import knowledge_context
from crypto.protocols.quality_sum.session import HardenedQualitySum, QualitySum
from crypto.session.signing import sign_message, split_signed
from tests.crypto.protocols.masking.cast import remove_mask
from tests.crypto.protocols.quality_sum.cast import BITS, LENGTH, Cast, plain_sums

ROUND_IDS = itertools.count()  # protocols are shared, and open one sum a round

VICTIM = 2


def realistic_inputs(cohort):
    """Qualities, and updates of a few hundred at most times them: what clients contribute."""
    rng = np.random.default_rng(5)
    qualities = {c: int(q) for c, q in zip(cohort, rng.integers(20, 100, len(cohort)), strict=True)}
    return qualities, {c: qualities[c] * rng.integers(-300, 300, LENGTH) for c in cohort}


def play(**options):
    qualities, vectors = realistic_inputs(range(1, 6))
    return Cast(5, vectors=vectors, qualities=qualities, **options)


def late_upload(cast, client):
    """What is masked in an upload that the server never counted."""
    upload = QualityUpload.from_bytes(cast.up["masked input"][client])
    total = ResidueSum(LENGTH, BITS)
    total.add_packed(split_signed(MaskedVector, upload.masked, cast.parameters.checked)[0].packed)
    return total


def take_pairwise_masks_off(cast, total, client, keys, publics):
    session_id = cast.mask_server.session_id
    for peer, public in publics.items():
        if peer != client:
            seed = pairwise_seed(client, keys, peer, public, session_id)
            remove_mask(total, client, peer, seed)


def real_input(cast, client):
    shifted = cast.vectors[client] + cast.parameters.phi * cast.qualities[client]
    return shifted % 2**BITS


# A late upload: the server says that a client has dropped out, is given its key, and then reads
# what the client sent.


def unmask_late_upload_of_paper(cast):
    shares = {
        client: dict(KeyShares.from_bytes(answer).shares)[VICTIM]
        for client, answer in cast.up["recovery"].items()
    }
    private = Reconstructor().reconstruct(shares, 3)  # points are the clients' numbers here
    publics = {
        client: PublicKeys.from_bytes(data).mask_key
        for client, data in cast.up["advertise keys"].items()
    }
    total = late_upload(cast, VICTIM)
    keys = AgreementKeyPair.from_private(private)
    take_pairwise_masks_off(cast, total, VICTIM, keys, publics)
    return total.to_array()


@pytest.mark.parametrize("key_setup", ["authority", "dkg"])
def test_the_papers_late_upload_lies_open(key_setup):
    cast = play(key_setup=key_setup).unmask(without=(VICTIM,))
    assert VICTIM not in cast.decrypt().survivors
    np.testing.assert_array_equal(unmask_late_upload_of_paper(cast), real_input(cast, VICTIM))


def plausible_qualities(cast, found):
    """Try every Q: what is left without phi Q must be Q times an integer, everywhere."""
    signed = centred(found, BITS)
    phi, highest = cast.parameters.phi, cast.parameters.max_quality
    return [q for q in range(1, highest + 1) if not np.any((signed - phi * q) % q)]


@pytest.mark.parametrize("phi", [0, 1, 3, 12345])
def test_phi_times_the_quality_hides_nothing(phi):
    cast = play(phi=phi).unmask(without=(VICTIM,))
    found = unmask_late_upload_of_paper(cast)
    largest = max(plausible_qualities(cast, found))
    assert largest == cast.qualities[VICTIM]
    vector = centred(found, BITS) - phi * largest
    np.testing.assert_array_equal(vector, cast.vectors[VICTIM])


def test_the_hardened_late_upload_stays_closed():
    cast = play(hardened=True).unmask(without=(VICTIM,))
    keys, seeds = {}, {}
    for client, data in cast.up["unmasking"].items():
        for owner, revealed in split_signed(UnmaskingAnswer, data, signed=True)[0].shares:
            kind = keys if isinstance(revealed, KeyShare) else seeds
            assert isinstance(revealed, KeyShare | SelfMaskShare)
            kind.setdefault(owner, {})[client] = revealed.share
    # The server has the victim's key, as in the paper's scheme, and not one share of its seed.
    assert set(keys) == {VICTIM}
    assert VICTIM not in seeds
    private = Reconstructor().reconstruct(keys[VICTIM], 3)
    publics = {
        client: split_signed(AdvertisedKeys, data, signed=True)[0].mask_key
        for client, data in cast.up["advertise keys"].items()
    }
    total = late_upload(cast, VICTIM)
    pair = AgreementKeyPair.from_private(private)
    assert pair.public == publics[VICTIM]
    take_pairwise_masks_off(cast, total, VICTIM, pair, publics)
    found = total.to_array()
    assert not np.any(found == real_input(cast, VICTIM))
    assert cast.qualities[VICTIM] not in plausible_qualities(cast, found)
    # To the survivors it makes no difference.
    expected = plain_sums(cast.vectors, cast.qualities, (1, 3, 4, 5))
    totals = cast.decrypt()
    np.testing.assert_array_equal(totals.sum, expected[0])
    assert totals.quality_sum == expected[1]


def test_the_self_mask_is_what_keeps_it_closed():
    cast = play(hardened=True).join().step("share keys")
    seed = cast.parts[VICTIM]._masks._state.seed
    keys = cast.parts[VICTIM]._masks._state.mask_keys
    cast.step("masked input", without=(VICTIM,))
    publics = {
        client: split_signed(AdvertisedKeys, data, signed=True)[0].mask_key
        for client, data in cast.up["advertise keys"].items()
    }
    total = late_upload(cast, VICTIM)
    take_pairwise_masks_off(cast, total, VICTIM, keys, publics)
    total.subtract_mask(seed)
    np.testing.assert_array_equal(total.to_array(), real_input(cast, VICTIM))


# An authority that keeps what it dealt.


def test_an_authority_that_did_not_erase_reads_every_vector():
    cast = play().upload()
    dealt = {c: DealtKeys.from_bytes(data) for c, data in cast.down["dealt"].items()}
    keys = {c: AgreementKeyPair.from_private(message.mask_key) for c, message in dealt.items()}
    publics = {c: pair.public for c, pair in keys.items()}
    for client in cast.cohort:
        total = late_upload(cast, client)
        take_pairwise_masks_off(cast, total, client, keys[client], publics)
        np.testing.assert_array_equal(total.to_array(), real_input(cast, client))


def qualities_by_secret(cast, secret):
    powers = {SECP256K1.generator_power(q): q for q in range(cast.parameters.max_quality + 1)}
    found = {}
    for client, data in cast.up["masked input"].items():
        sealed = QualityUpload.from_bytes(data).quality
        quality = split_signed(EncryptedQuality, sealed, cast.parameters.checked)[0]
        ciphertext = Ciphertext.from_bytes(quality.ciphertext, SECP256K1)
        found[client] = powers[decrypt_to_power(ciphertext, secret, SECP256K1)]
    return found


@pytest.mark.parametrize("hardened", [False, True])
def test_an_authority_that_did_not_erase_reads_every_quality(hardened):
    cast = play(hardened=hardened).upload()
    shares = {held.share.point: held.share.value for held in cast.ready.held.values()}
    points = sorted(shares)[:3]
    deltas = lagrange_at_zero(points, SECP256K1.exponents)
    secret = sum(d * shares[x] for d, x in zip(deltas, points, strict=True)) % SECP256K1.order
    assert qualities_by_secret(cast, secret) == cast.qualities


def test_authorities_deal_once_and_keep_nothing():
    cast = play()
    authority = KeyAuthority(cast.mask_server.invitation)
    authority.deal()
    assert not any(vars(authority)["_pairs"] or ())
    with pytest.raises(WrongTimeError):
        authority.deal()
    system = SystemKeyAuthority(KeySetupServer((1, 2, 3), 3, "secp256k1").offer, SECP256K1)
    with pytest.raises(WrongTimeError):
        system.public()
    system.deal()
    with pytest.raises(WrongTimeError):
        system.deal()


# The server asks for another decryption than that of the sum.


def ask_for(cast, ciphertext, helpers):
    """Have helpers decrypt any ciphertext; the paper's clients cannot tell what it is."""
    session_id = cast.server.invitation.session_id()
    points = [cast.ready.system.point(helper) for helper in helpers]
    shared = SECP256K1.identity
    for helper, point in zip(helpers, points, strict=True):
        base = lagrange_base(ciphertext.c1, point, points, SECP256K1)
        request = HelpRequest(session_id, 1, SECP256K1.encode(base)).to_bytes()
        answer = PartialDecryption.from_bytes(cast.parts[helper].help(request))
        shared = SECP256K1.multiply(shared, SECP256K1.decode(answer.value))
    power = SECP256K1.multiply(ciphertext.c2, SECP256K1.invert(shared))
    return next(q for q in range(101) if SECP256K1.generator_power(q) == power)


@pytest.mark.parametrize("proofs", [False, True])
def test_the_papers_server_can_have_one_quality_decrypted(proofs):
    cast = play(proofs=proofs).upload()
    sealed = QualityUpload.from_bytes(cast.up["masked input"][VICTIM]).quality
    message = EncryptedQuality.from_bytes(sealed)
    ciphertext = Ciphertext.from_bytes(message.ciphertext, SECP256K1)
    assert ask_for(cast, ciphertext, (1, 3, 4)) == cast.qualities[VICTIM]


def sealed_qualities(cast):
    return {
        client: QualityUpload.from_bytes(data).quality
        for client, data in cast.up["masked input"].items()
    }


def checked_request(cast, qualities, helpers=(1, 3, 4), attempt=0):
    session_id = cast.server.invitation.session_id()
    return CheckedHelpRequest(session_id, attempt, helpers, tuple(qualities)).to_bytes()


def test_hardened_helpers_decrypt_the_agreed_sum():
    cast = play(hardened=True).unmask()
    answer = cast.parts[1].help(checked_request(cast, sealed_qualities(cast).values()))
    assert split_signed(PartialDecryption, answer, signed=True)[0].sender == 1


@pytest.mark.parametrize(
    "choose",
    [
        lambda sealed: [sealed[VICTIM]],
        lambda sealed: [sealed[VICTIM]] * 5,
        lambda sealed: [*sealed.values(), sealed[VICTIM]],
        lambda sealed: [sealed[c] for c in (1, 3, 4, 5)],
        lambda sealed: [],
    ],
    ids=["one", "one five times", "one too many", "without one", "none"],
)
def test_hardened_helpers_do_not_decrypt_other_sums(choose):
    cast = play(hardened=True).unmask()
    with pytest.raises((ConsistencyError, MalformedMessageError)) as caught:
        cast.parts[1].help(checked_request(cast, choose(sealed_qualities(cast))))
    assert caught.value.culprit == SERVER


def test_hardened_helpers_do_not_answer_the_papers_request():
    cast = play(hardened=True).unmask()
    request = HelpRequest(cast.server.invitation.session_id(), 1, bytes(33)).to_bytes()
    with pytest.raises(MalformedMessageError):
        cast.parts[1].help(request)


def forged(cast, client, ciphertext):
    """Another ciphertext under a client's name, with a proof of somebody else's exponent."""
    session_id = cast.server.invitation.session_id()
    encoded = ciphertext.to_bytes(SECP256K1)
    claim = KnowledgeClaim(ciphertext.c1, knowledge_context(session_id, client, encoded))
    proof = KnowledgeProof.make(SECP256K1, claim, 12345).to_bytes(SECP256K1)
    return EncryptedQuality(session_id, client, encoded, proof)


def test_hardened_helpers_decrypt_what_survivors_signed_only():
    cast = play(hardened=True).unmask()
    sealed = sealed_qualities(cast)
    zero = Ciphertext(SECP256K1.generator_power(12345), cast.ready.system.public.base.power(12345))
    for client in (3, 4, 5):
        sealed[client] = forged(cast, client, zero).to_bytes() + bytes(64)
    with pytest.raises(SignatureError) as caught:
        cast.parts[1].help(checked_request(cast, sealed.values()))
    assert caught.value.culprit == SERVER


def test_a_colluder_cannot_make_its_ciphertext_from_the_victims():
    """1000 times the victim's quality would stand out in the sum: malleability, refused."""
    cast = play(hardened=True).upload()
    sealed = sealed_qualities(cast)
    victims = split_signed(EncryptedQuality, sealed[VICTIM], signed=True)[0]
    stolen = Ciphertext.from_bytes(victims.ciphertext, SECP256K1)
    thousandfold = add_all([stolen] * 1000, SECP256K1)
    colluder = 5
    message = forged(cast, colluder, thousandfold)
    cast.step("consistency").step("unmasking")
    cast.server.unmask()
    sealed[colluder] = sign_message(message, cast.masking.identity(colluder))
    with pytest.raises(ProofError) as caught:
        cast.parts[1].help(checked_request(cast, sealed.values()))
    assert caught.value.culprit == colluder


def test_without_that_proof_it_works():
    cast = play().join().step("share keys")
    session_id = cast.server.invitation.session_id()
    uploads = {
        client: QualityUpload.from_bytes(
            cast.parts[client].step("masked input", data, cast.contribution(client))
        )
        for client, data in cast.openings["masked input"]().items()
    }
    victims = EncryptedQuality.from_bytes(uploads[VICTIM].quality)
    copied = EncryptedQuality(session_id, 5, victims.ciphertext)
    uploads[5] = QualityUpload(uploads[5].masked, quality=copied.to_bytes())
    for client, upload in uploads.items():
        cast.server.receive(client, upload.to_bytes())
    cast.step("recovery")
    cast.server.unmask()
    others = sum(cast.qualities[c] for c in (1, 3, 4))
    assert cast.decrypt().quality_sum - others == 2 * cast.qualities[VICTIM]


def test_hardened_helpers_wait_for_the_agreement_and_answer_each_attempt_once():
    cast = play(hardened=True).upload()
    request = checked_request(cast, sealed_qualities(cast).values())
    with pytest.raises(WrongTimeError):
        cast.parts[1].help(request)
    cast.step("consistency").step("unmasking")
    again = checked_request(cast, sealed_qualities(cast).values(), attempt=1)
    cast.parts[1].help(again)
    with pytest.raises(ReplayError):
        cast.parts[1].help(again)


@pytest.mark.parametrize("helpers", [(1, 3), (1, 2, 3, 4), (2, 3, 4), (1, 3, 9)])
def test_hardened_helpers_are_as_many_as_the_threshold(helpers):
    cast = play(hardened=True).unmask()
    request = checked_request(cast, sealed_qualities(cast).values(), helpers)
    with pytest.raises(ConsistencyError):
        cast.parts[1].help(request)


# What no protocol for sums can prevent.


@pytest.mark.parametrize("kind", [QualitySum, HardenedQualitySum])
def test_the_sum_of_few_qualities_tells_on_the_rest(kind):
    protocol = kind(key_setup="authority")
    vectors = {c: np.zeros(2, np.uint64) for c in (1, 2, 3)}
    qualities = {1: 40, 2: 17, 3: 29}
    result = protocol.sum(vectors, qualities, 16, max_quality=100, round_id=1)
    colluders = qualities[1] + qualities[3]
    assert result.quality_sum - colluders == qualities[2]
    # A sum at the edge of its range tells on everybody.
    worst = protocol.sum(vectors, dict.fromkeys(vectors, 0), 16, max_quality=100, round_id=2)
    assert worst.quality_sum == 0


@pytest.mark.parametrize("kind", [QualitySum, HardenedQualitySum])
def test_a_false_quality_shifts_the_mean_and_nobody_notices(kind):
    """Client 3 has a quality of 1, says 100, and weighs its update accordingly."""
    updates = {1: 10, 2: 12, 3: 1000}
    protocol = kind(key_setup="authority")

    def mean(qualities):
        vectors = {c: np.full(4, qualities[c] * updates[c], np.int64) for c in updates}
        result = protocol.sum(vectors, qualities, 24, max_quality=100, round_id=next(ROUND_IDS))
        assert result.refusals == ()
        return result.sum[0] / result.quality_sum

    assert mean({1: 50, 2: 50, 3: 1}) == pytest.approx(2100 / 101)
    assert mean({1: 50, 2: 50, 3: 100}) == pytest.approx(505.5)
    # Nor does anything bind the vector to the quality beside it.
    vectors = {c: np.full(4, 50 * updates[c], np.int64) for c in updates}
    result = protocol.sum(
        vectors, {1: 50, 2: 50, 3: 0}, 24, max_quality=100, round_id=next(ROUND_IDS)
    )
    assert result.refusals == ()
    assert result.sum[0] / result.quality_sum == pytest.approx(511)
