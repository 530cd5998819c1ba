import pytest

from crypto.errors import ParameterError, WrongContentError
from crypto.primitives.key_agreement import AgreementKeyPair, check_public_key, derive_key
from crypto.randomness import TestVectorRandomness


def test_diffie_hellman_of_rfc_7748_section_6_1():
    alice = AgreementKeyPair.from_private(
        bytes.fromhex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")
    )
    bob = AgreementKeyPair.from_private(
        bytes.fromhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb")
    )
    assert alice.public.hex() == "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"
    assert bob.public.hex() == "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
    expected = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"
    assert alice.agree(bob.public).hex() == bob.agree(alice.public).hex() == expected


@pytest.mark.parametrize(
    ("scalar", "point", "product"),
    [
        (
            "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
            "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
        ),
        (
            "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
            "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
            "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
        ),
    ],
)
def test_x25519_of_rfc_7748_section_5_2(scalar, point, product):
    keys = AgreementKeyPair.from_private(bytes.fromhex(scalar))
    assert keys.agree(bytes.fromhex(point)).hex() == product


def test_iterated_x25519_of_rfc_7748_section_5_2():
    k = u = bytes([9]) + bytes(31)
    for _ in range(1000):
        k, u = AgreementKeyPair.from_private(k).agree(u), k
    assert k.hex() == "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51"


def test_hkdf_of_rfc_5869_test_case_3():
    expected = (
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
    )
    assert derive_key(b"\x0b" * 22, b"", 42).hex() == expected


def test_keys_for_different_purposes_differ():
    secret = bytes(32)
    keys = {derive_key(secret, info) for info in (b"", b"a", b"b", b"ab")}
    assert len(keys) == 4
    assert derive_key(secret, b"a", 64)[:32] == derive_key(secret, b"a")


@pytest.mark.parametrize(
    "public",
    [
        "00" * 32,
        "01" + "00" * 31,
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "",
        "00" * 31,
        "09" + "00" * 32,
    ],
)
def test_points_of_small_order_and_wrong_lengths_are_refused(public):
    with pytest.raises(WrongContentError):
        AgreementKeyPair.generate().agree(bytes.fromhex(public))
    with pytest.raises(WrongContentError):
        check_public_key(bytes.fromhex(public))


def test_good_public_keys_are_accepted():
    for _ in range(20):
        check_public_key(AgreementKeyPair.generate().public)


def test_key_pairs_are_fresh_complete_and_do_not_print():
    first, second = AgreementKeyPair.generate(), AgreementKeyPair.generate()
    assert first.private != second.private
    assert AgreementKeyPair.from_private(first.private) == first
    assert first.private.hex() not in repr(first)
    assert repr(first.private) not in repr(first)
    with pytest.raises(ParameterError):
        AgreementKeyPair.from_private(bytes(31))


def test_randomness_is_a_parameter():
    first = AgreementKeyPair.generate(TestVectorRandomness(b"keys"))
    assert first == AgreementKeyPair.generate(TestVectorRandomness(b"keys"))
