"""Shamir's secret sharing.

A dealer hides a secret in a random polynomial of degree threshold - 1 and gives each holder its
value at the holder's point. Any `threshold` values give the secret back; fewer are uniform and
independent of it. `share_element` and `lagrange_at_zero` work in any prime field; `split_secret`
and `Reconstructor` wrap them for secrets of 32 bytes.

Source: Shamir, "How to share a secret", 1979; section 3.2.1 of the paper.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import gmpy2

from crypto.errors import ParameterError, ShareError
from crypto.operations import Operation, note
from crypto.parties import ClientId
from crypto.primitives.field import SECRET_BYTES, SECRET_FIELD, PrimeField
from crypto.randomness import SYSTEM, Randomness

SHARE_BYTES: Final = SECRET_FIELD.element_bytes


@dataclass(frozen=True)
class Share:
    """One holder's share of a 32-byte secret.

    Attributes:
        value: the dealer's polynomial at the holder's point, 0 to p - 1; kept out of the repr.
    """

    value: int = field(repr=False)

    def __post_init__(self) -> None:
        if not 0 <= self.value < SECRET_FIELD.modulus:
            raise ParameterError("a share must lie in 0..p-1")

    def to_bytes(self) -> bytes:
        """Return `SHARE_BYTES` (33) bytes."""
        return SECRET_FIELD.encode(self.value)

    @classmethod
    def from_bytes(cls, data: bytes) -> "Share":
        """Read what `to_bytes` wrote.

        Raises:
            DecodingError: if `data` is not 33 bytes of a number below p.
        """
        return cls(SECRET_FIELD.decode(data))


def share_element(
    secret: int,
    threshold: int,
    points: Sequence[int],
    prime_field: PrimeField,
    randomness: Randomness = SYSTEM,
) -> list[int]:
    """Share an element of any prime field; run by the dealer.

    Args:
        secret: 0 to p - 1.
        threshold: fewest shares that reconstruct, 1 to len(points).
        points: the holders' points: different integers, 1 to p - 1; small ones are fastest.
        prime_field: where secret and shares live.
        randomness: the source of the polynomial's coefficients.

    Returns:
        One share a point, 0 to p - 1, in the order of `points`.

    Raises:
        ParameterError: for a secret out of range, an impossible threshold or bad points.

    Guarantees: any threshold - 1 shares are uniform and independent of the secret.

    Source: equation (5) of the paper.
    """
    check_holders(threshold, points, prime_field)
    polynomial = random_polynomial(secret, threshold, prime_field, randomness)
    return evaluate(polynomial, points, prime_field)


def holder_point(cohort: Sequence[ClientId], holder: ClientId) -> int:
    """Return the point of a holder's shares: its place in the cohort, which is sorted, from 1."""
    return bisect_left(cohort, holder) + 1


def check_holders(threshold: int, points: Sequence[int], prime_field: PrimeField) -> None:
    """Check what a dealer is asked for.

    Raises:
        ParameterError: for an impossible threshold, or points that are not different integers in
            1..p-1.
    """
    if not 1 <= threshold <= len(points):
        raise ParameterError(f"threshold={threshold} must lie in 1..{len(points)}, the holders")
    _check_points(points, prime_field)


def random_polynomial(
    secret: int, threshold: int, prime_field: PrimeField, randomness: Randomness = SYSTEM
) -> list[int]:
    """Return the coefficients of a dealer's polynomial, the secret first and the highest last.

    For dealers that also commit to the coefficients; others call `share_element`.

    Args:
        secret: 0 to p - 1.
        threshold: number of coefficients, at least 1.
        prime_field: where the coefficients live.
        randomness: the source of all coefficients but the first.

    Raises:
        ParameterError: for a secret out of range or an impossible threshold.
    """
    if not 0 <= secret < prime_field.modulus:
        raise ParameterError("a secret must lie in 0..p-1")
    if threshold < 1:
        raise ParameterError(f"threshold={threshold} must be at least 1")
    higher = [prime_field.random(randomness) for _ in range(threshold - 1)]
    return [secret, *reversed(higher)]


def evaluate(
    polynomial: Sequence[int], points: Sequence[int], prime_field: PrimeField
) -> list[int]:
    """Return a polynomial's values modulo p, in the order of the points."""
    note(Operation.SHARE, len(points))
    exact = [gmpy2.mpz(coefficient) for coefficient in reversed(polynomial)]
    return [_evaluate(exact, point, prime_field.modulus) for point in points]


