import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto.errors import DecodingError, ParameterError
from crypto.paillier.phe_keys import KEY_BITS, PaillierPrivateKey, PaillierPublicKey

PAIR = PaillierPrivateKey.generate(512)
KEY = PAIR.public_key
P, Q = PAIR.private.p, PAIR.private.q


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 2**62), max_size=5))
def test_products_of_ciphertexts_are_ciphertexts_of_sums(values):
    assert PAIR.decrypt(KEY.add(map(KEY.encrypt, values))) == sum(values)


def test_it_is_pailliers_scheme():
    # c = (1 + n)^m r^n mod n^2: r comes back with the factorisation, and is no small number.
    ciphertext = KEY.encrypt(1234)
    blinded = ciphertext * pow(1 + KEY.n, -1234, KEY.n**2) % KEY.n**2
    r = pow(blinded, pow(KEY.n, -1, (P - 1) * (Q - 1)), KEY.n)
    assert pow(r, KEY.n, KEY.n**2) == blinded
    assert r.bit_length() > 400


def test_equal_values_have_different_ciphertexts():
    assert len({KEY.encrypt(7) for _ in range(10)}) == 10


def test_without_randomiser_a_ciphertext_would_be_readable_by_anybody():
    # What `r_value=1` in phe amounts to, and what encrypt never makes.
    naked = (1 + KEY.n * 1234) % KEY.n**2
    assert (naked - 1) // KEY.n == 1234
    assert (KEY.encrypt(1234) - 1) % KEY.n


def test_encodings_round_trip():
    ciphertexts = (KEY.encrypt(1), KEY.encrypt(2))
    data = KEY.encode_all(ciphertexts)
    assert len(data) == 2 * KEY.ciphertext_bytes == 256
    assert KEY.decode_all(data, 2) == ciphertexts


@pytest.mark.parametrize(
    "number",
    [0, KEY.n**2, KEY.n**2 + 1, KEY.n, 5 * KEY.n, P, Q, P * 12345, P * P],
    ids=["0", "n^2", "n^2+1", "n", "5n", "p", "q", "12345p", "p^2"],
)
def test_what_is_no_unit_is_refused(number):
    data = number.to_bytes(KEY.ciphertext_bytes + 1, "little")[: KEY.ciphertext_bytes]
    assert math.gcd(number, KEY.n) > 1 or number > KEY.n**2
    with pytest.raises(DecodingError):
        KEY.decode(data)


def test_wrong_lengths_are_refused():
    data = KEY.encode(KEY.encrypt(3))
    for wrong in (b"", data[:-1], data + b"\0"):
        with pytest.raises(DecodingError):
            KEY.decode(wrong)
        with pytest.raises(DecodingError):
            KEY.decode_all(wrong, 1)


def test_values_out_of_range_are_refused():
    for value in (-1, KEY.n // 3, KEY.n):
        with pytest.raises(ParameterError):
            KEY.encrypt(value)


def test_impossible_keys_are_refused():
    for n in (0, 1, 4, -3):
        with pytest.raises(ParameterError):
            PaillierPublicKey(n)
    for bits in (0, 62, 513):
        with pytest.raises(ParameterError):
            PaillierPrivateKey.generate(bits)


def test_the_private_key_does_not_print():
    assert KEY_BITS == 2048
    assert str(P) not in repr(PAIR)
    assert "private" not in repr(PAIR)
