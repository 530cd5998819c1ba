"""Random safe primes p, for which (p - 1) / 2 is prime as well: found by a sieve, tested by GMP.

Source: Wiener, "Safe prime generation with a combined sieve", 2003. `gmpy2.is_prime` is GMP's
Baillie-PSW and Miller-Rabin test.
"""

from typing import Final

import gmpy2
import numpy as np
from numpy.typing import NDArray

from crypto.errors import ParameterError
from crypto.randomness import SYSTEM, Randomness

LEAST_BITS: Final = 64
_SIEVE_BOUND: Final = 1 << 17
_WINDOW: Final = 1 << 16  # odd numbers searched from one random starting point
_ROUNDS: Final = 30


def safe_prime(bits: int, randomness: Randomness = SYSTEM) -> int:
    """Return a random safe prime, about a second for 1024 bits; run by who makes a key.

    Args:
        bits: its length, a multiple of 8, 64 at least; its two highest bits are 1, so that the
            product of two has exactly twice the length.
        randomness: where the starting point of the search comes from.

    Returns:
        p = 3 mod 4.

    Raises:
        ParameterError: for an impossible length.
    """
    if bits < LEAST_BITS or bits % 8:
        raise ParameterError(f"bits={bits} must be a multiple of 8, {LEAST_BITS} at least")
    small = _odd_primes()
    while True:
        start = _starting_point(bits - 1, randomness)
        for step in np.flatnonzero(_survivors(start, small)):
            half = start + 2 * int(step)
            if half.bit_length() == bits - 1 and _is_safe(half):
                return 2 * half + 1


def _is_safe(half: int) -> bool:
    """Tell whether h and 2 h + 1 are primes; most are told to be none by the first round."""
    tests = (half, 1), (2 * half + 1, _ROUNDS), (half, _ROUNDS)
    return all(gmpy2.is_prime(number, rounds) for number, rounds in tests)


def _starting_point(bits: int, randomness: Randomness) -> int:
    """Return a random odd number of this length whose two highest bits are 1."""
    drawn = int.from_bytes(randomness.bytes((bits + 7) // 8), "little") & ((1 << bits) - 1)
    return drawn | (3 << (bits - 2)) | 1


def _odd_primes() -> NDArray[np.int64]:
    """Return the odd primes below the bound of the sieve."""
    is_prime = np.ones(_SIEVE_BOUND, np.bool_)
    is_prime[:3] = False
    is_prime[4::2] = False
    for number in range(3, int(_SIEVE_BOUND**0.5) + 1, 2):
        if is_prime[number]:
            is_prime[number * number :: number] = False
    return np.flatnonzero(is_prime)


def _survivors(start: int, small: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell which h = start + 2 j have no small prime s with s | h or s | 2 h + 1."""
    alive = np.ones(_WINDOW, np.bool_)
    for prime in small.tolist():
        half = (prime + 1) // 2  # the inverse of 2
        first = -start * half % prime
        alive[first::prime] = False
        alive[(first + half * (half - 1)) % prime :: prime] = False
    return alive
