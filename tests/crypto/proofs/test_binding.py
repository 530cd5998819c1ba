"""Every input of every challenge is bound, and no two lies of one batch cancel."""

from dataclasses import replace
from itertools import combinations

import pytest

from crypto.elgamal.encryption import Ciphertext, PublicKey
from crypto.errors import ProofError
from crypto.groups.ffdhe import FFDHE2048, SafePrimeGroup
from crypto.groups.secp256k1 import SECP256K1
from crypto.proofs import equality
from crypto.proofs.equality import PowerProof, PowerStatement
from crypto.proofs.fiat_shamir import challenge
from crypto.proofs.range_proof import RangeProver, RangeVerifier
from tests.crypto.session.scripted import Recorded, Scripted

CONTEXT = b"session and client"
KEY = PublicKey(SECP256K1, SECP256K1.generator_power(0xC0FFEE))
MAXIMUM = 20
RENAMED = SafePrimeGroup("ffdhe2048 of others", FFDHE2048.prime)


def power_statement(group=SECP256K1, secret=5, count=3):
    bases = tuple(group.generator_power(3 + k) for k in range(count))
    powers = tuple(group.power(base, secret) for base in bases)
    return PowerStatement(group, group.generator_power(secret), bases, powers)


def refuses_power(proof, statement, context=CONTEXT):
    with pytest.raises(ProofError):
        proof.verify(statement, context)


def refuses_range(ciphertext, proof, key=KEY, randomness=None):
    with pytest.raises(ProofError):
        RangeVerifier(key, MAXIMUM).verify(ciphertext, proof, CONTEXT, randomness or Recorded())


# The challenge


def test_every_input_of_a_challenge_counts():
    a, b = FFDHE2048.generator, FFDHE2048.generator_power(5)
    calls = [
        ("p", FFDHE2048, b"c", (a, b), (1, 2)),
        ("q", FFDHE2048, b"c", (a, b), (1, 2)),
        ("p", RENAMED, b"c", (a, b), (1, 2)),
        ("p", FFDHE2048, b"d", (a, b), (1, 2)),
        ("p", FFDHE2048, b"", (a, b), (1, 2)),
        ("p", FFDHE2048, b"c", (b, a), (1, 2)),
        ("p", FFDHE2048, b"c", (a,), (1, 2)),
        ("p", FFDHE2048, b"c", (a, a), (1, 2)),
        ("p", FFDHE2048, b"c", (a, b, b), (1, 2)),
        ("p", FFDHE2048, b"c", (a, b), (2, 1)),
        ("p", FFDHE2048, b"c", (a, b), (1,)),
        ("p", FFDHE2048, b"c", (a, b), (1, 3)),
        ("p", FFDHE2048, b"c", (a, b), ()),
    ]
    assert len({challenge(*call) for call in calls}) == len(calls)


def test_challenges_have_128_bits():
    found = [challenge("p", SECP256K1, CONTEXT, (), (n,)) for n in range(64)]
    assert all(0 <= e < 2**128 for e in found)
    assert max(found) > 2**127
    for bit in range(128):
        assert {e >> bit & 1 for e in found} == {0, 1}


# Equal exponents


@pytest.mark.parametrize("count", [1, 3])
def test_the_name_of_the_group_counts_for_power_proofs(count):
    statement = power_statement(FFDHE2048, count=count)
    proof = PowerProof.make(statement, 5, CONTEXT)
    refuses_power(proof, replace(statement, group=RENAMED))


@pytest.mark.parametrize("count", [1, 3])
def test_the_challenge_of_a_power_proof_is_over_key_base_power_and_first_messages(
    count, monkeypatch
):
    # A key that is not hashed could be chosen after the challenge, to fit any answer.
    hashed = []

    def watched(purpose, group, context, elements, numbers=()):
        hashed.append((purpose, context, tuple(elements), tuple(numbers)))
        return challenge(purpose, group, context, elements, numbers)

    monkeypatch.setattr(equality, "challenge", watched)
    group, nonce = SECP256K1, 1 + 41
    statement = power_statement(group, 5, count)
    proof = PowerProof.make(statement, 5, CONTEXT, Scripted([41]))
    joined = statement.joined(CONTEXT)
    firsts = group.generator_power(nonce), group.power(joined[0], nonce)
    expected = ("equality", CONTEXT, (statement.key, *joined, *firsts), ())
    assert [call for call in hashed if call[0] == "equality"] == [expected]
    hashed.clear()
    proof.verify(statement, CONTEXT)
    assert [call for call in hashed if call[0] == "equality"] == [expected]


def weights_by(statement, context=CONTEXT):
    """What `joined` raised the powers to, seen by a group that looks on."""
    seen = []
    group = statement.group

    class Watched(type(group)):
        def multi_power(self, factors):
            pairs = list(factors)
            seen.append([weight for _, weight in pairs])
            return super().multi_power(pairs)

    watched = object.__new__(Watched)
    watched.__dict__.update(group.__dict__)
    replace(statement, group=watched).joined(context)
    of_bases, of_powers = seen
    assert of_bases == of_powers
    return of_bases


def test_weights_depend_on_every_part_of_the_statement():
    statement = power_statement(FFDHE2048)
    other = FFDHE2048.generator_power(99)
    found = [weights_by(statement), weights_by(statement, b"another session")]
    found.append(weights_by(replace(statement, key=other)))
    for index in range(3):
        for name in ("bases", "powers"):
            elements = list(getattr(statement, name))
            elements[index] = other
            found.append(weights_by(replace(statement, **{name: tuple(elements)})))
    flat = [weight for weights in found for weight in weights]
    assert len(set(flat)) == 3 * len(found)
    assert all(0 < weight < 2**128 for weight in flat)


