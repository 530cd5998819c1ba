import copy
import os
import pickle
import signal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto.errors import LostWorkerError, ParameterError
from crypto.paillier.packed import PackedEncryptor, PackedPrivateKey
from crypto.paillier.randomiser_pool import RandomiserPool
from crypto.paillier.randomiser_table import RandomiserTable, digit_bits_within
from crypto.randomness import TestVectorRandomness

PRIVATE = PackedPrivateKey.generate(512)
KEY = PRIVATE.public_key
PACKING = KEY.plan(20, 3)
TABLE = RandomiserTable(KEY.n, 12345)
WIDER = {bits: RandomiserTable(KEY.n, 12345, bits) for bits in (9, 10, 11, 12)}
VECTOR = np.random.default_rng(0).integers(0, 2**20, 500, dtype=np.uint64)
COUNT = PACKING.plaintexts(len(VECTOR))
exponents = st.binary(min_size=TABLE.exponent_bytes, max_size=TABLE.exponent_bytes)


@pytest.fixture
def encryptor():
    return PackedEncryptor(KEY)


@settings(deadline=None)
@given(st.integers(0, KEY.n - 1), exponents)
def test_wider_tables_make_the_same_ciphertexts(plaintext, exponent):
    expected = TABLE.encrypt(plaintext, exponent)
    for table in WIDER.values():
        assert table.encrypt(plaintext, exponent) == expected


@given(st.integers(0, KEY.n - 1), exponents)
def test_what_is_made_ahead_makes_the_same_ciphertexts(plaintext, exponent):
    assert TABLE.blind(plaintext, TABLE.encrypt(0, exponent)) == TABLE.encrypt(plaintext, exponent)


@pytest.mark.parametrize("plaintext", [-1, KEY.n], ids=["below", "n"])
def test_plaintexts_beyond_n_are_refused(plaintext):
    with pytest.raises(ParameterError):
        TABLE.blind(plaintext, 1)


def test_digits_are_as_wide_as_memory_allows():
    assert digit_bits_within(2048, 0) == 8
    assert [digit_bits_within(2048, mb * 10**6) for mb in (20, 40, 70, 130, 10**4)] == [
        8,
        9,
        10,
        11,
        12,
    ]
    table = PackedEncryptor(KEY, table_bytes=10**7).table
    assert len(table._factors) * 2 ** digit_bits_within(512, 10**7) > 32 * 256


@pytest.mark.parametrize("cores", [1, 2, 3])
def test_uploads_from_the_pool_decrypt_to_the_same_sum(encryptor, cores):
    seconds = encryptor.pool.fill(COUNT, cores=cores)
    assert seconds > 0
    assert len(encryptor.pool) == COUNT
    first = encryptor.encrypt(VECTOR, PACKING)
    assert len(encryptor.pool) == 0
    second = encryptor.encrypt(VECTOR, PACKING)  # without any
    assert first.ciphertexts != second.ciphertexts
    np.testing.assert_array_equal(PRIVATE.decrypt(KEY.add([first, second])), 2 * VECTOR)


@pytest.mark.parametrize("cores", [1, 2])
def test_each_randomiser_is_fresh_and_used_once(encryptor, cores):
    seen = set()
    for _ in range(3):
        encryptor.pool.fill(40, cores=cores)
        seen |= {encryptor.pool.encrypt(0) for _ in range(50)}
    assert len(seen) == 150


def test_a_full_pool_makes_nothing(encryptor):
    encryptor.pool.fill(5)
    before = list(encryptor.pool._ready)
    encryptor.pool.fill(4)
    assert list(encryptor.pool._ready) == before
    encryptor.pool.fill(6)
    assert list(encryptor.pool._ready)[:5] == before


def test_made_ahead_in_turn_the_same_randomness_gives_the_same_vector():
    sources = [TestVectorRandomness(b"pool") for _ in range(2)]
    made = []
    for source, ahead in zip(sources, (False, True), strict=True):
        encryptor = PackedEncryptor(KEY, source)
        if ahead:
            encryptor.pool.fill(COUNT, source, cores=2)  # which a fork would repeat: it does not
        made.append(encryptor.encrypt(VECTOR, PACKING, source).ciphertexts)
    assert made[0] == made[1]


def test_forked_processes_begin_with_an_empty_pool(encryptor):
    encryptor.pool.fill(3)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, bytes([len(encryptor.pool)]))
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 1) == b"\0"
    assert len(encryptor.pool) == 3
    os.close(reading), os.close(writing)


@pytest.mark.parametrize("leave", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_pool_stays_where_it_is(encryptor, leave):
    with pytest.raises(TypeError, match="stay in this process"):
        leave(encryptor.pool)


@pytest.mark.usefixtures("no_process_is_left")
def test_a_process_that_dies_leaves_nothing(encryptor, monkeypatch):
    def die(self, randomness):
        os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(RandomiserPool, "_make", die)
    with pytest.raises(LostWorkerError):
        encryptor.pool.fill(10, cores=2)
    assert len(encryptor.pool) == 0
