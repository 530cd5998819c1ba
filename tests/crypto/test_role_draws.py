"""How many random bytes each role draws, in which stage: a nonce that vanishes is missed here.

Five clients, threshold four in signed sessions and three in others, and each draw counted where the
session says who is at work; what is drawn before the first stage (identities, the session's nonce)
stands under "before".
"""

import contextlib
import hashlib
from collections import Counter, defaultdict

import pytest

from crypto.groups.secp256k1 import SECP256K1
from crypto.protocols.dkg.session import generate_key
from crypto.protocols.elgamal_sum.session import ElGamalSum
from crypto.protocols.homomorphic_sum.session import HomomorphicSum
from crypto.protocols.masking.session import DoubleMasking
from crypto.protocols.pairwise_masking.session import PairwiseMasking
from crypto.protocols.quality_sum.session import HardenedQualitySum, QualitySum
from crypto.protocols.sparse_sum.session import SparseSum
from crypto.randomness import SystemRandomness
from crypto.session.channel import Channel
from crypto.vector_schemes.exponential_elgamal import ElGamalScheme
from tests.crypto.conformance import random_vectors

CLIENTS = (1, 2, 3, 4, 5)
KEY, EXPONENT, FIELD, NONCE, WEIGHT = 32, 32, 33, 16, 16


class Draws:
    """Stands in for the operating system, and counts by role and stage.

    What it gives is below every bound, so that no draw is repeated by chance.
    """

    def __init__(self, monkeypatch):
        self.at_work = [("before", "")]
        self.found = defaultdict(Counter)
        self.count = 0
        work = Channel.work

        @contextlib.contextmanager
        def counted(channel, role, stage):
            self.at_work.append(("client" if isinstance(role, int) else str(role), str(stage)))
            try:
                with work(channel, role, stage):
                    yield
            finally:
                self.at_work.pop()

        monkeypatch.setattr(Channel, "work", counted)
        monkeypatch.setattr(SystemRandomness, "bytes", lambda _, count: self.draw(count))

    def draw(self, size):
        self.count += 1
        self.found[self.at_work[-1]][size] += 1
        drawn = hashlib.shake_256(self.count.to_bytes(8, "little")).digest(size)
        return drawn[:-1] + b"\0" if size > 1 else drawn  # numbers are little endian

    def of(self, role):
        return {stage: dict(sizes) for (who, stage), sizes in self.found.items() if who == role}


def masks(protocol):
    return lambda: protocol.sum(random_vectors(CLIENTS, 4, 20), 20, round_id=1)


def values(protocol):
    return lambda: protocol.sum(random_vectors(CLIENTS, 2, 4), 4, round_id=1)


def qualities(protocol):
    vectors, given = random_vectors(CLIENTS, 4, 8), dict.fromkeys(CLIENTS, 1)
    return lambda: protocol.sum(vectors, given, 8, max_quality=3, round_id=1)


def generation(threshold):
    """A pair of keys for each peer, two polynomials, and a summand that hides each power of H."""
    return {
        "advertise keys": {KEY: 5 * 4},
        "dealing": {EXPONENT: 5 * (2 * threshold + threshold)},
        "complaints": {EXPONENT: 5 * 4},  # powers of H, one for each pair that is opened
    }


# Two key pairs and a seed; two polynomials above their secrets.
DOUBLE = {"advertise keys": {KEY: 5 * 3}, "share keys": {FIELD: 5 * 2 * 3}}
# 2 values of 4 bits: exponents and nonces of the ciphertexts, of the range proofs and of the proofs
# of knowledge; weights of what is checked in batches.
ELGAMAL = {"upload": {EXPONENT: 320, WEIGHT: 40}, "decryption": {WEIGHT: 40, EXPONENT: 16}}
HARDENED = {"masked input": {EXPONENT: 100, WEIGHT: 10}, "decryption": {WEIGHT: 20, EXPONENT: 12}}
PAPER = {"share keys": {FIELD: 5 * 2}, "masked input": {EXPONENT: 5 * 2}, "decryption": {KEY: 3}}
SERVER = {"masked input": {WEIGHT: 40, EXPONENT: 10}}

