"""Products of many powers modulo a prime, with the squarings in common; for public exponents.

Source: Straus, "Addition chains of vectors", 1964.
"""

from collections.abc import Sequence
from typing import Final

import gmpy2

_WINDOW_BITS: Final = 4


def multi_power(factors: Sequence[tuple[int, int]], modulus: int) -> int:
    """Return the product of base^exponent over all pairs modulo a prime.

    Args:
        factors: pairs of a base and an exponent of 0 or more.
        modulus: the prime.
    """
    prime = gmpy2.mpz(modulus)
    tables = [_first_powers(gmpy2.mpz(base), prime) for base, _ in factors]
    longest = max((exponent.bit_length() for _, exponent in factors), default=0)
    mask = (1 << _WINDOW_BITS) - 1
    result = gmpy2.mpz(1)
    for shift in range(longest // _WINDOW_BITS * _WINDOW_BITS, -1, -_WINDOW_BITS):
        for _ in range(_WINDOW_BITS):
            result = result * result % prime
        for table, (_, exponent) in zip(tables, factors, strict=True):
            digit = exponent >> shift & mask
            if digit:
                result = result * table[digit] % prime
    return int(result)


def _first_powers(base: gmpy2.mpz, prime: gmpy2.mpz) -> list[gmpy2.mpz]:
    powers = [gmpy2.mpz(1), base]
    while len(powers) < 1 << _WINDOW_BITS:
        powers.append(powers[-1] * base % prime)
    return powers
