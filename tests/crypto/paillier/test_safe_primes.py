import gmpy2
import numpy as np
import pytest

from crypto.errors import ParameterError
from crypto.paillier.safe_primes import _odd_primes, _survivors, safe_prime
from crypto.randomness import TestVectorRandomness


@pytest.mark.parametrize("bits", [64, 72, 128, 256])
def test_both_halves_are_prime_and_the_length_is_right(bits):
    for _ in range(3):
        p = safe_prime(bits)
        assert p.bit_length() == bits
        assert p >> (bits - 2) == 3
        assert p % 4 == 3
        # Fermat's test to bases that the generator does not choose, apart from GMP's own test.
        assert all(pow(base, p - 1, p) == 1 for base in (3, 5, 7))
        assert all(pow(base, p // 2 - 1, p // 2) == 1 for base in (3, 5, 7))


def test_they_differ_and_come_from_the_randomness_given():
    assert len({safe_prime(64) for _ in range(20)}) == 20
    first, second = (safe_prime(128, TestVectorRandomness(b"primes")) for _ in range(2))
    assert first == second != safe_prime(128, TestVectorRandomness(b"others"))


def test_the_sieve_loses_no_safe_prime():
    # The naive oracle: all odd h below the first thousand places, tested one by one.
    start = (3 << 61) | 1
    alive = _survivors(start, _odd_primes())[:20_000]
    safe = [
        j
        for j in range(len(alive))
        if gmpy2.is_prime(start + 2 * j) and gmpy2.is_prime(2 * (start + 2 * j) + 1)
    ]
    assert safe
    assert alive[safe].all()
    assert alive.mean() < 0.05


def test_the_small_primes_are_the_odd_primes():
    primes = _odd_primes()
    np.testing.assert_array_equal(primes[:8], [3, 5, 7, 11, 13, 17, 19, 23])
    assert len(primes) == 12_250  # pi(2^17) = 12,251, less the 2
    assert all(gmpy2.is_prime(int(p)) for p in primes[::500])


@pytest.mark.parametrize("bits", [-8, 0, 56, 65, 100])
def test_impossible_lengths_are_refused(bits):
    with pytest.raises(ParameterError):
        safe_prime(bits)
