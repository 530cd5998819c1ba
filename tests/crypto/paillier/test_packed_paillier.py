import itertools
import math
import threading

import gmpy2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phe import paillier

from crypto.domain import domain_hash
from crypto.encoding.slot_packing import SlotPacking
from crypto.errors import CapacityError, DecodingError, MalformedMessageError, ParameterError
from crypto.paillier.packed import (
    PackedEncryptor,
    PackedPrivateKey,
    PackedPublicKey,
    PackedVector,
)
from crypto.paillier.randomiser_table import RandomiserTable
from crypto.randomness import SYSTEM, TestVectorRandomness

PRIVATE = PackedPrivateKey.generate(512)
KEY = PRIVATE.public_key
ENCRYPTOR = PackedEncryptor(KEY)
TABLE = ENCRYPTOR.table
SQUARE = KEY.n**2
PHE_PUBLIC = paillier.PaillierPublicKey(KEY.n)
PHE_PRIVATE = paillier.PaillierPrivateKey(PHE_PUBLIC, PRIVATE.p, PRIVATE.q)
PACKING = KEY.plan(20, 4)


def vector_of(length, seed=0, bits=20):
    return np.random.default_rng(seed).integers(0, 2**bits, length, dtype=np.uint64)


def numbers_of(encrypted):
    return [int(number) for number in KEY.ciphertexts_of(encrypted)]


def changed(encrypted, **changes):
    fields = vars(encrypted) | changes
    return PackedVector(**fields)


# Laws


def test_the_fingerprint_is_of_the_modulus_in_as_many_bytes_as_it_has():
    modulus = KEY.n.to_bytes(math.ceil(KEY.n.bit_length() / 8), "little")
    assert KEY.fingerprint == domain_hash("packed_paillier/key", modulus)


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 40),
    st.booleans(),
    st.integers(0, 60),
    st.integers(1, 6),
    st.integers(0, 2**32),
)
def test_sums_of_encrypted_vectors_decrypt_to_sums(bits, signed, length, addends, seed):
    packing = KEY.plan(bits, 6, signed=signed)
    rng = np.random.default_rng(seed)
    low, high = packing.lowest, packing.lowest + packing.max_lifted
    vectors = [rng.integers(low, high, length, np.int64, endpoint=True) for _ in range(addends)]
    total = KEY.add([ENCRYPTOR.encrypt(vector, packing) for vector in vectors])
    assert (total.addends, total.length) == (addends, length)
    decrypted = PRIVATE.decrypt(total)
    assert decrypted.dtype == np.int64
    np.testing.assert_array_equal(decrypted, sum(vectors))


def test_sums_may_be_formed_in_any_order():
    vectors = [vector_of(30, seed) for seed in range(4)]
    encrypted = [ENCRYPTOR.encrypt(vector, PACKING) for vector in vectors]
    pairs = KEY.add([KEY.add(encrypted[:2]), KEY.add(encrypted[2:])])
    assert pairs == KEY.add(encrypted[::-1])


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_decryption_uses_threads_and_leaves_none(threads):
    before = threading.active_count()
    encrypted = ENCRYPTOR.encrypt(vector_of(2000), PACKING)
    assert len(numbers_of(encrypted)) > 64
    np.testing.assert_array_equal(PRIVATE.decrypt(encrypted, threads=threads), vector_of(2000))
    assert threading.active_count() == before


# Known answers: phe, and the formula itself


@settings(max_examples=20, deadline=None)
@given(st.integers(0, KEY.n - 1), st.binary(min_size=32, max_size=32))
def test_the_table_is_the_formula(plaintext, exponent):
    slow_r = pow(TABLE.h, TABLE.exponent(exponent), KEY.n)
    slow = pow(1 + KEY.n, plaintext, SQUARE) * pow(slow_r, KEY.n, SQUARE) % SQUARE
    assert TABLE.encrypt(plaintext, exponent) == slow
    assert PHE_PRIVATE.raw_decrypt(slow) == plaintext


