"""Proofs say nothing of the secret: every nonce is drawn, used once, and hides what it must.

In a group of 11 elements all randomness can be tried. With the challenge held fixed, what the
verifier sees is then known as a whole, and must be the same whatever the secret: that is zero
knowledge against an honest verifier, exactly and not only in statistics.
"""

from collections import Counter
from itertools import product

import numpy as np
import pytest
from scipy.stats import kstest

from crypto.elgamal.encryption import PublicKey
from crypto.groups.ffdhe import SafePrimeGroup
from crypto.groups.pedersen import second_generator
from crypto.groups.secp256k1 import SECP256K1
from crypto.proofs import equality, range_proof
from crypto.proofs.bits import bit_weights
from crypto.proofs.equality import PowerProof, PowerStatement
from crypto.proofs.range_proof import RangeProver, RangeVerifier
from tests.crypto.session.scripted import Recorded, Scripted

ELEVEN = SafePrimeGroup("eleven elements", 23)
Q = ELEVEN.order
CHALLENGES = 2
FOUND = 1
CONTEXT = b"session and client"
KEY = PublicKey(SECP256K1, SECP256K1.generator_power(0xC0FFEE))
SMALL_KEY = PublicKey(ELEVEN, ELEVEN.generator_power(7))


def power_statement(group, secret, count):
    bases = tuple(group.generator_power(3 + k) for k in range(count))
    powers = tuple(group.power(base, secret) for base in bases)
    return PowerStatement(group, group.generator_power(secret), bases, powers)


# What is drawn, and that it counts


@pytest.mark.parametrize("count", [1, 3])
def test_a_power_proof_draws_one_nonce(count):
    statement = power_statement(SECP256K1, 5, count)
    source = Recorded()
    proof = PowerProof.make(statement, 5, CONTEXT, source)
    assert source.sizes == [32]
    nonce = 1 + int.from_bytes(source.draws[0], "little")
    assert proof.response == (nonce + proof.challenge * 5) % SECP256K1.order


@pytest.mark.parametrize(("value", "maximum"), [(0, 1), (1, 1), (13, 20), (100, 100)])
def test_a_range_proof_draws_every_blinding_and_nonce_once(value, maximum):
    source = Recorded()
    RangeProver(KEY, maximum).encrypt(value, CONTEXT, source)
    bits = len(bit_weights(maximum))
    # r of the ciphertext; blinding, nonce, the other half's answer and challenge of each bit;
    # the nonces of r, of the value and of the sum of blindings
    assert source.sizes == [32, *[32, 32, 32, 16] * bits, 32, 32, 32]
    assert len(set(source.draws)) == len(source.draws)


def test_every_draw_changes_the_proof_and_none_breaks_it():
    plain = RangeProver(KEY, 5).encrypt(4, CONTEXT, Recorded())
    seen = {plain}
    count = 1 + 4 * 3 + 3
    for changed in range(count):
        ciphertext, proof = RangeProver(KEY, 5).encrypt(4, CONTEXT, Recorded(changed=changed))
        RangeVerifier(KEY, 5).verify(ciphertext, proof, CONTEXT)
        seen.add((ciphertext, proof))
    assert len(seen) == 1 + count


def test_each_draw_reaches_the_commitment_that_it_blinds():
    def firsts(changed=None):
        ciphertext, proof = RangeProver(KEY, 1).encrypt(1, CONTEXT, Recorded(changed=changed))
        (bit,) = proof.bits
        return (ciphertext.c1, bit.commitment, bit.nonce_zero, bit.nonce_one, *proof.nonces)

    plain = firsts()
    # c1; C, the first message for 0 and the one for 1 (the true half); the link's three
    reached = [
        [i for i, (a, b) in enumerate(zip(plain, firsts(changed), strict=True)) if a != b]
        for changed in range(8)
    ]
    assert reached == [[0], [1], [3], [2], [2], [4, 5], [5, 6], [6]]


# Exactly: all of the randomness


