from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto.domain import domain_hash
from crypto.errors import DecodingError, ParameterError, ProofError
from crypto.groups.edwards25519 import EDWARDS25519
from crypto.groups.ffdhe import FFDHE2048, FFDHE3072
from crypto.groups.secp256k1 import SECP256K1
from crypto.proofs.equality import PowerProof, PowerStatement, power_proof_bytes
from crypto.proofs.fiat_shamir import challenge
from crypto.randomness import TestVectorRandomness

GROUPS = [FFDHE2048, FFDHE3072, EDWARDS25519, SECP256K1]
every_group = pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
CONTEXT = b"session and client"


def random_element(group):
    return group.generator_power(group.random_exponent())


def true_statement(group=SECP256K1, count=1):
    secret = group.random_exponent()
    bases = tuple(random_element(group) for _ in range(count))
    powers = tuple(group.power(base, secret) for base in bases)
    return secret, PowerStatement(group, group.generator_power(secret), bases, powers)


def refused(proof, statement, context=CONTEXT):
    with pytest.raises(ProofError):
        proof.verify(statement, context)
    return True


@every_group
@pytest.mark.parametrize("count", [1, 2, 5])
def test_true_statements_are_proved(group, count):
    secret, statement = true_statement(group, count)
    PowerProof.make(statement, secret, CONTEXT).verify(statement, CONTEXT)


@every_group
def test_proofs_round_trip(group):
    secret, statement = true_statement(group)
    proof = PowerProof.make(statement, secret, CONTEXT)
    data = proof.to_bytes(group)
    assert len(data) == power_proof_bytes(group)
    assert PowerProof.from_bytes(data, group) == proof
    for wrong in (b"", data[:-1], data + b"\0", data[:16] + b"\xff" * (len(data) - 16)):
        with pytest.raises(DecodingError):
            PowerProof.from_bytes(wrong, group)


@every_group
def test_every_bit_of_a_proof_counts(group):
    secret, statement = true_statement(group)
    data = PowerProof.make(statement, secret, CONTEXT).to_bytes(group)
    for position in range(3, 8 * len(data), len(data) // 2):
        changed = bytearray(data)
        changed[position // 8] ^= 1 << position % 8
        try:
            proof = PowerProof.from_bytes(bytes(changed), group)
        except DecodingError:
            continue
        refused(proof, statement)


@pytest.mark.parametrize("count", [1, 3])
def test_every_part_of_the_statement_and_the_context_count(count):
    secret, statement = true_statement(count=count)
    proof = PowerProof.make(statement, secret, CONTEXT)
    other = random_element(SECP256K1)
    refused(proof, statement, b"another session")
    refused(proof, replace(statement, key=other))
    refused(proof, replace(statement, bases=(*statement.bases[:-1], other)))
    refused(proof, replace(statement, powers=(*statement.powers[:-1], other)))


def test_a_proof_in_one_group_is_none_in_another():
    secret, statement = true_statement()
    proof = PowerProof.make(statement, secret, CONTEXT)
    _, elsewhere = true_statement(EDWARDS25519)
    refused(proof, elsewhere)


def test_the_number_and_order_of_powers_count():
    secret, statement = true_statement(count=3)
    proof = PowerProof.make(statement, secret, CONTEXT)
    a, b, c = range(3)
    for order in ((b, a, c), (a, b), (a, b, c, c)):
        refused(
            proof,
            replace(
                statement,
                bases=tuple(statement.bases[i] for i in order),
                powers=tuple(statement.powers[i] for i in order),
            ),
        )


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 6), st.data())
def test_one_false_power_among_many_is_refused(count, data):
    secret, statement = true_statement(count=count)
    false = data.draw(st.integers(0, count - 1))
    powers = list(statement.powers)
    powers[false] = SECP256K1.multiply_by_generator(powers[false])
    lie = replace(statement, powers=tuple(powers))
    refused(PowerProof.make(lie, secret, CONTEXT), lie)


def test_errors_that_cancel_without_weights_are_refused():
    # Attack on plain products: one power too large and another too small by the same factor.
    secret, statement = true_statement(count=2)
    group = SECP256K1
    factor = random_element(group)
    powers = (
        group.multiply(statement.powers[0], factor),
        group.multiply(statement.powers[1], group.invert(factor)),
    )
    lie = replace(statement, powers=powers)
    assert group.product(lie.powers) == group.product(statement.powers)
    refused(PowerProof.make(lie, secret, CONTEXT), lie)


class TestWeakFiatShamir:
    """The power is not hashed: a client picks it after the challenge."""

    def weak_challenge(self, statement, commitments):
        encode = statement.group.encode
        parts = [encode(element) for element in (statement.key, *statement.bases, *commitments)]
        return int.from_bytes(domain_hash("weak", *parts)[:16], "little")

    def weak_verify(self, proof, statement):
        group = statement.group
        (base,), (power,) = statement.bases, statement.powers
        commitments = (
            group.multi_power(
                [(group.generator, proof.response), (statement.key, -proof.challenge)]
            ),
            group.multi_power([(base, proof.response), (power, -proof.challenge)]),
        )
        return self.weak_challenge(statement, commitments) == proof.challenge

    def forge(self, secret, statement, find_challenge):
        """Return a proof of a false power, and the statement it claims."""
        group = statement.group
        (base,) = statement.bases
        nonce, target = group.random_exponent(), random_element(group)
        commitments = group.generator_power(nonce), target
        found = find_challenge(commitments)
        response = (nonce + found * secret) % group.order
        # target = base^response power^-found, solved for the power.
        quotient = group.multiply(group.power(base, response), group.invert(target))
        power = group.power(quotient, pow(found, -1, group.order))
        return PowerProof(found, response), replace(statement, powers=(power,))

    def test_the_attack_succeeds_where_the_statement_is_not_hashed(self):
        secret, statement = true_statement()
        honest = statement.powers
        proof, lie = self.forge(
            secret, statement, lambda firsts: self.weak_challenge(statement, firsts)
        )
        assert lie.powers != honest
        assert self.weak_verify(proof, lie)

    def test_it_fails_here(self):
        secret, statement = true_statement()

        def our_challenge(commitments):
            elements = (statement.key, *statement.bases, *statement.powers, *commitments)
            return challenge("equality", statement.group, CONTEXT, elements)

        proof, lie = self.forge(secret, statement, our_challenge)
        refused(proof, lie)


def test_a_response_without_the_secret_is_refused():
    secret, statement = true_statement()
    refused(PowerProof.make(statement, secret + 1, CONTEXT), statement)


def test_a_simulated_proof_needs_to_foresee_the_challenge():
    # What makes proofs reveal nothing: commitments can be computed backwards from any answer.
    _, statement = true_statement()
    simulated = PowerProof(123, 456)
    refused(simulated, statement)


def test_nonces_are_fresh():
    secret, statement = true_statement()
    first, second = (PowerProof.make(statement, secret, CONTEXT) for _ in range(2))
    assert first != second
    fixed = [
        PowerProof.make(statement, secret, CONTEXT, TestVectorRandomness(b"n")) for _ in range(2)
    ]
    assert fixed[0] == fixed[1]


def test_statements_without_sense_are_refused():
    element = SECP256K1.generator
    for bases, powers in (((), ()), ((element,), ()), ((element,), (element, element))):
        with pytest.raises(ParameterError):
            PowerStatement(SECP256K1, element, bases, powers)