def test_powers_chosen_to_fit_known_weights_are_refused():
    # If the weights were known before the powers, one error could be made to undo another:
    # (d^w1)^w0 (d^-w0)^w1 = 1.
    group, secret = FFDHE2048, 5
    statement = power_statement(group, secret, 2)
    weights = weights_by(statement)
    error = group.generator_power(31337)
    first, second = statement.powers
    lie = replace(
        statement,
        powers=(
            group.multiply(first, group.power(error, weights[1])),
            group.multiply(second, group.power(error, -weights[0])),
        ),
    )

    def weighed(powers):
        return group.multi_power(zip(powers, weights, strict=True))

    assert weighed(lie.powers) == weighed(statement.powers)
    refuses_power(PowerProof.make(lie, secret, CONTEXT), lie)


# Ranges


def test_the_name_of_the_group_counts_for_range_proofs():
    h = FFDHE2048.generator_power(77)
    ciphertext, proof = RangeProver(PublicKey(FFDHE2048, h), 2).encrypt(1, CONTEXT)
    verifier = RangeVerifier(PublicKey(RENAMED, h), 2)
    # The same H as well, so that nothing but the name in the challenge differs.
    original = RangeVerifier(PublicKey(FFDHE2048, h), 2)
    verifier._second, verifier._second_base = original._second, original._second_base
    original.verify(ciphertext, proof, CONTEXT)
    with pytest.raises(ProofError):
        verifier.verify(ciphertext, proof, CONTEXT)


def challenge_of(key=KEY, maximum=MAXIMUM, context=CONTEXT, **changed):
    """The challenge of a range proof in which single inputs are replaced."""
    g = SECP256K1.generator_power
    ciphertext = Ciphertext(changed.get("c1", g(1)), changed.get("c2", g(2)))
    bits = [[g(10 + 3 * j + i) for i in range(3)] for j in range(3)]
    nonces = [g(50 + i) for i in range(3)]
    if "bit" in changed:
        j, i = changed["bit"]
        bits[j][i] = g(99)
    if "nonce" in changed:
        nonces[changed["nonce"]] = g(99)
    return RangeVerifier(key, maximum)._challenge(ciphertext, bits, nonces, context)


def test_every_input_of_the_challenge_of_a_range_proof_counts():
    other = SECP256K1.generator_power(99)
    found = [
        challenge_of(),
        challenge_of(key=PublicKey(SECP256K1, other)),
        challenge_of(maximum=MAXIMUM + 1),
        challenge_of(context=b"another"),
        challenge_of(c1=other),
        challenge_of(c2=other),
        *(challenge_of(bit=(j, i)) for j in range(3) for i in range(3)),
        *(challenge_of(nonce=i) for i in range(3)),
    ]
    assert len(set(found)) == len(found)


class Equal:
    """All weights are the same: what a verifier without random weights would do."""

    def bytes(self, count):
        return bytes([6] * count)


class Zeros:
    def bytes(self, count):
        return bytes(count)


def with_errors(proof, *errors):
    """Return the proof with amounts added to answers: (bit, field, amount), or (index, amount)."""
    bits, responses = list(proof.bits), list(proof.responses)
    q = SECP256K1.order
    for error in errors:
        if len(error) == 2:
            index, amount = error
            responses[index] = (responses[index] + amount) % q
        else:
            index, name, amount = error
            changed = (getattr(bits[index], name) + amount) % q
            bits[index] = replace(bits[index], **{name: changed})
    return replace(proof, bits=tuple(bits), responses=tuple(responses))


ANSWERS = [
    (0, "response_zero"),
    (0, "response_one"),
    (2, "response_zero"),
    (4, "response_one"),
    (2,),  # the sum of blindings: the last equation of the link
]


@pytest.mark.parametrize(("one", "other"), combinations(ANSWERS, 2))
def test_two_false_equations_whose_errors_cancel_are_refused(one, other):
    ciphertext, proof = RangeProver(KEY, MAXIMUM).encrypt(13, CONTEXT)
    lie = with_errors(proof, (*one, 5), (*other, -5))
    # They do cancel where all weights are equal ...
    RangeVerifier(KEY, MAXIMUM).verify(ciphertext, lie, CONTEXT, Equal())
    # ... and with weights drawn for the occasion they do not.
    with pytest.raises(ProofError):
        RangeVerifier(KEY, MAXIMUM).verify(ciphertext, lie, CONTEXT)
    refuses_range(ciphertext, lie)


def test_a_weight_is_drawn_for_every_equation():
    ciphertext, proof = RangeProver(KEY, MAXIMUM).encrypt(13, CONTEXT)
    source = Recorded()
    RangeVerifier(KEY, MAXIMUM).verify(ciphertext, proof, CONTEXT, source)
    assert source.sizes == [16] * (3 + 2 * len(proof.bits))
    assert len(set(source.draws)) == len(source.draws)


def test_no_weight_is_zero():
    # With a weight of 0 an equation is not checked at all.
    ciphertext, proof = RangeProver(KEY, MAXIMUM).encrypt(13, CONTEXT)
    RangeVerifier(KEY, MAXIMUM).verify(ciphertext, proof, CONTEXT, Zeros())
    for answer in ANSWERS:
        refuses_range(ciphertext, with_errors(proof, (*answer, 1)), randomness=Zeros())
