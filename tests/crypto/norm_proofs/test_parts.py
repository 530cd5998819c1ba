"""The parts of a norm proof, each held against its plain form."""

from itertools import pairwise
from math import isqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto.commitments.commitment import commit, error_of, weights_of
from crypto.commitments.parameters import LEVELS, CommitmentParameters
from crypto.commitments.transform import transform
from crypto.errors import OpeningError, ParameterError, ProofError
from crypto.norm_proofs.four_squares import four_squares
from crypto.norm_proofs.layout import norm_squared
from crypto.norm_proofs.parameters import BLOW_UP, PRIMES, SUMS
from crypto.norm_proofs.projection import Projection
from crypto.norm_proofs.row_code import SHIFT, row_code
from crypto.norm_proofs.transcript import Transcript, residues
from crypto.norm_proofs.tree import Tree, leaf, root_of
from crypto.primitives.prg import Keystream

PRIME, DEGREE = PRIMES[0], 2048
DEGREES = sorted({level.degree for level in LEVELS})


def keystream(label=0):
    return Keystream(bytes([label]) * 32)


def exact(residue):
    return np.mod(residue, PRIME).astype(np.int64)


def horner(coefficients, point, prime=PRIME):
    total = 0
    for coefficient in coefficients[::-1]:
        total = (total * point + int(coefficient)) % prime
    return total


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**90) | st.integers(0, 300))
def test_every_number_is_the_sum_of_four_squares(number):
    squares = four_squares(number)
    assert sum(square**2 for square in squares) == number
    assert min(squares) >= 0


def test_numbers_that_are_no_sum_of_three_squares_and_no_negative_ones():
    for number in (7, 15, 23, 28, 4**20 * 7, 2**61 - 1):
        assert sum(square**2 for square in four_squares(number)) == number
    with pytest.raises(ParameterError, match="below 0"):
        four_squares(-1)


@given(st.lists(st.integers(-(2**48), 2**48), max_size=40))
def test_norms_are_exact(numbers):
    assert norm_squared(np.array(numbers, np.int64)) == sum(n**2 for n in numbers)


def test_norms_of_long_vectors_are_exact_at_the_ends():
    for number in (2**48, -(2**48), 2**24 - 1, -(2**24)):
        assert norm_squared(np.full(40_000, number)) == 40_000 * number**2


# Weights of commitments


@pytest.mark.parametrize("prime", PRIMES[:4])
@pytest.mark.parametrize("degree", DEGREES)
def test_the_transposed_transform_is_that(prime, degree):
    ring = transform(prime, degree)
    coefficients, values = (residues(keystream(i), (2, degree), prime) for i in (1, 2))
    forward = [
        int(a) * int(b) for a, b in zip(ring.forward(coefficients)[0], values[0], strict=True)
    ]
    back = [
        int(a) * int(b) for a, b in zip(coefficients[0], ring.transposed(values)[0], strict=True)
    ]
    assert (sum(forward) - sum(back)) % prime == 0


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("length", [1, 2048, 5000])
def test_weights_are_of_what_is_committed_to(level, length):
    parameters = CommitmentParameters(level, length, 2**20, (), 3)
    integers = np.random.default_rng(0).integers(-(2**20), 2**20, length)
    commitment, opening = commit(integers, parameters)
    error = error_of(commitment, integers, opening)
    assert np.abs(error).max() <= parameters.distribution.largest
    for prime, held in zip(level.primes, commitment.values, strict=True):
        values = residues(keystream(), (level.degree,), prime)
        numbers = integers, opening.secret, error
        weighted = sum(
            int(weight) * int(number)
            for weights, some in zip(weights_of(values, prime, parameters), numbers, strict=True)
            for weight, number in zip(weights, some, strict=True)
        )
        expected = sum(int(a) * int(b) for a, b in zip(values, held, strict=True))
        assert (weighted - expected) % prime == 0


def test_there_is_no_error_where_integers_are_others():
    parameters = CommitmentParameters.choose(10, 2**20, 3)
    commitment, opening = commit(np.arange(10), parameters)
    with pytest.raises(OpeningError):
        error_of(commitment, np.arange(10) + 1, opening)


# Random sums


def by_hand(projection):
    """The weights, unpacked: shape (SUMS, length)."""
    bits = (projection._bits[..., None] >> np.arange(16)) & 1
    weights = bits[:, 0].astype(np.int64) - bits[:, 1]
    return weights.transpose(0, 2, 1).reshape(SUMS, -1)


@pytest.mark.parametrize("largest", [1, 2**20, 2**46])
def test_random_sums_are_those_of_their_weights(largest):
    projection = Projection(keystream(), 1000)
    integers = np.random.default_rng(0).integers(-largest, largest, 1000, endpoint=True)
    integers[:2] = largest, -largest
    np.testing.assert_array_equal(projection.sums(integers), by_hand(projection) @ integers)


def test_weights_of_integers_are_those_of_the_sums_they_are_in():
    projection = Projection(keystream(), 1000)
    factors = residues(keystream(1), (SUMS,), PRIME)
    factors[:4] = PRIME // 2, -(PRIME // 2), PRIME // 2, 0
    expected = by_hand(projection).T @ factors.astype(np.int64)
    np.testing.assert_array_equal(projection.weights(factors), expected)


def test_a_half_of_the_weights_are_0_and_a_quarter_1_and_minus_1():
    weights = by_hand(Projection(keystream(), 4000))
    shares = [np.mean(weights == value) for value in (-1, 0, 1)]
    assert shares == pytest.approx([0.25, 0.5, 0.25], abs=0.004)  # nine standard deviations
    rows = np.corrcoef(weights)
    assert np.abs(rows - np.eye(SUMS)).max() < 0.1
    assert set(np.unique(weights)) == {-1, 0, 1}


