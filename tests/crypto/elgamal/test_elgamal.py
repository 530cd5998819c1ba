import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto.elgamal.discrete_log import solve_slowly
from crypto.elgamal.encryption import (
    Ciphertext,
    PublicKey,
    add_all,
    ciphertext_bytes,
    decrypt_to_power,
)
from crypto.errors import DecodingError, ParameterError
from crypto.groups.edwards25519 import EDWARDS25519
from crypto.groups.ffdhe import FFDHE2048, FFDHE3072, SafePrimeGroup
from crypto.groups.secp256k1 import SECP256K1
from crypto.randomness import TestVectorRandomness

SMALL = SafePrimeGroup("mod 23", 23)
GROUPS = [FFDHE2048, FFDHE3072, EDWARDS25519, SECP256K1]
every_group = pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)


def key_pair(group):
    secret = group.random_exponent()
    return secret, PublicKey(group, group.generator_power(secret))


@every_group
def test_what_was_encrypted_is_decrypted(group):
    secret, key = key_pair(group)
    for value in (0, 1, 2, 500, 2**70, -1):
        power = decrypt_to_power(key.encrypt(value), secret, group)
        assert power == group.generator_power(value)


def test_in_safe_prime_groups_the_plaintext_is_literally_a_power_of_two():
    secret, key = key_pair(FFDHE2048)
    assert decrypt_to_power(key.encrypt(100), secret, FFDHE2048) == 2**100


def test_by_hand():
    key = PublicKey(SMALL, 8)  # s = 3
    assert key.encrypt_with(5, 4) == Ciphertext(16, 2**5 * 8**4 % 23)
    assert decrypt_to_power(Ciphertext(16, 2**5 * 8**4 % 23), 3, SMALL) == 2**5 % 23


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 2**20), max_size=6))
def test_products_of_ciphertexts_are_ciphertexts_of_sums(values):
    secret, key = key_pair(SECP256K1)
    total = add_all(map(key.encrypt, values), SECP256K1)
    assert decrypt_to_power(total, secret, SECP256K1) == SECP256K1.generator_power(sum(values))


@every_group
def test_rerandomising_keeps_the_value_and_changes_both_elements(group):
    secret, key = key_pair(group)
    before = key.encrypt(7)
    after = key.rerandomise(before)
    assert after.c1 != before.c1
    assert after.c2 != before.c2
    assert solve_slowly(group, decrypt_to_power(after, secret, group), 10) == 7


@every_group
def test_equal_values_have_different_ciphertexts(group):
    _, key = key_pair(group)
    assert key.encrypt(3) != key.encrypt(3)


def test_randomness_is_an_argument():
    _, key = key_pair(SECP256K1)
    first, second = (key.encrypt(3, TestVectorRandomness(b"elgamal")) for _ in range(2))
    assert first == second


@every_group
def test_encodings_round_trip(group):
    _, key = key_pair(group)
    ciphertext = key.encrypt(3)
    data = ciphertext.to_bytes(group)
    assert len(data) == ciphertext_bytes(group)
    assert Ciphertext.from_bytes(data, group) == ciphertext


@every_group
def test_encodings_of_other_things_are_refused(group):
    _, key = key_pair(group)
    data = key.encrypt(3).to_bytes(group)
    half = group.element_bytes
    outside = b"\xff" * half
    for wrong in (b"", data[:-1], data + b"\0", outside + data[half:], data[:half] + outside):
        with pytest.raises(DecodingError):
            Ciphertext.from_bytes(wrong, group)


def test_public_keys_outside_the_group_are_refused():
    for h in (1, 0, 23, 5):  # the identity, 0, p, a non-square
        with pytest.raises(ParameterError):
            PublicKey(SMALL, h)
    with pytest.raises(ParameterError):
        PublicKey(SECP256K1, SECP256K1.identity)


def test_ciphertexts_outside_the_subgroup_would_tell_the_parity_of_the_secret():
    # Why membership is checked: p - 1 has order 2, and its power is 1 for even secrets only.
    group = FFDHE2048
    outside = group.prime - 1
    assert {pow(outside, secret, group.prime) for secret in (2, 4)} == {1}
    assert {pow(outside, secret, group.prime) for secret in (3, 5)} == {outside}
    data = outside.to_bytes(group.element_bytes, "big") + group.encode(2)
    with pytest.raises(DecodingError):
        Ciphertext.from_bytes(data, group)


@pytest.mark.parametrize("wrong", [-1, 1, 33])
def test_a_ciphertext_has_one_length(wrong):
    data = PublicKey(SECP256K1, SECP256K1.generator_power(5)).encrypt_with(3, 7)
    encoded = data.to_bytes(SECP256K1)
    changed = encoded[:wrong] if wrong < 0 else encoded + bytes(wrong)
    with pytest.raises(DecodingError, match="bytes"):
        Ciphertext.from_bytes(changed, SECP256K1)
