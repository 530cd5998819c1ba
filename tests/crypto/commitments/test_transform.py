import numpy as np
import pytest

from crypto.commitments.matrix import public_values
from crypto.commitments.parameters import LEVELS
from crypto.commitments.transform import Transform
from crypto.errors import ParameterError
from tests.crypto.commitments.by_hand import coefficients_of, places, product, value_at, values_of

RINGS = [(prime, level.degree) for level in LEVELS for prime in level.primes]
PRIMES = sorted({prime for prime, _ in RINGS})


def extremes(prime, degree):
    """Polynomials whose sums of products are as large as they can be, and a random one."""
    half = prime // 2
    random = np.random.default_rng(degree).integers(-half, half + 1, degree)
    alternating = np.where(np.arange(degree) % 2, -half, half)
    return np.array([np.full(degree, half), np.full(degree, -half), alternating, random], float)


@pytest.mark.parametrize("prime", PRIMES)
@pytest.mark.parametrize("degree", [64, 128])
def test_values_are_those_at_the_odd_powers_of_the_least_root(prime, degree):
    ring, polynomials = Transform(prime, degree), extremes(prime, degree)
    found = np.mod(ring.forward(polynomials), prime)
    np.testing.assert_array_equal(found, [values_of(one, prime) for one in polynomials.astype(int)])
    values = [coefficients_of(one, prime) for one in found.astype(int)]
    np.testing.assert_array_equal(values, np.mod(polynomials, prime))


@pytest.mark.parametrize("prime", PRIMES)
def test_products_of_values_are_products_of_polynomials(prime):
    ring, polynomials = Transform(prime, 128), extremes(prime, 128)
    for left in polynomials:
        for right in polynomials:
            values = ring.reduce(ring.forward(left[None]) * ring.forward(right[None]))
            found = np.mod(ring.inverse(values)[0], prime)
            expected = product(left.astype(int), right.astype(int), prime)
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(("prime", "degree"), RINGS)
def test_the_rings_in_use_invert_and_wrap_exactly(prime, degree):
    ring, polynomials = Transform(prime, degree), extremes(prime, degree)
    values = ring.forward(polynomials)
    assert np.abs(values).max() <= prime // 2 + 1
    np.testing.assert_array_equal(np.mod(ring.inverse(values), prime), np.mod(polynomials, prime))
    shift = np.zeros((1, degree))
    shift[0, 1] = 1  # times X: all move up by one, and the last comes back with its sign turned
    moved = np.roll(polynomials, 1, axis=1)
    moved[:, 0] *= -1
    found = ring.inverse(ring.reduce(values * ring.forward(shift)))
    np.testing.assert_array_equal(np.mod(found, prime), np.mod(moved, prime))


@pytest.mark.parametrize(("prime", "degree"), RINGS)
def test_values_at_a_few_points_of_the_rings_in_use(prime, degree):
    polynomial = extremes(prime, degree)[3].astype(int)
    found = np.mod(Transform(prime, degree).forward(polynomial[None].astype(float))[0], prime)
    where = places(degree)
    for t in (0, 1, 63, 64, 65, degree // 2, degree - 2, degree - 1):
        assert found[where[t]] == value_at(t, polynomial, prime)


@pytest.mark.parametrize("prime", PRIMES)
def test_the_largest_integers_that_it_takes_come_out_exact(prime):
    ring = Transform(prime, 128)
    largest = ring.largest_input
    assert largest >= prime // 2
    polynomials = np.array([np.full(128, largest), np.full(128, -largest)], float)
    found = np.mod(ring.forward(polynomials), prime)
    np.testing.assert_array_equal(found, [values_of(one, prime) for one in polynomials.astype(int)])


@pytest.mark.parametrize("number", [0, 1, -1, 2**52, -(2**52), 2**52 - 12345, 3 * 10**15])
@pytest.mark.parametrize("prime", PRIMES)
def test_reduction_is_exact_and_centred(prime, number):
    reduced = Transform(prime, 64).reduce(np.array([float(number)]))[0]
    assert int(reduced) % prime == number % prime
    assert abs(reduced) <= prime // 2 + 1


@pytest.mark.parametrize(
    ("prime", "degree"), [(520193, 32), (520193, 96), (520193, 8192), (520192, 64)]
)
def test_refuses_what_has_no_transform(prime, degree):
    with pytest.raises(ParameterError, match=r"must be"):
        Transform(prime, degree)


@pytest.mark.parametrize("composite", [1281, 16641, 129 * 129 * 128 + 1, (1 << 27) + 1])
def test_refuses_a_modulus_that_is_no_prime_or_too_large(composite):
    assert composite % 128 == 1
    with pytest.raises(ParameterError):
        Transform(composite, 64)


@pytest.mark.parametrize("prime", PRIMES)
def test_public_polynomials_are_centred_uniform_and_each_its_own(prime):
    values = public_values(2048, prime, 5, 3)
    np.testing.assert_array_equal(values[1:], public_values(2048, prime, 6, 2))
    assert len({row.tobytes() for row in values}) == 3
    assert np.abs(values).max() <= prime // 2
    assert not np.array_equal(values[0, :64], public_values(64, prime, 5, 1)[0])
    many = public_values(2048, prime, 0, 64).ravel()
    # Uniform: both the mean and the second moment lie within five of their standard deviations.
    scale = prime / np.sqrt(12)
    assert abs(many.mean()) < 5 * scale / np.sqrt(many.size)
    assert abs(((many / scale) ** 2).mean() - 1) < 5 * np.sqrt(0.8 / many.size)
