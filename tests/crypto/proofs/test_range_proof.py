from dataclasses import fields, replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto.elgamal.discrete_log import solve_slowly
from crypto.elgamal.encryption import Ciphertext, PublicKey, decrypt_to_power
from crypto.errors import DecodingError, ParameterError, ProofError
from crypto.groups.edwards25519 import EDWARDS25519
from crypto.groups.ffdhe import FFDHE2048, FFDHE3072
from crypto.groups.pedersen import second_generator
from crypto.groups.secp256k1 import SECP256K1
from crypto.proofs import range_proof
from crypto.proofs.bits import RangeProof, bit_weights, bits_of, range_proof_bytes
from crypto.proofs.range_proof import RangeProver, RangeVerifier

GROUPS = [FFDHE2048, FFDHE3072, EDWARDS25519, SECP256K1]
every_group = pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
CONTEXT = b"session and client"
SECRET = 0xC0FFEE
KEY = PublicKey(SECP256K1, SECP256K1.generator_power(SECRET))
MAXIMUM = 20


def refused(ciphertext, proof, maximum=MAXIMUM, key=KEY, context=CONTEXT):
    with pytest.raises(ProofError):
        RangeVerifier(key, maximum).verify(ciphertext, proof, context)


# Bits


@pytest.mark.parametrize("maximum", [*range(1, 40), 63, 64, 65, 127, 1000])
def test_bits_stand_for_the_numbers_up_to_the_maximum_and_no_others(maximum):
    weights = bit_weights(maximum)
    reached = {
        sum(w * b for w, b in zip(weights, bits, strict=True))
        for bits in product((0, 1), repeat=len(weights))
    }
    assert reached == set(range(maximum + 1))
    for value in range(maximum + 1):
        bits = bits_of(value, maximum)
        assert set(bits) <= {0, 1}
        assert sum(w * b for w, b in zip(weights, bits, strict=True)) == value


@pytest.mark.parametrize("maximum", [-1, 0, 2**62])
def test_impossible_maxima_are_refused(maximum):
    with pytest.raises(ParameterError):
        bit_weights(maximum)


@pytest.mark.parametrize("value", [-1, 21, 2**70])
def test_an_honest_prover_refuses_values_out_of_range(value):
    with pytest.raises(ParameterError):
        RangeProver(KEY, MAXIMUM).encrypt(value, CONTEXT)


# Completeness


@every_group
def test_values_in_range_are_proved(group):
    secret = group.random_exponent()
    key = PublicKey(group, group.generator_power(secret))
    prover, verifier = RangeProver(key, 5), RangeVerifier(key, 5)
    for value in (0, 3, 5):
        ciphertext, proof = prover.encrypt(value, CONTEXT)
        data = proof.to_bytes(group)
        assert len(data) == range_proof_bytes(group, 5)
        decoded = RangeProof.from_bytes(data, group, 5)
        assert decoded == proof
        verifier.verify(ciphertext, decoded, CONTEXT)
        assert solve_slowly(group, decrypt_to_power(ciphertext, secret, group), 5) == value


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 2**40), st.data())
def test_any_maximum_and_value(maximum, data):
    value = data.draw(st.integers(0, maximum))
    ciphertext, proof = RangeProver(KEY, maximum).encrypt(value, CONTEXT)
    RangeVerifier(KEY, maximum).verify(ciphertext, proof, CONTEXT)
    power = decrypt_to_power(ciphertext, SECRET, SECP256K1)
    assert power == SECP256K1.generator_power(value)


@every_group
def test_the_second_generator_is_another_element_whose_name_is_hashed(group):
    h = second_generator(group)
    assert group.contains(h)
    assert h not in (group.identity, group.generator)
    assert h == second_generator(group)


# Every field counts


def altered(value):
    if isinstance(value, int):
        return (value + 1) % 2**128
    return SECP256K1.multiply_by_generator(value)


BIT_FIELDS = [field.name for field in fields(range_proof.BitProof)]


