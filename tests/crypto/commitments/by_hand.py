"""Commitments by their formula, in Python's integers: the slow twin of `crypto.commitments`."""

from functools import cache

from crypto.commitments.matrix import public_values
from crypto.commitments.parameters import CommitmentParameters, Level

SMALL = Level(64, (520193, 495617))
"""A ring in which sums by hand are quick. It binds and hides nothing."""


def small_parameters(length, largest=1 << 20, extra=(), clients=3):
    return CommitmentParameters(SMALL, length, largest, extra, clients)


@cache
def least_root(prime, order):
    """The least psi with psi^(order/2) = -1."""
    some = (pow(base, (prime - 1) // order, prime) for base in range(2, prime))
    root = next(x for x in some if pow(x, order // 2, prime) == prime - 1)
    return min(pow(root, odd, prime) for odd in range(1, order, 2))


def places(degree):
    """Where `Transform` keeps the value at psi^(2t + 1): t -> place."""
    columns = degree // 64
    return {t1 + 64 * t2: t1 * columns + t2 for t1 in range(64) for t2 in range(columns)}


def value_at(t, coefficients, prime):
    """Evaluate a polynomial at psi^(2t + 1)."""
    point, value = pow(least_root(prime, 2 * len(coefficients)), 2 * t + 1, prime), 0
    for coefficient in reversed(coefficients):
        value = (value * point + int(coefficient)) % prime
    return value


def values_of(coefficients, prime):
    """Evaluate a polynomial at all odd powers of psi, one after the other."""
    where = {place: t for t, place in places(len(coefficients)).items()}
    return [value_at(where[place], coefficients, prime) for place in range(len(coefficients))]


def coefficients_of(values, prime):
    """Return the polynomial with these values, by the sum that inverts the transform."""
    degree = len(values)
    psi, where = least_root(prime, 2 * degree), places(degree)
    scale = pow(degree, -1, prime)
    return [
        scale
        * sum(int(values[where[t]]) * pow(psi, -j * (2 * t + 1), prime) for t in range(degree))
        % prime
        for j in range(degree)
    ]


def product(left, right, prime):
    """Multiply two polynomials modulo X^N + 1, coefficient by coefficient."""
    degree = len(left)
    result = [0] * degree
    for i, a in enumerate(left):
        for j, b in enumerate(right):
            sign = 1 if i + j < degree else -1
            result[(i + j) % degree] += sign * int(a) * int(b)
    return [value % prime for value in result]


def commitment_by_hand(integers, secret, error, level):
    """Return the values of a x + b s + e for each prime."""
    degree, committed = level.degree, []
    padded = [int(x) for x in integers] + [0] * (-len(integers) % degree)
    blocks = [padded[i : i + degree] for i in range(0, len(padded), degree)]
    for prime in level.primes:
        total = [int(x) for x in error]
        for place, block in enumerate([[int(x) for x in secret], *blocks]):
            key = coefficients_of(public_values(degree, prime, place, 1)[0], prime)
            total = [a + b for a, b in zip(total, product(key, block, prime), strict=True)]
        committed.append(values_of(total, prime))
    return committed
