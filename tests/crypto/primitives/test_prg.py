import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR, ECB
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from crypto.errors import ParameterError
from crypto.primitives.prg import Keystream, expand_mask, word_dtype

SEED = bytes(range(32))


def test_the_cipher_is_nist_aes_256_in_counter_mode():
    # NIST SP 800-38A, F.5.5: the vector pins the cipher; the next test pins our use of it.
    key = bytes.fromhex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")
    counter = bytes.fromhex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff")
    plain = bytes.fromhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51")
    expected = "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5"
    assert Cipher(AES(key), CTR(counter)).encryptor().update(plain).hex() == expected


def test_fips_197_block_is_the_first_of_the_keystream_at_its_counter():
    # FIPS 197, C.3: key 00..1f. The keystream is AES of the counters 0, 1, 2, ...
    block = Cipher(AES(SEED), ECB()).encryptor()  # noqa: S305 - one block, to compare with
    assert block.update(bytes.fromhex("00112233445566778899aabbccddeeff")).hex() == (
        "8ea2b7ca516745bfeafc49904b496089"
    )
    expected = b"".join(block.update(i.to_bytes(16, "big")) for i in range(5))
    words = np.empty(20, "<u4")
    Keystream(SEED).fill(words, memoryview(bytes(80)))
    assert words.tobytes() == expected


def test_masks_are_the_low_bits_of_the_keystream():
    words = np.empty(10, "<u4")
    Keystream(SEED).fill(words, memoryview(bytes(40)))
    np.testing.assert_array_equal(expand_mask(SEED, 10, 32), words)
    np.testing.assert_array_equal(expand_mask(SEED, 10, 5), words & 31)
    wide = np.empty(10, "<u8")
    Keystream(SEED).fill(wide, memoryview(bytes(80)))
    np.testing.assert_array_equal(expand_mask(SEED, 10, 33), wide & np.uint64(2**33 - 1))


@settings(max_examples=30)
@given(st.lists(st.integers(0, 40), max_size=6))
def test_pieces_continue_each_other(sizes):
    whole = np.empty(sum(sizes), "<u8")
    Keystream(SEED).fill(whole, memoryview(bytes(whole.nbytes)))
    stream, pieces = Keystream(SEED), [np.empty(0, "<u8")]
    for size in sizes:
        piece = np.empty(size, "<u8")
        stream.fill(piece, memoryview(bytes(8 * 40)))
        pieces.append(piece)
    np.testing.assert_array_equal(np.concatenate(pieces), whole)


@pytest.mark.parametrize("bits", [1, 7, 20, 32, 33, 62])
def test_masks_are_uniform_over_the_whole_range(bits):
    mask = expand_mask(SEED, 200_000, bits)
    assert int(mask.max()) < 2**bits
    low = np.bincount(mask.astype(np.int64) % min(64, 2**bits))
    high = np.bincount((mask >> np.uint64(max(bits - 6, 0))).astype(np.int64))
    for counts in (low, high):
        assert len(counts) == min(64, 2**bits)
        assert 1e-6 < chisquare(counts).pvalue < 1 - 1e-6


def test_different_seeds_give_unrelated_masks():
    first = expand_mask(SEED, 10_000, 32)
    second = expand_mask(bytes(32), 10_000, 32)
    assert np.count_nonzero(first == second) < 5
    assert abs(np.corrcoef(first.astype(float), second.astype(float))[0, 1]) < 0.06


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_seeds_have_32_bytes(size):
    with pytest.raises(ParameterError):
        Keystream(bytes(size))


@pytest.mark.parametrize("bits", [-1, 0, 63, 64])
def test_moduli_out_of_range_are_refused(bits):
    with pytest.raises(ParameterError):
        word_dtype(bits)