@pytest.mark.parametrize("name", BIT_FIELDS)
@pytest.mark.parametrize("index", [0, 2, 4])
def test_every_field_of_every_bit_counts(name, index):
    ciphertext, proof = RangeProver(KEY, MAXIMUM).encrypt(13, CONTEXT)
    bits = list(proof.bits)
    bits[index] = replace(bits[index], **{name: altered(getattr(bits[index], name))})
    refused(ciphertext, replace(proof, bits=tuple(bits)))


@pytest.mark.parametrize("name", ["nonces", "responses"])
@pytest.mark.parametrize("index", [0, 1, 2])
def test_every_field_of_the_link_counts(name, index):
    ciphertext, proof = RangeProver(KEY, MAXIMUM).encrypt(13, CONTEXT)
    parts = list(getattr(proof, name))
    parts[index] = altered(parts[index])
    refused(ciphertext, replace(proof, **{name: tuple(parts)}))


def test_ciphertext_key_maximum_and_context_count():
    ciphertext, proof = RangeProver(KEY, MAXIMUM).encrypt(13, CONTEXT)
    refused(ciphertext, proof, context=b"another session")
    refused(ciphertext, proof, maximum=MAXIMUM + 1)
    refused(ciphertext, proof, maximum=MAXIMUM - 1)
    refused(ciphertext, proof, key=PublicKey(SECP256K1, SECP256K1.generator_power(5)))
    for name in ("c1", "c2"):
        refused(replace(ciphertext, **{name: altered(getattr(ciphertext, name))}), proof)
    refused(KEY.encrypt(13), proof)
    refused(KEY.rerandomise(ciphertext), proof)


def test_bits_cannot_be_left_out_added_or_exchanged():
    ciphertext, proof = RangeProver(KEY, MAXIMUM).encrypt(13, CONTEXT)
    first, *others = proof.bits
    for bits in ((), others, [first, *proof.bits], [*others, first], [first] * 5):
        refused(ciphertext, replace(proof, bits=tuple(bits)))


@every_group
def test_encodings_of_other_things_are_refused(group):
    key = PublicKey(group, group.generator_power(77))
    _, proof = RangeProver(key, 2).encrypt(1, CONTEXT)
    data = proof.to_bytes(group)
    element, scalar = group.element_bytes, group.exponents.element_bytes
    no_element, no_scalar = b"\xff" * element, b"\xff" * scalar
    cut = [b"", data[:-1], data + b"\0"]
    for wrong in (*cut, no_element + data[element:], data[:-scalar] + no_scalar):
        with pytest.raises(DecodingError):
            RangeProof.from_bytes(wrong, group, 2)


# Cheating provers


def commit_to_anything(number, to_zero, group):
    return group.multiply(group.generator_power(number), to_zero)


class BitsOutOfRange(RangeProver):
    """Puts numbers other than 0 and 1 where bits belong, and proves the rest honestly."""

    def cheat(self, value, bits):
        r = self._group.random_exponent()
        ciphertext = self._key.encrypt_with(value, r)
        return ciphertext, self._prove(ciphertext, bits, value, r, CONTEXT, range_proof.SYSTEM)


@pytest.mark.parametrize(
    ("value", "bits"),
    [
        (21, (1, 1, 1, 1, 1)),  # 1 + 2 + 4 + 8 + 5 = 20: the bits say 20, the ciphertext 21
        (21, (2, 1, 1, 1, 1)),  # the bits say 21, one of them is 2
        (-1, (0, 0, 0, 0, 0)),
        (-1, (-1, 0, 0, 0, 0)),
        (10**6, (10**6, 0, 0, 0, 0)),
        (SECP256K1.order - 5, (0, 0, 0, 0, -1)),
        (12, (1, 0, 1, 1, 0)),  # in range, but the bits say 13
    ],
)
def test_out_of_range_values_cannot_be_proved(value, bits, monkeypatch):
    monkeypatch.setattr(range_proof, "_commit_to_bit", commit_to_anything)
    ciphertext, proof = BitsOutOfRange(KEY, MAXIMUM).cheat(value, bits)
    refused(ciphertext, proof)


