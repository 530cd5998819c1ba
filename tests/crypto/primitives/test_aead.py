import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.errors import AuthenticationError, ParameterError
from crypto.primitives.aead import TAG_BYTES, decrypt_once, encrypt_once

KEY = bytes(32)


@pytest.mark.parametrize(
    ("plaintext", "expected"),
    [
        ("", "530f8afbc74536b9a963b4f1c4cb738b"),
        ("00" * 16, "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"),
    ],
    ids=["test case 13", "test case 14"],
)
def test_gcm_specification(plaintext, expected):
    assert encrypt_once(KEY, bytes.fromhex(plaintext), b"").hex() == expected


@given(st.binary(max_size=100), st.binary(max_size=40))
def test_round_trip(plaintext, associated_data):
    ciphertext = encrypt_once(KEY, plaintext, associated_data)
    assert len(ciphertext) == len(plaintext) + TAG_BYTES
    assert decrypt_once(KEY, ciphertext, associated_data) == plaintext


def test_every_bit_counts():
    ciphertext = encrypt_once(KEY, b"share", b"round, sender, receiver")
    for position in range(8 * len(ciphertext)):
        changed = bytearray(ciphertext)
        changed[position // 8] ^= 1 << position % 8
        with pytest.raises(AuthenticationError):
            decrypt_once(KEY, bytes(changed), b"round, sender, receiver")


@pytest.mark.parametrize(
    ("key", "associated_data"),
    [(bytes(31) + b"\x01", b"a"), (KEY, b"b"), (KEY, b""), (KEY, b"a\0")],
)
def test_another_key_or_binding_is_refused(key, associated_data):
    with pytest.raises(AuthenticationError):
        decrypt_once(key, encrypt_once(KEY, b"share", b"a"), associated_data)


@pytest.mark.parametrize("size", [0, 1, 15])
def test_what_is_shorter_than_a_tag_is_refused(size):
    with pytest.raises(AuthenticationError):
        decrypt_once(KEY, bytes(size), b"")


@pytest.mark.parametrize("size", [0, 16, 24, 31, 33])
def test_keys_have_32_bytes(size):
    # AES also takes 16 and 24, silently.
    with pytest.raises(ParameterError):
        encrypt_once(bytes(size), b"share", b"a")
    with pytest.raises(ParameterError):
        decrypt_once(bytes(size), bytes(20), b"a")
