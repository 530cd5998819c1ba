import gmpy2
import pytest
from nacl import bindings

from crypto.domain import domain_tag
from crypto.errors import DecodingError, ParameterError
from crypto.groups.edwards25519 import EDWARDS25519
from crypto.groups.ffdhe import FFDHE2048, FFDHE3072, SafePrimeGroup
from crypto.groups.fixed_base import PowerTable
from crypto.groups.multi_power import multi_power
from crypto.groups.secp256k1 import SECP256K1
from tests.crypto.session.scripted import Scripted

SMALL = SafePrimeGroup("mod 23", 23)  # 23 = 2 * 11 + 1 = 7 mod 8; squares by hand below
GROUPS = [FFDHE2048, FFDHE3072, EDWARDS25519, SECP256K1, SMALL]
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


@pytest.mark.parametrize(("prime", "size"), [(23, 1), (167, 1), (263, 2), (FFDHE2048.prime, 256)])
def test_elements_modulo_a_prime_take_as_many_bytes_as_it_has(prime, size):
    group = SafePrimeGroup("any", prime)
    assert group.element_bytes == size
    assert group.decode(group.encode(4)) == 4


def test_squares_are_elements_in_their_own_range_alone():
    squares = {x * x % 23 for x in range(1, 23)}
    assert {x for x in range(-46, 70) if SMALL.contains(x)} == squares


def test_order_of_the_curve_is_that_of_rfc_8032():
    assert EDWARDS25519.order == 2**252 + 27742317777372353535851937790883648493
    assert gmpy2.is_prime(EDWARDS25519.order)
    base = bytes.fromhex("5866666666666666666666666666666666666666666666666666666666666666")
    assert EDWARDS25519.generator == base


@every_group
def test_exponents_are_a_field_of_as_many_as_the_group_has_elements(group):
    assert group.exponents.modulus == group.order


def test_secp256k1_is_that_of_sec_2():
    order = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
    assert SECP256K1.order == order
    assert gmpy2.is_prime(order)
    x = "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
    assert SECP256K1.encode(SECP256K1.generator).hex() == "02" + x


@pytest.mark.parametrize(
    ("multiple", "encoding"),
    [  # published multiples of the base point
        (2, "02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5"),
        (3, "02f9308a019258c31049344f85f89d5229b531c845836f99b08601f113bce036f9"),
        (
            112233445566778899,
            "02a90cc3d3f3e146daadfc74ca1372207cb4b725ae708cef713a98edd73d99ef29",
        ),
        (
            0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364140,
            "0379be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
        ),
    ],
)
def test_known_multiples_on_secp256k1(multiple, encoding):
    assert SECP256K1.encode(SECP256K1.generator_power(multiple)).hex() == encoding
    assert SECP256K1.encode(SECP256K1.power(SECP256K1.generator, multiple)).hex() == encoding


def test_squares_by_hand():
    squares = {1, 2, 3, 4, 6, 8, 9, 12, 13, 16, 18}
    assert {x for x in range(-1, 30) if SMALL.contains(x)} == squares
    assert {SMALL.generator_power(e) for e in range(11)} == squares


def test_a_prime_where_two_is_no_generator_is_refused():
    with pytest.raises(ParameterError):
        SafePrimeGroup("mod 11", 11)


@every_group
@pytest.mark.parametrize("exponent", [0, 1, 2**127 + 12345, 2**128 - 1])
def test_short_powers_of_the_generator_are_powers(group, exponent):
    power = group.short_generator_power(exponent, 128)
    assert power == group.generator_power(exponent)
    inverse = group.short_generator_power(exponent, 128, invert=True)
    assert inverse == group.generator_power(-exponent)
    assert group.multiply(power, inverse) == group.identity


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
def test_fast_ways_to_a_power_agree_with_the_plain_one(group):
    base = group.generator_power(group.random_exponent())
    fixed = group.fixed_base(base)
    exponents = [0, 1, 2, 63, 64, group.order - 1, group.order, -5, group.random_exponent()]
    for exponent in exponents:
        assert fixed.power(exponent) == group.power(base, exponent)
        assert group.public_power(base, exponent) == group.power(base, exponent)
        assert group.generator_power(exponent) == group.power(group.generator, exponent)
    assert group.multiply_by_generator(base) == group.multiply(base, group.generator)


@every_group
def test_products_of_powers_agree_with_powers(group):
    bases = [group.generator_power(group.random_exponent()) for _ in range(4)]
    exponents = [0, 1, -3, group.random_exponent()]
    expected = group.product(map(group.power, bases, exponents))
    assert group.multi_power(zip(bases, exponents, strict=True)) == expected
    assert group.multi_power([]) == group.identity


@every_group
def test_lookup_keys_tell_elements_apart_up_to_inverses_where_they_say_so(group):
    x, y = group.generator_power(2), group.generator_power(3)
    assert group.lookup_key(x) != group.lookup_key(y)
    same = group.lookup_key(x) == group.lookup_key(group.invert(x))
    assert same == group.pairs_inverses


