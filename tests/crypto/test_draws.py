"""How often each primitive draws, and that every draw counts: nothing is left to a constant."""

import numpy as np
import pytest

from crypto.elgamal.encryption import PublicKey
from crypto.elgamal.threshold import KeyDealer
from crypto.groups.secp256k1 import SECP256K1, Secp256k1Group
from crypto.paillier.packed import PackedEncryptor, PackedPrivateKey
from crypto.primitives.field import SECRET_FIELD
from crypto.primitives.key_agreement import AgreementKeyPair
from crypto.primitives.shamir import random_polynomial, share_element, split_secret
from crypto.primitives.signatures import SigningIdentity
from crypto.randomness import uniform_below
from crypto.session.thresholds import choose_at_random
from tests.crypto.session.scripted import Recorded

KEY = PublicKey(SECP256K1, SECP256K1.generator_power(12345))
PACKED = PackedPrivateKey.generate(256, Recorded(b"packed"))
PACKING = PACKED.public_key.plan(20, 10)
ENCRYPTOR = PackedEncryptor(PACKED.public_key, Recorded(b"base"))
VALUES = np.arange(40, dtype=np.uint64)
PLAINTEXTS = PACKING.plaintexts(len(VALUES))

DRAWS = {
    "a number below 2^32": (lambda source: uniform_below(2**32, source), [4]),
    "an element of a field": (SECRET_FIELD.random, [33]),
    "an exponent": (SECP256K1.random_exponent, [32]),
    "a secret key": (lambda source: AgreementKeyPair.generate(source).private, [32]),
    "an identity": (lambda source: SigningIdentity.generate(source).secret, [32]),
    "a polynomial": (lambda source: random_polynomial(1, 4, SECRET_FIELD, source), [33] * 3),
    "shares of an element": (
        lambda source: share_element(1, 3, [1, 2, 3, 4], SECP256K1.exponents, source),
        [32] * 2,
    ),
    "shares of a secret": (lambda source: split_secret(bytes(32), 3, [1, 2, 3], source), [33] * 2),
    "a ciphertext": (lambda source: KEY.encrypt(5, source), [32]),
    "a ciphertext made unlinkable": (
        lambda source: KEY.rerandomise(KEY.encrypt_with(5, 1), source),
        [32],
    ),
    "a dealing": (lambda source: KeyDealer(SECP256K1, source).deal(3, [1, 2, 3, 4]), [32] * 3),
    "a base of randomisers": (
        lambda source: PackedEncryptor(PACKED.public_key, source).table.encrypt(0, bytes([1] * 16)),
        [32],
    ),
    "a packed vector": (
        lambda source: ENCRYPTOR.encrypt(VALUES, PACKING, source),
        [ENCRYPTOR.table.exponent_bytes] * PLAINTEXTS,
    ),
}


def drawn_without_rejection(make):
    """A source in which no draw is repeated for lying above its bound, as one in many may be."""
    for number in range(50):
        source = Recorded(b"%d" % number)
        yield source, make(source)


@pytest.mark.parametrize("name", DRAWS)
def test_what_is_drawn(name):
    make, sizes = DRAWS[name]
    assert any(source.sizes == sizes for source, _ in drawn_without_rejection(make))
    assert all(len(source.sizes) >= len(sizes) for source, _ in drawn_without_rejection(make))


@pytest.mark.parametrize("name", DRAWS)
def test_every_draw_changes_what_comes_out(name):
    make, sizes = DRAWS[name]
    label = next(
        source.label for source, _ in drawn_without_rejection(make) if source.sizes == sizes
    )
    made = [make(Recorded(label))]
    made += [make(Recorded(label, changed)) for changed in range(len(sizes))]
    assert all(a != b for i, a in enumerate(made) for b in made[:i])


def test_a_choice_draws_once_for_each_that_is_chosen():
    source = Recorded()
    chosen = choose_at_random(range(256), 4, source)
    assert len(source.draws) >= 4
    assert len(set(chosen)) == 4
    source = Recorded()
    assert choose_at_random([7], 1, source) == (7,)
    assert source.sizes == [0]


def test_a_power_is_hidden_by_a_summand_that_does_not_change_it():
    powers = set()
    for label in (b"a", b"b", b"c"):
        source = Recorded(label)
        group = Secp256k1Group(source)
        powers.add(group.power(group.generator_power(7), 123))
        assert source.sizes == [32]
    assert powers == {SECP256K1.generator_power(7 * 123)}


def test_decryption_blinds_its_exponents():
    vector = ENCRYPTOR.encrypt(VALUES, PACKING, Recorded())
    found = set()
    for label in (b"a", b"b"):
        source = Recorded(label)
        plain = PACKED.decrypt(vector, threads=1, randomness=source)
        np.testing.assert_array_equal(plain, VALUES.astype(np.int64))
        assert source.sizes == [8, 8]  # for each factor of n
        found.update(source.draws)
    assert len(found) == 4
