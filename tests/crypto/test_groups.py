import gmpy2
import pytest
from nacl import bindings

from crypto.curve_group import EDWARDS25519
from crypto.errors import DecodingError, ParameterError
from crypto.safe_prime_group import FFDHE2048, FFDHE3072, SafePrimeGroup

SMALL = SafePrimeGroup("mod 23", 23)  # 23 = 2 * 11 + 1 = 7 mod 8; squares by hand below
GROUPS = [FFDHE2048, FFDHE3072, EDWARDS25519, SMALL]
every_group = pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)


@pytest.mark.parametrize(
    ("group", "bits", "shift", "offset"),
    [(FFDHE2048, 2048, 1918, 560316), (FFDHE3072, 3072, 2942, 2625351)],
    ids=["ffdhe2048", "ffdhe3072"],
)
def test_primes_are_those_of_rfc_7919(group, bits, shift, offset):
    with gmpy2.context(precision=4000):
        digits_of_e = int(gmpy2.floor(gmpy2.exp(gmpy2.mpfr(1)) * 2**shift))
    expected = 2**bits - 2 ** (bits - 64) + (digits_of_e + offset) * 2**64 - 1
    assert group.prime == expected
    assert gmpy2.is_prime(group.prime)
    assert gmpy2.is_prime(group.order)
    assert group.prime == 2 * group.order + 1


@pytest.mark.parametrize("group", [FFDHE2048, FFDHE3072], ids=lambda group: group.name)
def test_two_generates_the_group_of_order_q(group):
    assert group.generator == 2
    assert gmpy2.powmod(2, group.order, group.prime) == 1


def test_order_of_the_curve_is_that_of_rfc_8032():
    assert EDWARDS25519.order == 2**252 + 27742317777372353535851937790883648493
    assert gmpy2.is_prime(EDWARDS25519.order)
    base = bytes.fromhex("5866666666666666666666666666666666666666666666666666666666666666")
    assert EDWARDS25519.generator == base


def test_squares_by_hand():
    squares = {1, 2, 3, 4, 6, 8, 9, 12, 13, 16, 18}
    assert {x for x in range(-1, 30) if SMALL.contains(x)} == squares
    assert {SMALL.generator_power(e) for e in range(11)} == squares


def test_a_prime_where_two_is_no_generator_is_refused():
    with pytest.raises(ParameterError):
        SafePrimeGroup("mod 11", 11)


@every_group
def test_laws(group):
    a, b = group.random_exponent(), group.random_exponent()
    x, y = group.generator_power(a), group.generator_power(b)
    assert group.multiply(x, y) == group.generator_power(a + b) == group.multiply(y, x)
    assert group.power(x, b) == group.power(y, a) == group.generator_power(a * b)
    assert group.multiply(x, group.invert(x)) == group.identity
    assert group.multiply(x, group.identity) == x
    assert group.power(x, -1) == group.invert(x)
    assert group.product([x, y, group.invert(x)]) == y
    assert group.product([]) == group.identity
    assert group.contains(x)


@every_group
def test_exponents_at_the_edges(group):
    x = group.generator_power(5)
    assert group.power(x, 0) == group.identity == group.generator_power(0)
    assert group.power(x, group.order) == group.identity == group.generator_power(group.order)
    assert group.power(x, 1) == x == group.power(x, group.order + 1)
    assert group.power(group.identity, 3) == group.identity
    assert group.invert(group.identity) == group.identity
    assert group.multiply(group.identity, group.identity) == group.identity
    assert group.multiply(x, x) == group.power(x, 2)


@every_group
def test_encodings_round_trip(group):
    for exponent in (0, 1, 2, group.random_exponent()):
        element = group.generator_power(exponent)
        data = group.encode(element)
        assert len(data) == group.element_bytes
        assert group.decode(data) == element


@every_group
def test_wrong_lengths_are_refused(group):
    data = group.encode(group.generator)
    for wrong in (b"", data[:-1], data + b"\0"):
        with pytest.raises(DecodingError):
            group.decode(wrong)


@pytest.mark.parametrize("group", [FFDHE2048, SMALL], ids=lambda group: group.name)
def test_what_lies_outside_the_safe_prime_group_is_refused(group):
    p = group.prime
    for outside in (0, p - 1, p - 2, p):  # 0, -1, -generator (non-squares), p
        with pytest.raises(DecodingError):
            group.decode(outside.to_bytes(group.element_bytes, "big"))
    with pytest.raises(DecodingError):
        group.decode(b"\xff" * group.element_bytes)


@pytest.mark.parametrize(
    "encoding",
    [
        "00" * 32,  # order 4
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",  # order 2
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",  # order 8
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",  # order 8
        "0100000000000000000000000000000000000000000000000000000000000080",  # identity, sign set
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",  # identity + p
        "0200000000000000000000000000000000000000000000000000000000000000",  # not on the curve
        "ff" * 32,
    ],
)
def test_what_lies_outside_the_prime_order_curve_group_is_refused(encoding):
    with pytest.raises(DecodingError):
        EDWARDS25519.decode(bytes.fromhex(encoding))


def test_points_of_mixed_order_are_refused():
    order_two = bytes.fromhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")
    mixed = bindings.crypto_core_ed25519_add(EDWARDS25519.generator, order_two)
    with pytest.raises(DecodingError):
        EDWARDS25519.decode(mixed)


@every_group
def test_groups_print_their_name(group):
    assert group.name in repr(group)