def test_exponents_have_digits_from_1_to_256():
    assert RandomiserTable.exponent(b"\0\0") == 1 + 256
    assert RandomiserTable.exponent(b"\xff\0") == 256 + 256
    assert RandomiserTable.exponent(bytes(range(8))) == sum((i + 1) << (8 * i) for i in range(8))


def test_phe_decrypts_what_we_encrypt():
    vector = vector_of(100)
    plaintexts = [
        PHE_PRIVATE.raw_decrypt(c) for c in numbers_of(ENCRYPTOR.encrypt(vector, PACKING))
    ]
    assert plaintexts == PACKING.pack(vector)


def test_we_decrypt_what_phe_encrypts_and_adds():
    one, two = vector_of(100, 1), vector_of(100, 2)
    columns = zip(PACKING.pack(one), PACKING.pack(two), strict=True)
    numbers = [
        (PHE_PUBLIC.encrypt(a) + PHE_PUBLIC.encrypt(b)).ciphertext(be_secure=True)
        for a, b in columns
    ]
    np.testing.assert_array_equal(PRIVATE.decrypt(KEY.wrap(numbers, PACKING, 100, 2)), one + two)


def test_with_a_key_of_full_length():
    private = PackedPrivateKey.generate()
    key = private.public_key
    assert key.n.bit_length() == 2048
    encryptor, packing = PackedEncryptor(key), key.plan(20, 10)
    assert encryptor.table.exponent_bytes == 128
    vectors = [vector_of(500, seed) for seed in range(10)]
    total = key.add([encryptor.encrypt(vector, packing) for vector in vectors])
    assert len(total.ciphertexts) == 6 * 512
    np.testing.assert_array_equal(private.decrypt(total), sum(vectors))
    theirs = paillier.PaillierPublicKey(key.n)
    phe_private = paillier.PaillierPrivateKey(theirs, private.p, private.q)
    first = int(key.ciphertexts_of(total)[0])
    expected = sum(packing.pack(vector)[0] for vector in vectors)
    assert phe_private.raw_decrypt(first) == expected


@pytest.mark.parametrize(("bits", "exponent_bytes"), [(512, 32), (2048, 128), (3072, 192)])
def test_exponents_are_half_as_long_as_n(bits, exponent_bytes):
    class WithoutRows(RandomiserTable):  # which take a second at 3072 bits
        def _add_row(self, step):
            return step

    assert WithoutRows((1 << (bits - 1)) + 1, 2).exponent_bytes == exponent_bytes == bits // 16


# Randomisers


def randomiser(ciphertext):
    """Return r^n mod n^2, which the key holder can take out of a ciphertext."""
    plaintext = PHE_PRIVATE.raw_decrypt(ciphertext)
    return ciphertext * pow(1 + KEY.n, -plaintext, SQUARE) % SQUARE


def test_no_randomiser_comes_twice_nor_is_a_product_of_others():
    zeros = np.zeros(PACKING.slots * 300, np.uint64)
    numbers = numbers_of(ENCRYPTOR.encrypt(zeros, PACKING))
    numbers += numbers_of(ENCRYPTOR.encrypt(zeros, PACKING))
    randomisers = [randomiser(number) for number in numbers]
    assert randomisers == numbers  # encryptions of 0 are their randomisers
    assert len(set(randomisers)) == 600
    assert min(r.bit_length() for r in randomisers) > 900
    quotients = {a * pow(b, -1, SQUARE) % SQUARE for a, b in itertools.pairwise(numbers)}
    assert len(quotients) == 599


def test_equal_randomisers_would_be_noticed():
    class Stuck:
        def bytes(self, count):
            return b"\7" * count

    zeros = np.zeros(PACKING.slots * 3, np.uint64)
    repeated = numbers_of(ENCRYPTOR.encrypt(zeros, PACKING, Stuck()))
    assert len(set(repeated)) == 1