EXPECTED = {
    "double masking": (
        lambda: masks(DoubleMasking()),
        {"client": DOUBLE, "before": {"": {KEY: 5, NONCE: 1}}},
    ),
    "double masking, unsigned": (
        lambda: masks(DoubleMasking(signed=False)),
        {
            "client": {"advertise keys": {KEY: 5 * 3}, "share keys": {FIELD: 5 * 2 * 2}},
            "before": {"": {NONCE: 1}},
        },
    ),
    "pairwise masking": (
        lambda: masks(PairwiseMasking()),
        {"client": {"share keys": {FIELD: 5 * 2}}, "before": {"": {NONCE: 1, KEY: 10}}},
    ),
    "key generation": (
        lambda: lambda: generate_key(CLIENTS, 4, SECP256K1),
        {"client": generation(4), "before": {"": {KEY: 5, NONCE: 1}}},
    ),
    "ElGamal": (
        lambda: values(ElGamalSum()),
        {
            "client": ELGAMAL,
            "server": {"upload": {WEIGHT: 120, EXPONENT: 20}, "decryption": None},
            "before": {"": {KEY: 16, NONCE: 2}},
        },
    ),
    "ElGamal, own key": (
        lambda: values(ElGamalSum(key_setup="dkg")),
        {
            "client": generation(4) | ELGAMAL,
            "server": {"upload": {WEIGHT: 120, EXPONENT: 20}, "decryption": None},
            "before": {"": {KEY: 10, NONCE: 3}},
        },
    ),
    "qualities": (
        lambda: qualities(QualitySum()),
        {
            "client": PAPER,
            "authority": {"key setup": {EXPONENT: 2}},
            "server": {"decryption": None},
            "before": {"": {NONCE: 2, KEY: 11}},
        },
    ),
    "hardened qualities": (
        lambda: qualities(HardenedQualitySum(key_setup="authority")),
        {
            "client": DOUBLE | HARDENED,
            "authority": {"key setup": {EXPONENT: 3}},
            "server": SERVER | {"decryption": None},
            "before": {"": {KEY: 6, NONCE: 2}},
        },
    ),
    "hardened qualities, own key": (
        lambda: qualities(HardenedQualitySum(key_setup="dkg")),
        {
            "client": DOUBLE | HARDENED | generation(4) | {"advertise keys": {KEY: 5 * (3 + 4)}},
            "server": SERVER | {"decryption": None},
            "before": {"": {KEY: 5, NONCE: 2}},
        },
    ),
    "whole vectors": (
        lambda: values(HomomorphicSum(ElGamalScheme())),
        {
            "client": {"upload": {EXPONENT: 20}},
            "authority": {"key setup": {EXPONENT: 1}, "upload": {EXPONENT: 2}},
            "server": {"key setup": {NONCE: 1}},
            "before": {"": {KEY: 6}},
        },
    ),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_every_role_draws_what_it_needs(name, monkeypatch):
    make, expected = EXPECTED[name]
    draws = Draws(monkeypatch)
    make()()
    assert {role for role, _ in draws.found} == expected.keys()
    for role, stages in expected.items():
        found = draws.of(role)
        assert found.keys() == stages.keys(), role
        for stage, sizes in stages.items():
            # None: the server draws who is to help, of as many bytes as chance wants.
            assert sizes is None or found[stage] == sizes, (role, stage)


def test_a_sparse_client_draws_for_each_distinct_value(monkeypatch):
    draws, protocol = Draws(monkeypatch), SparseSum(ElGamalScheme())
    vectors = random_vectors(CLIENTS, 3, 4)
    protocol.sum(vectors, 4, round_id=1)
    distinct = sum(len({int(v) for v in vector if v}) for vector in vectors.values())
    (sizes,) = draws.of("client").values()
    assert sizes.keys() == {EXPONENT}
    assert sizes[EXPONENT] % distinct == 0
    assert sizes[EXPONENT] >= distinct