@every_group
def test_hashed_elements_are_members_repeat_and_differ(group):
    tags = [domain_tag("test", bytes([i])) for i in range(4)]
    elements = [group.hash_to_element(tag) for tag in tags]
    assert [group.hash_to_element(tag) for tag in tags] == elements
    for element in elements:
        assert group.contains(element)
        assert group.decode(group.encode(element)) == element
        assert element != group.identity
    if group is not SMALL:
        assert len(set(elements)) == len(elements)
        assert group.power(elements[0], group.order - 1) == group.invert(elements[0])


@pytest.mark.parametrize("window_bits", [1, 2, 5, 8])
def test_tables_of_every_width(window_bits):
    table = PowerTable(3, SMALL.order, SMALL.prime, window_bits)
    for exponent in range(-12, 30):
        assert table.power(exponent) == SMALL.power(3, exponent)


@pytest.mark.parametrize("window_bits", [0, 9])
def test_impossible_widths_are_refused(window_bits):
    with pytest.raises(ParameterError):
        PowerTable(3, SMALL.order, SMALL.prime, window_bits)


def test_products_of_powers_by_hand():
    assert multi_power([(3, 2), (2, 5)], 23) == 9 * 32 % 23
    assert multi_power([(3, 0)], 23) == 1


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


@pytest.mark.parametrize(
    "encoding",
    [
        "00" * 32 + "01",  # nearly the point at infinity
        "00" + "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
        "04" + "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
        "06" + "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
        "02" + "00" * 31 + "05",  # 5^3 + 7 is no square
        "02" + "f" * 55 + "efffffc30",  # x = p + 1, although 1 is the x of a point
        "03" + "ff" * 32,
    ],
)
def test_what_is_no_point_of_secp256k1_is_refused(encoding):
    assert len(encoding) == 66
    with pytest.raises(DecodingError):
        SECP256K1.decode(bytes.fromhex(encoding))


@pytest.mark.parametrize("form", ["04", "06", "07"])
def test_only_the_compressed_form_is_read(form):
    generator = SECP256K1.generator
    with pytest.raises(DecodingError):
        SECP256K1.decode(bytes.fromhex(form) + generator[1:])
    assert SECP256K1.contains(bytes.fromhex(form) + generator[1:]) == (form == "04")


def test_points_off_secp256k1_are_no_members():
    generator = SECP256K1.generator
    assert not SECP256K1.contains(generator[:-1] + bytes([generator[-1] ^ 1]))
    assert not SECP256K1.contains(generator[:-1])
    assert not SECP256K1.contains(b"")
    assert SECP256K1.contains(SECP256K1.identity)
    assert SECP256K1.encode(SECP256K1.identity) == bytes(33)


def test_points_of_mixed_order_are_refused():
    order_two = bytes.fromhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")
    mixed = bindings.crypto_core_ed25519_add(EDWARDS25519.generator, order_two)
    with pytest.raises(DecodingError):
        EDWARDS25519.decode(mixed)


@every_group
def test_groups_print_their_name(group):
    assert group.name in repr(group)


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
def test_products_may_pass_through_the_identity(group):
    a, b = group.generator_power(5), group.generator_power(7)
    inverse, one = group.invert(a), group.identity
    for elements, expected in (
        ([], one),
        ([one], one),
        ([one, a, one], a),
        ([a, inverse], one),
        ([a, inverse, b], b),
        ([a, a, b], group.generator_power(17)),
        ([b, a, inverse, group.invert(b)], one),
    ):
        assert group.product(elements) == expected
        assert group.multi_power([(element, 1) for element in elements]) == expected
    assert group.multi_power([(a, 0), (b, group.order), (a, -1), (a, 1)]) == one
    assert group.multi_power([(a, 2), (b, -1), (one, 3)]) == group.generator_power(3)


@every_group
def test_several_elements_are_read_back_and_no_other_number_of_them(group):
    elements = tuple(group.generator_power(exponent) for exponent in (1, 5, 9))
    data = group.encode_all(elements)
    assert group.decode_all(data, 3) == elements
    assert group.decode_all(b"", 0) == ()
    for wrong, count in ((data, 2), (data, 4), (data[:-1], 3), (data + b"\0", 3), (b"", 1)):
        with pytest.raises(DecodingError, match=f"have {count * group.element_bytes} bytes"):
            group.decode_all(wrong, count)


def test_a_random_exponent_is_never_a_multiple_of_the_order():
    largest = SECP256K1.order - 2  # of what is drawn below q - 1
    assert SECP256K1.random_exponent(Scripted([largest])) == SECP256K1.order - 1
    assert SECP256K1.random_exponent(Scripted([0])) == 1
    assert SECP256K1.random_exponent(Scripted([largest + 1, 0])) == 1  # drawn again