@pytest.mark.parametrize("secret", [1, 4, 10])
def test_the_response_of_a_power_proof_takes_every_value_but_one(secret, monkeypatch):
    monkeypatch.setattr(equality, "challenge", lambda *args: FOUND)
    statement = power_statement(ELEVEN, secret, 1)
    found = Counter(
        PowerProof.make(statement, secret, CONTEXT, Scripted([draw])).response
        for draw in range(Q - 1)
    )
    # A nonce is not 0, so that one response of q is missing: with q of 250 bits, none.
    assert found == Counter(z for z in range(Q) if z != FOUND * secret % Q)


@pytest.fixture
def fixed_challenge(monkeypatch):
    monkeypatch.setattr(range_proof, "CHALLENGES", CHALLENGES)
    monkeypatch.setattr(RangeProver, "_challenge", lambda *args: FOUND)


def encrypt_bit(value, bit_draws=(1, 2, 3, 0), masks=(4, 5, 6)):
    return RangeProver(SMALL_KEY, 1).encrypt(value, CONTEXT, Scripted([8, *bit_draws, *masks]))


def all_bit_proofs(value):
    draws = product(range(Q), range(Q), range(Q), range(CHALLENGES))
    return Counter(encrypt_bit(value, draw)[1].bits[0] for draw in draws)


def simulated_bit_proofs():
    """Made without a bit: commitment, challenges and answers first, then the first messages."""
    second = second_generator(ELEVEN)
    proofs = []
    for c, e_zero, *z in product(range(Q), range(CHALLENGES), range(Q), range(Q)):
        commitment = ELEVEN.power(second, c)
        e = e_zero, (FOUND - e_zero) % CHALLENGES
        firsts = [
            ELEVEN.multi_power([(second, z[b]), (commitment, -e[b]), (ELEVEN.generator, b * e[b])])
            for b in (0, 1)
        ]
        proofs.append(range_proof.BitProof(commitment, *firsts, e_zero, *z))
    return Counter(proofs)


@pytest.mark.usefixtures("fixed_challenge")
def test_proofs_of_both_bits_are_those_of_a_simulator_that_knows_neither():
    simulated = simulated_bit_proofs()
    assert all_bit_proofs(0) == simulated
    assert all_bit_proofs(1) == simulated


@pytest.mark.usefixtures("fixed_challenge")
@pytest.mark.parametrize("value", [0, 1])
def test_answers_of_the_link_take_every_value_once(value):
    found = Counter(
        encrypt_bit(value, masks=masks)[1].responses for masks in product(range(Q), repeat=3)
    )
    assert found == Counter(product(range(Q), repeat=3))


# In statistics, in a group of full size


def test_what_a_verifier_sees_is_uniform_whatever_the_value():
    columns = {}
    for value in (0, 1):
        for number in range(120):
            source = Recorded(b"%d %d" % (value, number))
            _, proof = RangeProver(KEY, 1).encrypt(value, CONTEXT, source)
            (bit,) = proof.bits
            q = SECP256K1.order
            seen = {
                "challenge": bit.challenge_zero / 2**128,
                "zero": bit.response_zero / q,
                "one": bit.response_one / q,
                **{f"link {i}": z / q for i, z in enumerate(proof.responses)},
            }
            for name, place in seen.items():
                columns.setdefault((name, value), []).append(place)
    for places in columns.values():
        assert 1e-6 < kstest(np.array(places), "uniform").pvalue < 1 - 1e-9


def test_no_commitment_of_a_proof_tells_a_bit():
    # Without blinding C is 1 or g, and the sum of weighted bits is the value.
    for value in (0, 77, 100):
        _, proof = RangeProver(KEY, 100).encrypt(value, CONTEXT)
        seen = [
            element
            for bit in proof.bits
            for element in (bit.commitment, bit.nonce_zero, bit.nonce_one)
        ]
        seen += proof.nonces
        plain = {SECP256K1.generator_power(k) for k in range(-101, 102)}
        assert not plain & set(seen)
        assert len(set(seen)) == len(seen)
