from decimal import Decimal
from math import log2, pi, sqrt

import numpy as np
import pytest

from crypto.commitments.parameters import BASE_VARIANCE, LEVELS, CommitmentParameters
from crypto.errors import CapacityError, ParameterError

# Albrecht et al., Homomorphic Encryption Security Standard (2018), table 1: largest log2 q at 128
# bits, classical, ternary secret.
STANDARD = {2048: 54, 4096: 109}
PAPER = 306_063


@pytest.mark.parametrize("level", LEVELS)
def test_rings_keep_to_the_standard_and_have_transforms(level):
    assert log2(level.modulus) <= STANDARD[level.degree]
    assert len(set(level.primes)) == len(level.primes)
    for prime in level.primes:
        assert prime % (2 * level.degree) == 1
        assert all(prime % divisor for divisor in range(2, int(sqrt(prime)) + 1))


def test_levels_get_longer_and_bind_more():
    assert [level.commitment_bytes for level in LEVELS] == [9728, 13824, 55296]
    bits = [level.binding_bits for level in LEVELS]
    assert bits == sorted(bits)
    assert [round(b, 1) for b in bits] == [36.9, 48.8, 97.6]


CHOICES = [  # length, bits, clients, level
    (PAPER, 23, 10, 0),
    (PAPER, 24, 30, 0),
    (PAPER, 32, 30, 1),
    (PAPER, 44, 30, 2),
    (PAPER, 62, 1000, 2),
    (11_000_000, 24, 30, 0),
    (11_000_000, 32, 30, 1),
    (2**32, 62, 1000, 2),
    (1, 1, 1, 0),
    (0, 1, 1, 0),
    (PAPER, 23, 5000, 1),
]


@pytest.mark.parametrize(("length", "bits", "clients", "level"), CHOICES)
def test_the_shortest_level_that_binds_is_chosen(length, bits, clients, level):
    chosen = CommitmentParameters.choose(length, 2 ** (bits - 1), clients)
    assert chosen.level == LEVELS[level]
    assert chosen.norm_bits <= chosen.level.binding_bits
    assert 2 * chosen.largest_hiding < min(chosen.level.primes)


def test_the_norm_is_that_of_two_openings_apart():
    chosen = CommitmentParameters.choose(100, 2**20, 4, (2**30, 2**31))
    squares = 98 * 4**20 + 4**30 + 4**31 + 2 * 2048 * chosen.largest_hiding**2
    assert chosen.norm_bits == pytest.approx(log2(2 * sqrt(squares)))
    assert CommitmentParameters.choose(1, 0, 1, (2**40,)).level == LEVELS[1]


@pytest.mark.parametrize("clients", [2, 3, 10, 30, 1000])
def test_what_is_left_once_the_sum_is_known_holds_a_standard_instance_of_each_client(clients):
    """The least eigenvalue of the Gaussian given its sum is twice w0^2, in the worst direction."""
    variance = float(CommitmentParameters.choose(10, 2, clients).variance)
    for honest in range(2, min(clients, 40) + 1):
        given_sum = variance * (np.eye(honest - 1) - np.full((honest - 1, honest - 1), 1 / honest))
        assert np.linalg.eigvalsh(given_sum).min() >= 2 * float(BASE_VARIANCE) * (1 - 1e-9)


def test_the_base_width_is_above_the_standards_and_smooth():
    assert Decimal("3.2") ** 2 < BASE_VARIANCE
    # Smoothing parameter (Micciancio and Regev 2007, lemma 3.3): pi s^2 >= ln(2 n (1 + 1/epsilon)).
    log_epsilon = 1 + 32 - pi * (2 * pi * float(BASE_VARIANCE) / 2) / np.log(2)
    assert log_epsilon + 3 < -128


def test_honest_sums_stay_within_the_range_that_is_accepted():
    for clients in (1, 3, 30, 1000):
        chosen = CommitmentParameters.choose(10, 2, clients)
        widths = chosen.largest_hiding / sqrt(clients * float(chosen.variance))
        assert 13.3 < widths < 13.6
        assert chosen.distribution.largest <= chosen.largest_hiding


OUT_OF_RANGE = [
    (-1, 1, 1),
    (2**32 + 1, 1, 1),
    (1, -1, 1),
    (1, 1, 0),
    (1, 1, 2**16 + 1),
    (1, 1, 1, (1, 1)),
    (2, 1, 1, (-1,)),
]


@pytest.mark.parametrize("arguments", OUT_OF_RANGE)
def test_refuses_arguments_out_of_range(arguments):
    with pytest.raises(ParameterError):
        CommitmentParameters.choose(*arguments)


def test_refuses_sums_that_no_level_binds():
    with pytest.raises(CapacityError, match=r"bind below 2\^97\.6"):
        CommitmentParameters.choose(PAPER, 2**90, 3)
