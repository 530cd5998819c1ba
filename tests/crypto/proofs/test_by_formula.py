"""Known answers: proofs equal those of code that was written from the papers' formulas alone."""

from dataclasses import astuple

import pytest

from crypto.elgamal.encryption import PublicKey
from crypto.groups.ffdhe import SafePrimeGroup
from crypto.groups.pedersen import second_generator
from crypto.proofs.bits import bit_weights, bits_of
from crypto.proofs.equality import PowerProof, PowerStatement
from crypto.proofs.fiat_shamir import challenge
from crypto.proofs.range_proof import RangeProver, RangeVerifier
from tests.crypto.proofs import by_formula
from tests.crypto.session.scripted import Scripted

TINY = SafePrimeGroup(by_formula.NAME, by_formula.P)
CONTEXT = b"a session and a client"
SECRET = 321
H = pow(2, SECRET, by_formula.P)


def squares(count):
    return tuple(pow(3 + k, 2, by_formula.P) for k in range(count))


def test_the_second_generator_is_the_square_of_a_hash():
    assert second_generator(TINY) == by_formula.second_generator()


@pytest.mark.parametrize(
    ("elements", "numbers"), [((), ()), ((4,), ()), ((), (7, 2**64 - 1)), (squares(5), (0, 1, 2))]
)
def test_challenges(elements, numbers):
    expected = by_formula.challenge("any", CONTEXT, elements, numbers)
    assert challenge("any", TINY, CONTEXT, elements, numbers) == expected


@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_proofs_of_equal_exponents(count):
    bases = squares(count)
    powers = tuple(pow(base, SECRET, by_formula.P) for base in bases)
    statement = PowerStatement(TINY, H, bases, powers)
    assert statement.joined(CONTEXT) == by_formula.join(H, bases, powers, CONTEXT)
    source = Scripted([99 - 1])  # exponents are drawn from 1
    proof = PowerProof.make(statement, SECRET, CONTEXT, source)
    assert source.left == []
    expected = by_formula.equality_proof(H, bases, powers, SECRET, CONTEXT, nonce=99)
    assert (proof.challenge, proof.response) == expected
    proof.verify(statement, CONTEXT)


@pytest.mark.parametrize("maximum", [1, 2, 3, 4, 5, 20, 31, 32, 100])
def test_weights_and_bits(maximum):
    weights = by_formula.weights_of(maximum)
    assert list(bit_weights(maximum)) == weights
    for value in range(maximum + 1):
        assert list(bits_of(value, maximum)) == by_formula.bits_of(value, weights)


@pytest.mark.parametrize(("value", "maximum"), [(0, 1), (1, 1), (0, 5), (3, 5), (5, 5), (13, 20)])
def test_range_proofs(value, maximum):
    count = len(bit_weights(maximum))
    bit_secrets = [(10 + j, 200 + j, 400 + j, 2**100 + j) for j in range(count)]
    masks = [501, 502, 503]
    source = Scripted([77 - 1, *(n for secrets in bit_secrets for n in secrets), *masks])
    key = PublicKey(TINY, H)
    ciphertext, proof = RangeProver(key, maximum).encrypt(value, CONTEXT, source)
    assert source.left == []
    expected = by_formula.range_proof(H, maximum, value, 77, bit_secrets, masks, CONTEXT)
    found = (
        astuple(ciphertext),
        [astuple(bit) for bit in proof.bits],
        proof.nonces,
        proof.responses,
    )
    assert found == expected
    RangeVerifier(key, maximum).verify(ciphertext, proof, CONTEXT)