def test_the_same_prover_is_believed_when_it_does_not_cheat(monkeypatch):
    monkeypatch.setattr(range_proof, "_commit_to_bit", commit_to_anything)
    ciphertext, proof = BitsOutOfRange(KEY, MAXIMUM).cheat(13, (1, 0, 1, 1, 0))
    RangeVerifier(KEY, MAXIMUM).verify(ciphertext, proof, CONTEXT)


def test_a_proof_for_another_value_cannot_be_moved_over_homomorphically():
    # A client adds 100 to a proved ciphertext and sends the proof along.
    ciphertext, proof = RangeProver(KEY, MAXIMUM).encrypt(13, CONTEXT)
    refused(ciphertext.add(KEY.encrypt_with(100, 0), SECP256K1), proof)


def test_ciphertexts_with_a_hidden_second_generator_are_refused():
    # c2 = g^m h^r H^d would decrypt to no number at all and ruin the sum. A link that proves only
    # that c2 / C = h^r H^-R, without m in it, lets it pass; ours has m in two equations.
    group = SECP256K1
    prover = RangeProver(KEY, MAXIMUM)
    spoil = group.power(second_generator(group), 12345)
    r = group.random_exponent()
    honest = KEY.encrypt_with(13, r)
    spoiled = Ciphertext(honest.c1, group.multiply(honest.c2, spoil))
    bits = bits_of(13, MAXIMUM)
    proof = prover._prove(spoiled, bits, 13, r, CONTEXT, range_proof.SYSTEM)
    refused(spoiled, proof)


class TestWeakFiatShamir:
    """The ciphertext is not hashed: the prover finishes the proof, then picks the ciphertext."""

    def patch(self, monkeypatch):
        def weak(self, ciphertext, bits, nonces, context):
            hidden = Ciphertext(self._group.identity, self._group.identity)
            return original(self, hidden, bits, nonces, context)

        original = range_proof._Range._challenge
        monkeypatch.setattr(range_proof._Range, "_challenge", weak)

    def test_the_attack_succeeds_there_and_fails_here(self, monkeypatch):
        group = SECP256K1
        results = {}
        for weak in (True, False):
            with monkeypatch.context() as patch:
                if weak:
                    self.patch(patch)
                verifier = RangeVerifier(KEY, MAXIMUM)
                ciphertext, proof = late_ciphertext(group)
                try:
                    verifier.verify(ciphertext, proof, CONTEXT)
                except ProofError:
                    results[weak] = "refused"
                else:
                    power = decrypt_to_power(ciphertext, SECRET, group)
                    small = {group.generator_power(m) for m in range(MAXIMUM + 1)}
                    results[weak] = "in range" if power in small else "forged"
        assert results == {True: "forged", False: "refused"}


def late_ciphertext(group):
    """Prove 0 with a first message that is off by g^shift, then choose c2 to make up for it."""
    shift = group.random_exponent()

    class Skewed(RangeProver):
        def _challenge(self, ciphertext, bits, nonces, context):
            skewed = (nonces[0], group.multiply(nonces[1], group.generator_power(shift)), nonces[2])
            self.nonces = skewed
            self.found = super()._challenge(ciphertext, bits, skewed, context)
            return self.found

    skewed = Skewed(KEY, MAXIMUM)
    ciphertext = KEY.encrypt_with(0, 5)
    proof = skewed._prove(ciphertext, (0,) * 5, 0, 5, CONTEXT, range_proof.SYSTEM)
    # g^z_value h^z_r = A2 g^shift c2^e holds for c2' = c2 g^(-shift / e): no small number at all.
    change = -shift * pow(skewed.found, -1, group.order)
    c2 = group.multiply(ciphertext.c2, group.generator_power(change))
    return Ciphertext(ciphertext.c1, c2), replace(proof, nonces=skewed.nonces)