def test_a_large_integer_makes_half_of_the_sums_large_whatever_hides_them():
    """What soundness says of one integer beyond 2 Z, also of one that wraps to its negative."""
    modulus, largest = 10**6, 100
    weights = by_hand(Projection(keystream(), 400))
    for large in (2 * largest + 1, modulus // 2, modulus // 3):
        integers = np.full(400, 1)
        integers[0] = large
        for mask in (0, large, -large, 7):
            sums = (weights @ integers + mask + modulus // 2) % modulus - modulus // 2
            assert np.mean(np.abs(sums) <= largest) < 0.5 + 0.16  # five standard deviations


# Codewords


@pytest.mark.parametrize("prime", PRIMES)
@pytest.mark.parametrize("degree", DEGREES)
def test_the_shifts_of_h_meet_neither_each_other_nor_h(prime, degree):
    assert prime % (2 * degree) == 1
    assert all(prime % divisor for divisor in range(2, isqrt(prime) + 1))
    powers = [-pow(SHIFT, degree * shift, prime) % prime for shift in range(BLOW_UP + 1)]
    assert len(set(powers)) == BLOW_UP + 1
    assert PRIMES.index(prime) == 0 or prime < PRIMES[PRIMES.index(prime) - 1]


@pytest.mark.parametrize("prime", [PRIMES[0], PRIMES[-1]])
def test_codewords_are_the_values_of_polynomials(prime):
    code = row_code(prime, DEGREE)
    rows = residues(keystream(), (2, DEGREE), prime)
    coefficients = code.coefficients(rows)
    places = np.array([0, 1, 63, DEGREE - 1, DEGREE, 3 * DEGREE + 5, BLOW_UP * DEGREE - 1])
    word = np.concatenate([code.on_shift(coefficients, c) for c in range(1, BLOW_UP + 1)], axis=1)
    powers = code.powers(places)
    for column, place in enumerate(places):
        point = int(powers[1, column]) % prime
        expected = [horner(row, point, prime) for row in coefficients]
        assert [int(value) % prime for value in word[:, place]] == expected
        assert int(code.top_powers(places)[column]) % prime == pow(point, DEGREE, prime)
    product = code.product(coefficients, powers)
    np.testing.assert_array_equal(np.mod(product, prime), np.mod(word[:, places], prime))


def test_products_of_matrices_are_exact_at_the_ends():
    code, half = row_code(PRIME, DEGREE), PRIME // 2
    for sign in (1, -1):
        left, right = np.full((2, 5000), float(half)), np.full((5000, 2), float(sign * half))
        assert np.all(exact(code.product(left, right)) == sign * half**2 * 5000 % PRIME)


def test_polynomials_of_twice_as_many_coefficients_are_joined_and_summed():
    code = row_code(PRIME, DEGREE)
    lower, upper = (residues(keystream(i), (2, DEGREE), PRIME) for i in (1, 2))
    on_h = code.ring.forward(code.ring.reduce(lower - upper))
    shifted = code.ring.reduce(code.on_shift(upper, 1) * float(code.shifted_power))
    on_shift = code.ring.reduce(code.on_shift(lower, 1) + shifted)
    for joined, half in zip(code.join(on_h, on_shift), (lower, upper), strict=True):
        np.testing.assert_array_equal(exact(joined), exact(half))
    for slots in (1, 100, DEGREE):
        expected = exact(on_h)[:, :slots].sum(axis=1) % PRIME
        np.testing.assert_array_equal(exact(code.sums(lower, upper, slots)), expected)


# The tree, and challenges


@pytest.mark.parametrize("places", [[0], [15], [3, 4], [0, 1, 2, 3], [5, 9, 12, 13], range(16)])
def test_opened_columns_lead_to_the_root_and_no_others_do(places):
    leaves = [leaf(bytes(16), bytes([i])) for i in range(16)]
    tree = Tree(leaves)
    opened, siblings = {place: leaves[place] for place in places}, tree.siblings(places)
    assert root_of(opened, 16, siblings) == tree.root
    for place in places:
        assert root_of(opened | {place: leaf(bytes(16), b"else")}, 16, siblings) != tree.root
    if siblings:
        altered = bytes([siblings[0] ^ 1]) + siblings[1:]
        assert root_of(opened, 16, altered) != tree.root
    with pytest.raises(ProofError):
        root_of(opened, 16, siblings + bytes(32))
    assert leaf(b"a" * 16, b"b") != leaf(b"b" * 16, b"b")


def test_challenges_depend_on_all_that_was_said_and_on_what_they_are_for():
    def drawn(*said, statement=(b"s",), purpose="p"):
        transcript = Transcript(*statement)
        for one in said:
            transcript.say(*one)
        return residues(transcript.keystream(purpose), (4,), PRIME).tolist()

    calls = [
        drawn(),
        drawn(statement=(b"t",)),
        drawn(statement=(b"s", b"")),
        drawn(purpose="q"),
        drawn((b"a",)),
        drawn((b"a",), (b"b",)),
        drawn((b"b",), (b"a",)),
        drawn((b"a", b"b")),
        drawn((b"ab",)),
    ]
    for one, other in pairwise(sorted(calls)):
        assert one != other


def test_places_are_different_and_all_are_drawn():
    transcript, seen = Transcript(b""), []
    for number in range(20):
        transcript.say(bytes([number]))
        places = transcript.places(60, 128)
        assert len(set(places.tolist())) == 60
        seen += places.tolist()
    assert set(seen) == set(range(128))
    assert Transcript(b"").places(128, 128).shape == (128,)
