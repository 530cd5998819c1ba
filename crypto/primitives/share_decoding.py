"""Secrets from shares of which some are false: Reed-Solomon decoding, and a search beyond it."""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from crypto.primitives.field import SECRET_BYTES, SECRET_FIELD, PrimeField
from crypto.primitives.shamir import Share, interpolate, lagrange_at_zero

MAX_SUBSETS: Final = 1000
"""Sets of shares that are tried where more are false than can be decoded."""


def find_secret(
    shares: Mapping[int, Share], threshold: int, is_right: Callable[[bytes], bool]
) -> bytes | None:
    """Return the secret that its owner published a check of, though some shares are false.

    Up to (len(shares) - threshold) / 2 false shares are left out by decoding. Beyond that all sets
    of `threshold` shares are tried, if they are at most `MAX_SUBSETS`. Which shares are false does
    not follow: givers of false ones can agree on values that lead to the right secret beside true
    shares, which then seem false.

    Args:
        shares: point -> share; at least `threshold`.
        threshold: as given to `split_secret`.
        is_right: tells the secret.

    Returns:
        The secret; None if none was found.
    """
    values = {point: share.value for point, share in sorted(shares.items())}
    decoded = decode(values, threshold, SECRET_FIELD)
    candidates = [] if decoded is None else [decoded[0]]
    if decoded is None and math.comb(len(values), threshold) <= MAX_SUBSETS:
        for chosen in itertools.combinations(values, threshold):
            pairs = zip(lagrange_at_zero(chosen, SECRET_FIELD), chosen, strict=True)
            value = sum(factor * values[point] for factor, point in pairs)
            candidates.append(value % SECRET_FIELD.modulus)
    for value in candidates:
        if value.bit_length() <= 8 * SECRET_BYTES:
            secret = value.to_bytes(SECRET_BYTES, "little")
            if is_right(secret):
                return secret
    return None


def decode(values: Mapping[int, int], threshold: int, prime_field: PrimeField) -> list[int] | None:
    """Return the polynomial on which all values but few lie.

    Args:
        values: point -> value, at least `threshold`.
        threshold: number of the polynomial's coefficients.
        prime_field: where they live.

    Returns:
        Its coefficients, the lowest first; None if more than (len(values) - threshold) / 2 of the
        values lie elsewhere.

    Source: Gao, "A new algorithm for decoding Reed-Solomon codes", 2003, algorithm 1.
    """
    modulus = prime_field.modulus
    previous = [1]
    for point in values:
        previous = _times(previous, [-point % modulus, 1], modulus)
    current = _trimmed(interpolate(values, prime_field))
    factors: tuple[list[int], list[int]] = ([], [1])
    while 2 * (len(current) - 1) >= len(values) + threshold:
        quotient, rest = _divide(previous, current, prime_field)
        previous, current = current, rest
        product = _times(quotient, factors[1], modulus)
        factors = factors[1], _minus(factors[0], product, modulus)
    polynomial, rest = _divide(current, factors[1], prime_field)
    if rest or len(polynomial) > threshold:
        return None
    return polynomial + [0] * (threshold - len(polynomial))


def _trimmed(polynomial: list[int]) -> list[int]:
    """Take off the zeros at the highest coefficients."""
    while polynomial and not polynomial[-1]:
        polynomial.pop()
    return polynomial


def _times(left: Sequence[int], right: Sequence[int], modulus: int) -> list[int]:
    product = [0] * max(len(left) + len(right) - 1, 0)
    for i, factor in enumerate(left):
        for j, other in enumerate(right):
            product[i + j] += factor * other
    return _trimmed([coefficient % modulus for coefficient in product])


def _minus(left: Sequence[int], right: Sequence[int], modulus: int) -> list[int]:
    pairs = itertools.zip_longest(left, right, fillvalue=0)
    return _trimmed([(a - b) % modulus for a, b in pairs])


def _divide(
    dividend: Sequence[int], divisor: Sequence[int], prime_field: PrimeField
) -> tuple[list[int], list[int]]:
    """Return quotient and rest; the divisor's highest coefficient is not zero."""
    modulus, rest = prime_field.modulus, list(dividend)
    (inverse,) = prime_field.invert_all([divisor[-1]])
    quotient = [0] * max(len(dividend) - len(divisor) + 1, 0)
    for shift in reversed(range(len(quotient))):
        factor = rest[shift + len(divisor) - 1] * inverse % modulus
        quotient[shift] = factor
        for i, coefficient in enumerate(divisor):
            rest[shift + i] = (rest[shift + i] - factor * coefficient) % modulus
    return _trimmed(quotient), _trimmed(rest)