def test_every_ciphertext_draws_its_whole_exponent():
    class Counting:
        def __init__(self):
            self.drawn = []

        def bytes(self, count):
            self.drawn.append(count)
            return SYSTEM.bytes(count)

    source = Counting()
    ENCRYPTOR.encrypt(np.zeros(PACKING.slots * 5, np.uint64), PACKING, source)
    assert source.drawn == [32] * 5


def test_randomisers_are_nth_residues_of_full_order():
    # The subgroup argument: h has Jacobi symbol 1, is no square, and its order is
    # (p - 1)(q - 1) / 2 = 2 p' q', the whole group of elements of symbol 1.
    h, half_p, half_q = TABLE.h, (PRIVATE.p - 1) // 2, (PRIVATE.q - 1) // 2
    assert gmpy2.jacobi(h, KEY.n) == 1
    assert gmpy2.legendre(h, PRIVATE.p) == gmpy2.legendre(h, PRIVATE.q) == -1
    assert pow(h, 2 * half_p * half_q, KEY.n) == 1
    for part in (half_p * half_q, 2 * half_p, 2 * half_q):
        assert pow(h, part, KEY.n) != 1
    for number in numbers_of(ENCRYPTOR.encrypt(np.zeros(100, np.uint64), PACKING)):
        assert pow(number, (PRIVATE.p - 1) * (PRIVATE.q - 1), SQUARE) == 1
        assert number > KEY.n


def test_two_clients_have_bases_of_their_own():
    assert PackedEncryptor(KEY).table.h != TABLE.h
    one, two = (PackedEncryptor(KEY, TestVectorRandomness(b"x")).table.h for _ in range(2))
    assert one == two


# Guard bits


def test_guard_bits_hold_exactly_as_many_addends_as_were_planned():
    packing = KEY.plan(20, 4)
    largest = np.full(packing.slots + 3, 2**20 - 1, np.uint64)
    encrypted = [ENCRYPTOR.encrypt(largest, packing) for _ in range(5)]
    np.testing.assert_array_equal(PRIVATE.decrypt(KEY.add(encrypted[:4])), 4 * largest)
    with pytest.raises(CapacityError):
        KEY.add(encrypted)
    with pytest.raises(CapacityError):
        KEY.add([KEY.add(encrypted[:3]), KEY.add(encrypted[3:])])


def test_a_sum_that_hides_its_addends_is_noticed_at_decryption():
    largest = np.full(3, 2**20 - 1, np.uint64)
    total = KEY.add([ENCRYPTOR.encrypt(largest, PACKING) for _ in range(4)])
    with pytest.raises(DecodingError):
        PRIVATE.decrypt(changed(total, addends=3))


def test_plans_that_cannot_hold_are_refused():
    with pytest.raises(CapacityError):
        KEY.plan(61, 3)
    with pytest.raises(ParameterError):
        KEY.plan(0, 3)


# What is refused


def test_vectors_under_another_key_are_refused():
    other = PackedPrivateKey.generate(512)
    foreign = PackedEncryptor(other.public_key).encrypt(vector_of(5), PACKING)
    own = ENCRYPTOR.encrypt(vector_of(5), PACKING)
    for refused in (
        lambda: PRIVATE.decrypt(foreign),
        lambda: KEY.add([own, foreign]),
        lambda: KEY.add([foreign]),
    ):
        with pytest.raises(DecodingError, match="another key"):
            refused()
    # Under a false label the slots beyond the vector's end, which are not 0, give it away.
    relabelled = KEY.wrap(
        [c % SQUARE for c in other.public_key.ciphertexts_of(foreign)], PACKING, 5, 1
    )
    with pytest.raises(DecodingError):
        PRIVATE.decrypt(relabelled)


