import itertools

import gmpy2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

from crypto.errors import DecodingError, ParameterError, ShareError
from crypto.groups.ffdhe import FFDHE2048
from crypto.primitives.field import SECRET_FIELD, PrimeField
from crypto.primitives.shamir import (
    SHARE_BYTES,
    Reconstructor,
    Share,
    evaluate,
    interpolate,
    lagrange_at_zero,
    random_polynomial,
    share_element,
    split_secret,
)
from crypto.randomness import TestVectorRandomness

P = SECRET_FIELD.modulus
elements = st.integers(0, P - 1)
secrets = st.binary(min_size=32, max_size=32)


class Fixed:
    """Gives chosen coefficients instead of random ones."""

    def __init__(self, *values):
        self.values = list(values)

    def bytes(self, count):
        return self.values.pop(0).to_bytes(count, "little")


def test_the_prime_is_the_smallest_above_2_to_256():
    assert gmpy2.is_prime(P, 50)
    assert gmpy2.next_prime(2**256) == P


@given(st.lists(st.integers(1, P - 1), max_size=10))
def test_all_inverses_at_once(values):
    for value, inverse in zip(values, SECRET_FIELD.invert_all(values), strict=True):
        assert value * inverse % P == 1


def test_zero_has_no_inverse():
    with pytest.raises(ParameterError):
        SECRET_FIELD.invert_all([3, 0, 5])


@given(elements)
def test_elements_round_trip(element):
    assert SECRET_FIELD.decode(SECRET_FIELD.encode(element)) == element


@pytest.mark.parametrize(
    "data", [b"", bytes(32), bytes(34), P.to_bytes(33, "little"), b"\xff" * 33]
)
def test_what_is_no_element_is_refused(data):
    with pytest.raises(DecodingError):
        SECRET_FIELD.decode(data)
    with pytest.raises(DecodingError):
        Share.from_bytes(data)


def test_shares_by_hand():
    # f(x) = 7 + 3 x + 2 x^2 over Z_11: f(1) = 12 = 1, f(2) = 21 = 10, f(3) = 34 = 1, f(4) = 51 = 7
    field = PrimeField(11)
    assert share_element(7, 3, [1, 2, 3, 4], field, Fixed(2, 3)) == [1, 10, 1, 7]
    # l_1 = 2*3 / ((2-1)(3-1)) = 3, l_2 = 1*3 / ((1-2)(3-2)) = -3, l_3 = 1*2 / ((1-3)(2-3)) = 1
    assert lagrange_at_zero([1, 2, 3], field) == [3, 8, 1]
    assert (3 * 1 + 8 * 10 + 1 * 1) % 11 == 7


@settings(max_examples=50)
@given(secrets, st.integers(1, 9), st.data())
def test_any_threshold_shares_reconstruct(secret, holders, data):
    threshold = data.draw(st.integers(1, holders))
    points = data.draw(
        st.lists(st.integers(1, 2**20), min_size=holders, max_size=holders, unique=True)
    )
    shares = dict(zip(points, split_secret(secret, threshold, points), strict=True))
    chosen = data.draw(st.lists(st.sampled_from(points), min_size=threshold, unique=True))
    given_back = Reconstructor().reconstruct({x: shares[x] for x in chosen}, threshold)
    assert given_back == secret


@pytest.mark.parametrize("secret", [bytes(32), b"\xff" * 32, b"\x01" + bytes(31)])
def test_extreme_secrets(secret):
    points = list(range(1, 6))
    shares = dict(zip(points, split_secret(secret, 3, points), strict=True))
    reconstructor = Reconstructor()
    for chosen in itertools.combinations(points, 3):
        assert reconstructor.reconstruct({x: shares[x] for x in chosen}, 3) == secret


def test_fewer_shares_say_nothing():
    # Two of three shares fit every secret: for each there is exactly one polynomial through them.
    points, secret = [1, 2, 3], b"\x07" * 32
    first, second, _ = split_secret(secret, 3, points)
    for other in (bytes(32), b"\xff" * 32):
        constant = int.from_bytes(other, "little")
        lagrange = lagrange_at_zero(points, SECRET_FIELD)
        partial = lagrange[0] * first.value + lagrange[1] * second.value
        third = (constant - partial) * pow(lagrange[2], -1, P) % P
        shares = {1: first, 2: second, 3: Share(third)}
        assert Reconstructor().reconstruct(shares, 3) == other


