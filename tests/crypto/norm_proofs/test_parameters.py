"""What is claimed of norm proofs in numbers."""

from dataclasses import replace
from math import log2, prod

import numpy as np
import pytest

from crypto.commitments.parameters import LEVELS
from crypto.errors import CapacityError, ParameterError
from crypto.norm_proofs import parameters as module
from crypto.norm_proofs.parameters import MAX_NORM_BITS, SUMS, THETA, NormParameters
from tests.crypto.norm_proofs.cast import BY_QUALITY, PLAIN

NETWORK = NormParameters.choose(306_073, 2**22, 10, bounded=306_063, bound=2**16)
"""The paper's network with ten metrics beside it."""


def test_a_false_claim_passes_with_at_most_2_to_the_minus_100():
    for parameters in (PLAIN, BY_QUALITY, NETWORK):
        assert 100 < parameters.soundness_bits < 102
        assert parameters.retry_probability < 0.001


@pytest.mark.parametrize(
    ("name", "fewer"), [("QUERIES", 140), ("SUMS", 208), ("REPETITIONS", 4), ("BLOW_UP", 4)]
)
def test_every_number_counts(monkeypatch, name, fewer):
    monkeypatch.setattr(module, name, fewer)
    assert NETWORK.soundness_bits < 100


def test_what_is_proven_of_the_rest_is_far_from_what_is_honest_and_wraps_nowhere():
    for parameters in (PLAIN, BY_QUALITY, NETWORK):
        assert 2**13 < parameters.proven_norm / parameters.largest_norm < 2**15
        assert 4 * parameters.proven_norm**2 < prod(parameters.primes)
        assert parameters.binding_norm_bits <= parameters.level.binding_bits
        assert parameters.level in LEVELS[1:]
        assert parameters.primes[: len(parameters.level.primes)] == parameters.level.primes


def test_honest_norms_hold_all_that_an_honest_prover_has():
    p = PLAIN
    hiding = p.commitment.distribution.largest
    squares = p.bound**2 + 3 * p.free_largest**2 + 4096 * hiding**2
    assert p.largest_norm**2 >= squares > (p.largest_norm - 2) ** 2
    q = BY_QUALITY.quality_largest
    scaled = squares - p.bound**2 + (p.bound * q) ** 2 + q**2 + 2 * q
    assert BY_QUALITY.largest_norm**2 >= scaled > (BY_QUALITY.largest_norm - 2) ** 2


def test_small_integers_have_small_sums_and_large_ones_do_not():
    """Both sides of the random sums, for one large integer and for many of the same size."""
    rng, tries = np.random.default_rng(0), 20_000
    for vector in (np.array([1.0]), np.full(256, 1 / 16)):
        bits = rng.integers(0, 2, (2, tries, len(vector)))
        weights = bits[0] - bits[1]
        sums = weights @ vector
        assert np.abs(sums).max() < 9
        for mask in (0.0, 0.5, 3.0):
            squares = (sums + mask) ** 2
            assert np.mean(squares >= THETA / 2) > (1 - THETA) ** 2 / 3
            assert np.mean(squares**2) <= 3.2 * np.mean(squares) ** 2  # 3, as it was drawn


def test_masked_sums_are_as_likely_whatever_the_sums_are():
    """How many masks suit does not depend on the sum: they are as many as the range has."""
    largest, top = 7, 4
    allowed = top * 2 + 1
    for value in range(-(largest - top), largest - top + 1):
        suits = [m for m in range(-largest, largest + 1) if abs(value + m) <= top]
        assert len(suits) == allowed
    p = PLAIN
    assert p.largest_masked == p.largest_mask - p.largest_sum
    share = (2 * p.largest_masked + 1) / (2 * p.largest_mask + 1)
    assert p.retry_probability == pytest.approx((1 - share**SUMS) ** 8)


def test_numbers_tell_parameters_apart():
    others = [
        PLAIN,
        BY_QUALITY,
        replace(PLAIN, bound=PLAIN.bound + 1),
        replace(PLAIN, bounded=PLAIN.bounded - 1),
        replace(PLAIN, free_largest=PLAIN.free_largest + 1),
        replace(PLAIN, quality_largest=0),
        replace(PLAIN, quality_largest=1),
        replace(PLAIN, commitment=replace(PLAIN.commitment, num_clients=4)),
        replace(PLAIN, commitment=replace(PLAIN.commitment, length=PLAIN.commitment.length + 1)),
    ]
    assert len({other.numbers for other in others}) == len(others)


def test_what_cannot_be_proven_is_refused():
    def choose(length=10, largest=2**20, bounded=5, bound=100, **more):
        return NormParameters.choose(length, largest, 3, bounded=bounded, bound=bound, **more)

    assert choose().free_largest == 2**20 // 3 + 1
    for wrong in ({"bounded": 0}, {"bounded": 11}, {"bound": 0}):
        with pytest.raises(ParameterError, match="bounded="):
            choose(**wrong)
    with pytest.raises(ParameterError, match="bounded=10"):
        choose(bounded=10, quality_largest=4)
    choose(bounded=9, quality_largest=4)
    choose(bound=2**46)
    with pytest.raises(CapacityError, match=r"at most 2\^48"):
        choose(bound=2**MAX_NORM_BITS)
    with pytest.raises(CapacityError, match="at most"):
        choose(largest=2**51)
    assert log2(choose(largest=2**40, bounded=10, bound=10).proven_norm) < 40