@pytest.mark.parametrize(
    "number",
    [0, SQUARE, SQUARE + 1, 2**1024 - 1, KEY.n, 5 * KEY.n, PRIVATE.p, PRIVATE.q**2],
    ids=["0", "n^2", "n^2+1", "largest", "n", "5n", "p", "q^2"],
)
@pytest.mark.parametrize("place", [0, 3])
def test_what_is_no_ciphertext_is_refused(number, place):
    good = ENCRYPTOR.encrypt(vector_of(4 * PACKING.slots), PACKING)
    numbers = numbers_of(good)
    assert math.gcd(number, KEY.n) > 1 or number > SQUARE
    numbers[place] = number
    bad = KEY.wrap(numbers, PACKING, good.length, 1)
    for refused in (lambda: KEY.add([good, bad]), lambda: PRIVATE.decrypt(bad)):
        with pytest.raises(DecodingError):
            refused()


def test_unfit_vectors_are_refused():
    good = ENCRYPTOR.encrypt(vector_of(30), PACKING)
    for bad in (
        changed(good, ciphertexts=good.ciphertexts[:-1]),
        changed(good, ciphertexts=good.ciphertexts + b"\0"),
        changed(good, ciphertexts=b""),
        changed(good, length=300),
        changed(good, packing=SlotPacking(20, 4, 2047)),
    ):
        with pytest.raises(DecodingError):
            PRIVATE.decrypt(bad)
    for others in (
        [],
        [good, ENCRYPTOR.encrypt(vector_of(31), PACKING)],
        [good, ENCRYPTOR.encrypt(vector_of(30), KEY.plan(20, 3))],
    ):
        with pytest.raises(ParameterError):
            KEY.add(others)
    with pytest.raises(ParameterError):
        ENCRYPTOR.encrypt(np.array([2**20], np.uint64), PACKING)
    with pytest.raises(ParameterError):
        ENCRYPTOR.encrypt(vector_of(3), SlotPacking(20, 4, 400))
    with pytest.raises(ParameterError):
        PRIVATE.decrypt(good, threads=0)


def test_tables_refuse_what_they_cannot_do():
    for x in (0, PRIVATE.p, KEY.n):
        with pytest.raises(ParameterError):
            RandomiserTable(KEY.n, x)
    for plaintext, exponent in ((-1, bytes(32)), (KEY.n, bytes(32)), (1, bytes(31)), (1, b"")):
        with pytest.raises(ParameterError):
            TABLE.encrypt(plaintext, exponent)


def test_impossible_keys_are_refused():
    for n in (0, 15, 2**16 + 3, 2**20, -3):
        with pytest.raises(ParameterError):
            PackedPublicKey(n)
    for bits in (0, 120, 513, 520):
        with pytest.raises(ParameterError):
            PackedPrivateKey.generate(bits)
    for p, q in ((7, 7), (7, 13), (7, 31)):  # equal; 13 is 1 mod 4; 6 and 30 share 6
        with pytest.raises(ParameterError):
            PackedPrivateKey(p, q)


def test_secrets_do_not_print():
    for secret in (PRIVATE.p, PRIVATE.q):
        assert str(secret) not in repr(PRIVATE)
    assert "table" not in repr(ENCRYPTOR)


# Messages


def test_messages_round_trip_and_are_read_strictly():
    message = ENCRYPTOR.encrypt(vector_of(3), PACKING)
    data = message.to_bytes()
    assert PackedVector.from_bytes(data) == message
    assert data[3] == 96
    head = len(data) - len(message.ciphertexts)
    for wrong in (*(data[:end] for end in range(len(data))), data + b"\0", b"\0" + data):
        with pytest.raises(MalformedMessageError):
            PackedVector.from_bytes(wrong)
    for position in range(head):
        for flip in (1, 0x80, 0xFF):
            other = data[:position] + bytes([data[position] ^ flip]) + data[position + 1 :]
            try:
                read = PackedVector.from_bytes(other)
            except MalformedMessageError:
                continue
            assert read != message
            assert read.to_bytes() == other
    with pytest.raises(ParameterError):
        changed(message, fingerprint=b"short")
    with pytest.raises(CapacityError):
        changed(message, addends=5)
