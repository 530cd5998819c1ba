"""Hiding, as far as statistics can see it; the reduction in words is in `parameters.py`."""

import numpy as np
import pytest

from crypto.commitments.commitment import Commitment, commit
from crypto.commitments.parameters import LEVELS, CommitmentParameters
from crypto.commitments.transform import transform

BINS, LENGTH = 64, 2048
# Chi-squared with 63 degrees of freedom leaves these on either side with probability 1e-6 each.
LOW, HIGH = 24.5, 131.0


def chi_squared(values, prime):
    counts, _ = np.histogram(values, bins=BINS, range=(0, prime))
    expected = values.size / BINS
    return float(((counts - expected) ** 2 / expected).sum())


def residues(vectors, coefficients=False):
    """Residues modulo the first prime of commitments, or of the coefficients of c."""
    parameters = CommitmentParameters.choose(LENGTH, 2**22, 3)
    prime = parameters.level.primes[0]
    made = np.array([commit(v, parameters)[0].values[0] for v in vectors], float)
    if coefficients:
        ring = transform(prime, parameters.level.degree)
        made = np.mod(ring.inverse(ring.reduce(made)), prime)
    return made, prime


@pytest.mark.parametrize("number", [0, 1, 2**22, -(2**22)])
@pytest.mark.parametrize("coefficients", [False, True])
def test_commitments_are_uniform_whatever_they_hold(number, coefficients):
    made, prime = residues([np.full(LENGTH, number)] * 20, coefficients)
    assert LOW < chi_squared(made, prime) < HIGH
    # And independent of each other: so are the differences of two that hold the same.
    assert LOW < chi_squared(np.mod(made[1:] - made[:-1], prime), prime) < HIGH


def test_the_test_sees_what_is_not_uniform_or_too_even():
    prime = LEVELS[0].primes[0]
    rng = np.random.default_rng(0)
    skewed = np.minimum(rng.integers(0, prime, (2, 40_000)).min(axis=0), prime - 1)
    assert chi_squared(skewed, prime) > HIGH
    assert chi_squared(np.arange(40_000) * prime // 40_000, prime) < LOW


def test_without_error_or_secret_a_commitment_gives_its_vector_away():
    """What hides it is the randomness alone: with none, two vectors are told apart at once."""
    parameters = CommitmentParameters.choose(LENGTH, 2**22, 3)

    class Middle:
        """Draws that all come out as 0."""

        def bytes(self, count):
            return (1 << 127).to_bytes(16, "little") * (count // 16)

    vectors = [np.full(LENGTH, number) for number in (0, 5)]
    made = [commit(vector, parameters, Middle())[0] for vector in (*vectors, vectors[1])]
    assert made[0].to_bytes() != made[1].to_bytes()
    assert made[1].to_bytes() == made[2].to_bytes()
    honest = {commit(vectors[1], parameters)[0].to_bytes() for _ in range(3)}
    assert len(honest) == 3


def test_given_their_sum_two_commitments_are_still_uniform():
    parameters = CommitmentParameters.choose(LENGTH, 2**22, 2)
    ring = transform(parameters.level.primes[0], parameters.level.degree)
    prime, left = ring.prime, []
    for _ in range(20):
        pair = [commit(np.full(LENGTH, value), parameters)[0] for value in (2**20, 0)]
        total = Commitment.sum_of(pair)
        # The most that the sum says of the first: half of it, and what is left is uniform.
        half = pow(2, -1, prime)
        apart = pair[0].values[0].astype(np.int64) - total.values[0].astype(np.int64) * half
        left.append(np.mod(apart, prime))
    assert LOW < chi_squared(np.array(left), prime) < HIGH