def test_a_share_is_uniform():
    source = TestVectorRandomness(b"shares")
    values = [split_secret(bytes(32), 2, [1, 2], source)[0].value / P for _ in range(2000)]
    assert 1e-6 < kstest(values, "uniform").pvalue < 1 - 1e-6


def test_a_false_share_changes_the_secret():
    points = [1, 2, 3]
    shares = dict(zip(points, split_secret(b"\x05" * 32, 2, points), strict=True))
    shares[1] = Share((shares[1].value + 1) % P)
    # l_1 = 2 at points 1 and 2, so the secret grows by 2.
    assert Reconstructor().reconstruct(shares, 2) == b"\x07" + b"\x05" * 31


def test_a_value_beyond_32_bytes_is_refused():
    with pytest.raises(ShareError):
        Reconstructor().reconstruct({1: Share(P - 1)}, 1)


@pytest.mark.parametrize(
    ("secret", "threshold", "points"),
    [
        (bytes(31), 2, [1, 2, 3]),
        (bytes(33), 2, [1, 2, 3]),
        (bytes(32), 0, [1, 2, 3]),
        (bytes(32), 4, [1, 2, 3]),
        (bytes(32), 2, [0, 1, 2]),
        (bytes(32), 2, [1, 1, 2]),
        (bytes(32), 2, [1, 2, P]),
        (bytes(32), 1, []),
    ],
)
def test_bad_sharing_is_refused(secret, threshold, points):
    with pytest.raises(ParameterError):
        split_secret(secret, threshold, points)


def test_too_few_shares_are_refused():
    with pytest.raises(ParameterError):
        Reconstructor().reconstruct({1: Share(1)}, 2)


def test_shares_modulo_a_group_order_combine_in_the_exponent():
    group = FFDHE2048
    secret, points = group.random_exponent(), [1, 3, 4]
    shares = share_element(secret, 3, points, group.exponents)
    coefficients = lagrange_at_zero(points, group.exponents)
    combined = group.product(
        group.power(group.generator_power(share), factor)
        for share, factor in zip(shares, coefficients, strict=True)
    )
    assert combined == group.generator_power(secret)


def test_shares_do_not_print():
    share = Share(123456789)
    assert "123456789" not in repr(share)
    assert len(share.to_bytes()) == SHARE_BYTES == 33


@given(st.data())
def test_polynomials_come_back_from_their_values(data):
    prime_field = PrimeField(data.draw(st.sampled_from([11, 97, 2**61 - 1])))
    threshold = data.draw(st.integers(1, 6))
    secret = data.draw(st.integers(0, prime_field.modulus - 1))
    polynomial = random_polynomial(secret, threshold, prime_field)
    assert len(polynomial) == threshold
    assert polynomial[0] == secret
    points = data.draw(
        st.lists(st.integers(1, 10), min_size=threshold, max_size=threshold, unique=True)
    )
    values = evaluate(polynomial, points, prime_field)
    assert interpolate(dict(zip(points, values, strict=True)), prime_field) == polynomial


def test_a_polynomial_by_hand():
    prime_field = PrimeField(11)
    assert evaluate([3, 0, 2], [1, 2, 3], prime_field) == [5, 0, 10]
    assert interpolate({1: 5, 2: 0, 3: 10}, prime_field) == [3, 0, 2]


@pytest.mark.parametrize(("secret", "threshold"), [(-1, 2), (11, 2), (3, 0)])
def test_impossible_polynomials_are_refused(secret, threshold):
    with pytest.raises(ParameterError):
        random_polynomial(secret, threshold, PrimeField(11))


@pytest.mark.parametrize("values", [{0: 1, 2: 3}, {11: 1, 2: 3}])
def test_values_at_bad_points_are_refused(values):
    with pytest.raises(ParameterError):
        interpolate(values, PrimeField(11))


@pytest.mark.parametrize("beyond", [0, 1, 100])
def test_numbers_beyond_the_field_are_refused(beyond):
    number = SECRET_FIELD.modulus + beyond
    with pytest.raises(ParameterError):
        Share(number)
    with pytest.raises(ParameterError):
        random_polynomial(number, 2, SECRET_FIELD, TestVectorRandomness(b""))
    with pytest.raises(ParameterError):
        split_secret(bytes(32), 2, [1, number])