def lagrange_at_zero(points: Sequence[int], prime_field: PrimeField) -> list[int]:
    """Return l_i = prod_{j != i} x_j / (x_j - x_i) mod p, so that f(0) = sum_i l_i f(x_i).

    Args:
        points: different integers, 1 to p - 1.
        prime_field: where the points live.

    Raises:
        ParameterError: for points that are out of range or not different.

    Source: equation (7) of the paper.
    """
    _check_points(points, prime_field)
    exact = [gmpy2.mpz(point) for point in points]
    product = gmpy2.mpz(1)
    denominators = []
    for i, here in enumerate(exact):
        product *= here
        denominator = here
        for j, there in enumerate(exact):
            if i != j:
                denominator *= there - here
        denominators.append(int(denominator % prime_field.modulus))
    inverses = prime_field.invert_all(denominators)
    return [int(product * inverse % prime_field.modulus) for inverse in inverses]


def interpolate(values: Mapping[int, int], prime_field: PrimeField) -> list[int]:
    """Return the coefficients, the lowest first, of the polynomial through the given values.

    Args:
        values: point -> value; the polynomial has as many coefficients.
        prime_field: where they live.

    Raises:
        ParameterError: for points that are out of range or not different.
    """
    points = list(values)
    modulus = prime_field.modulus
    coefficients = [0] * len(points)
    for i, factor in enumerate(lagrange_at_zero(points, prime_field)):
        # l_i(x) = l_i(0) prod_{j != i} (1 - x / x_j)
        basis = [factor * values[points[i]] % modulus]
        others = prime_field.invert_all([point for j, point in enumerate(points) if j != i])
        for inverse in others:
            shifted = [0, *(-inverse * coefficient % modulus for coefficient in basis)]
            basis = [(a + b) % modulus for a, b in zip([*basis, 0], shifted, strict=True)]
        coefficients = [(a + b) % modulus for a, b in zip(coefficients, basis, strict=True)]
    return coefficients


def split_secret(
    secret: bytes, threshold: int, points: Sequence[int], randomness: Randomness = SYSTEM
) -> list[Share]:
    """Share 32 bytes in `SECRET_FIELD`; arguments and guarantees as in `share_element`."""
    if len(secret) != SECRET_BYTES:
        raise ParameterError(f"a secret has {SECRET_BYTES} bytes, not {len(secret)}")
    element = int.from_bytes(secret, "little")
    return [
        Share(value)
        for value in share_element(element, threshold, points, SECRET_FIELD, randomness)
    ]


class Reconstructor:
    """Gives 32-byte secrets back; keeps the Lagrange coefficients of the point sets it met.

    Run by the server, one instance a session: thousands of secrets are then reconstructed from
    the same few sets of holders at the price of one inner product each.
    """

    def __init__(self) -> None:
        self._coefficients: dict[tuple[int, ...], list[int]] = {}

    def reconstruct(self, shares: Mapping[int, Share], threshold: int) -> bytes:
        """Return the secret that the shares determine.

        Args:
            shares: point -> share; the `threshold` lowest points are used.
            threshold: as given to `split_secret`.

        Returns:
            32 bytes. From false shares, or with too low a `threshold`, they are unrelated to the
            secret: check them against a commitment.

        Raises:
            ParameterError: if there are fewer shares than `threshold`.
            ShareError: if the value is no 32-byte string, so that some share is false.
        """
        if not 1 <= threshold <= len(shares):
            raise ParameterError(f"threshold={threshold} must lie in 1..{len(shares)}, the shares")
        note(Operation.RECONSTRUCTION)
        points = tuple(sorted(shares)[:threshold])
        coefficients = self._coefficients.get(points)
        if coefficients is None:
            coefficients = self._coefficients[points] = lagrange_at_zero(points, SECRET_FIELD)
        pairs = zip(coefficients, points, strict=True)
        value = sum(factor * shares[point].value for factor, point in pairs) % SECRET_FIELD.modulus
        if value.bit_length() > 8 * SECRET_BYTES:
            raise ShareError("the shares lead to no 32-byte secret")
        return value.to_bytes(SECRET_BYTES, "little")


def _evaluate(polynomial: Sequence[int], point: int, modulus: int) -> int:
    """Horner's rule over the integers: with small points one reduction at the end is fastest."""
    value = gmpy2.mpz(0)
    for coefficient in polynomial:
        value = value * point + coefficient
    return int(value % modulus)


def _check_points(points: Sequence[int], prime_field: PrimeField) -> None:
    inside = all(0 < point < prime_field.modulus for point in points)
    if not inside or len(set(points)) != len(points):
        raise ParameterError("points must be different integers in 1..p-1")
