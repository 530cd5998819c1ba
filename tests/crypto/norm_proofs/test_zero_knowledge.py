"""That proofs say nothing of the vector: what they tell is uniform, whatever it is."""

import numpy as np
import pytest

from crypto.norm_proofs import prover
from crypto.norm_proofs.board import Board, mask_polynomials
from crypto.norm_proofs.layout import Layout
from crypto.norm_proofs.parameters import QUERIES, REPETITIONS
from crypto.norm_proofs.proof import MASK_ROWS
from crypto.norm_proofs.row_code import row_code
from crypto.randomness import SYSTEM
from tests.crypto.norm_proofs.cast import BOUND, BOUNDED, FREE, PLAIN, proven, vector

BINS = 64
LOW, HIGH = 24.5, 131.0  # chi-squared with 63 degrees of freedom, 1e-6 on either side
PROOFS = 25


def all_in_one(norm):
    given = np.zeros(FREE + BOUNDED, np.int64)
    given[FREE] = norm
    return given


SECRETS = {"nothing": vector(0), "at the bound": vector(BOUND), "one large": all_in_one(BOUND)}


def chi_squared(values, low, high):
    counts, _ = np.histogram(values, bins=BINS, range=(low, high))
    expected = np.size(values) / BINS
    return float(((counts - expected) ** 2 / expected).sum())


@pytest.fixture(scope="module", params=SECRETS)
def proofs(request):
    return [proven(given=SECRETS[request.param])[1] for _ in range(PROOFS)]


def test_sums_under_masks_are_uniform_within_their_range(proofs):
    largest = PLAIN.largest_masked
    sums = np.concatenate([proof.sums for proof in proofs]).astype(float)
    assert np.abs(sums).max() <= largest
    assert LOW < chi_squared(sums, -largest, largest) < HIGH
    pairs = (sums[1:] - sums[:-1]) / largest / 2  # and independent: the sum of two wraps evenly
    assert LOW < chi_squared(np.mod(pairs, 1), 0, 1) < HIGH


def test_opened_columns_are_uniform(proofs):
    for number, prime in enumerate(PLAIN.primes):
        columns = np.stack([proof.columns[number] for proof in proofs])
        assert LOW < chi_squared(columns, 0, prime) < HIGH
        for row in (0, Layout(PLAIN).rows - 1):
            assert LOW < chi_squared(columns[:, :, row], 0, prime) < HIGH
        between = np.mod(columns[:, 1:].astype(int) - columns[:, :-1], prime)
        assert LOW < chi_squared(between, 0, prime) < HIGH


def test_polynomials_are_uniform(proofs):
    for number, prime in enumerate(PLAIN.primes):
        told = np.stack([proof.polynomials[number] for proof in proofs])
        for part in np.split(told, 3, axis=1):
            assert LOW < chi_squared(part, 0, prime) < HIGH


def test_which_masks_are_taken_does_not_depend_on_the_vector(proofs):
    taken = np.array([proof.mask for proof in proofs])
    assert np.mean(taken == 0) == pytest.approx(0.61, abs=0.4)  # e^(-1/2), four deviations
    assert taken.max() <= 7


def test_the_test_sees_masks_that_are_too_narrow(monkeypatch):
    narrow = lambda parameters, randomness: original(parameters, randomness) // 2  # noqa: E731
    original = prover._masks
    monkeypatch.setattr(prover, "_masks", narrow)
    sums = np.concatenate([proven()[1].sums for _ in range(5)]).astype(float)
    assert chi_squared(sums, -PLAIN.largest_masked, PLAIN.largest_masked) > HIGH


def opened_rank(rows, code, places):
    """The rank of what the columns at some places say of the uniform numbers in a row."""
    powers = code.powers(places)
    units = np.zeros((rows, code.degree))
    units[:, code.degree - rows :] = np.eye(rows)
    return rank(np.mod(code.product(code.coefficients(units), powers), code.prime), code.prime)


def rank(matrix, prime):
    left, found = matrix.astype(np.int64) % prime, 0
    for column in range(left.shape[1]):
        rows = np.flatnonzero(left[found:, column])
        if not rows.size:
            continue
        left[[found, found + rows[0]]] = left[[found + rows[0], found]]
        left[found] = left[found] * pow(int(left[found, column]), -1, prime) % prime
        left[found + 1 :] -= left[found + 1 :, column, None] * left[found] % prime
        left %= prime
        found += 1
    return found


def test_the_uniform_numbers_of_a_row_hide_it_at_as_many_places_as_are_opened():
    code = row_code(PLAIN.primes[0], PLAIN.level.degree)
    places = np.random.default_rng(0).choice(PLAIN.places, QUERIES, replace=False)
    assert opened_rank(QUERIES, code, places) == QUERIES
    assert opened_rank(QUERIES - 1, code, places) < QUERIES  # one fewer would tell


def test_masks_of_relations_add_up_to_nothing_over_the_slots():
    layout = Layout(PLAIN)
    written = np.zeros(layout.rows * PLAIN.slots, np.int64)
    board = Board(written, PLAIN, SYSTEM)
    for prime, coefficients in zip(PLAIN.primes, board.coefficients, strict=True):
        code = row_code(prime, PLAIN.level.degree)
        masks = mask_polynomials(coefficients[-MASK_ROWS:], code)
        sums = code.sums(*masks, PLAIN.slots)
        assert np.all(np.mod(sums, prime) == 0)
        assert sums.shape == (REPETITIONS,)
