import itertools
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.primitives.field import SECRET_FIELD
from crypto.primitives.shamir import Share, evaluate, random_polynomial, split_secret
from crypto.primitives.share_decoding import MAX_SUBSETS, decode, find_secret


@given(st.integers(1, 9), st.data())
def test_as_many_errors_are_decoded_as_can_be(count, data):
    threshold = data.draw(st.integers(1, count))
    secret = data.draw(st.integers(0, SECRET_FIELD.modulus - 1))
    polynomial = random_polynomial(secret, threshold, SECRET_FIELD)
    values = dict(enumerate(evaluate(polynomial, range(1, count + 1), SECRET_FIELD), start=1))
    false = data.draw(st.lists(st.sampled_from(sorted(values)), unique=True))
    for point in false:
        values[point] = (values[point] + 1 + 2**100 * point) % SECRET_FIELD.modulus
    decoded = decode(values, threshold, SECRET_FIELD)
    if 2 * len(false) <= count - threshold:
        assert decoded == polynomial
    elif decoded is not None:  # another polynomial may lie as near, the true one does not
        right = evaluate(decoded, list(values), SECRET_FIELD)
        pairs = zip(values.values(), right, strict=True)
        assert 2 * sum(a != b for a, b in pairs) <= count - threshold


@pytest.mark.parametrize("polynomial", [[0, 0, 0], [5, 0, 0], [0, 0, 1]])
def test_polynomials_with_zeros_are_decoded(polynomial):
    values = dict(enumerate(evaluate(polynomial, range(1, 8), SECRET_FIELD), start=1))
    values[2] ^= 1
    values[7] ^= 1
    assert decode(values, 3, SECRET_FIELD) == polynomial


def shares_of(secret, count, threshold, false):
    shares = dict(enumerate(split_secret(secret, threshold, range(1, count + 1)), start=1))
    return shares | {point: Share(shares[point].value ^ 1 << 9 * point) for point in false}


def test_with_a_check_any_threshold_of_true_shares_will_do():
    secret = os.urandom(32)
    for count in range(3, 6):
        for size in range(count - 2):
            for false in itertools.combinations(range(1, count + 1), size):
                shares = shares_of(secret, count, 3, false)
                assert find_secret(shares, 3, secret.__eq__) == secret


def test_below_the_threshold_nothing_is_found():
    secret = os.urandom(32)
    assert find_secret(shares_of(secret, 5, 3, (1, 2, 4)), 3, secret.__eq__) is None
    assert find_secret(shares_of(secret, 3, 3, ()), 3, lambda _: False) is None


def test_the_search_has_a_bound():
    tried = []
    secret = os.urandom(32)
    shares = shares_of(secret, 20, 10, range(1, 9))  # beyond decoding, 184,756 sets

    def is_right(found):
        tried.append(found)
        return found == secret

    assert find_secret(shares, 10, is_right) is None
    assert len(tried) <= MAX_SUBSETS
