import tempfile
from pathlib import Path

import numpy as np
import pytest

from crypto.errors import ParameterError
from crypto.protocols.sparse_sum.session import SparseSum
from crypto.vector_schemes.catalogue import scheme_named
from crypto.vector_schemes.exponential_elgamal import ElGamalScheme
from crypto.vector_schemes.packed_paillier import PackedPaillierScheme
from crypto.vector_schemes.single_paillier import SinglePaillierScheme
from tests.crypto.conformance import assert_exact, random_vectors
from tests.crypto.protocols.homomorphic_sum.conformance import KeyedSumConformance

LENGTH = 306_063
_FOLDER = tempfile.TemporaryDirectory(prefix="sparse-tables-")
TABLES = Path(_FOLDER.name)


class TinySparseSum(SparseSum):
    """With keys that are factored in a day, so that tests are fast."""

    LEAST_SECURITY_BITS = 0

    def __init__(self, scheme=None, **options):
        super().__init__(scheme or PackedPaillierScheme(512), **options)


class TestPackedPaillier(KeyedSumConformance):
    length, long_length = 9, 40
    allowed_bits = (1, 8, 20, 32, 33, 62)
    extreme_bits = (1, 32, 62)
    refused_bits = (-1, 0, 63, 64)
    lengths = (0, 1, 2, 33)

    def protocol(self):
        return TinySparseSum()


class TestElGamal(KeyedSumConformance):
    length, long_length = 5, 16
    allowed_bits = (1, 20, 62)
    extreme_bits = (1, 62)
    refused_bits = (-1, 0, 63, 64)
    lengths = (0, 1, 2, 5)
    alterations = ("session", "middle byte", "last byte", "truncated")

    def protocol(self):
        return SparseSum(ElGamalScheme(TABLES))


def compressed_vectors(clients, length, count, value_of):
    """Vectors of one value each, at random positions."""
    rng = np.random.default_rng(0)
    vectors = {}
    for client in clients:
        vectors[client] = np.zeros(length, np.uint64)
        vectors[client][rng.choice(length, count, replace=False)] = value_of(client)
    return vectors


def test_the_sum_of_compressed_updates_takes_a_few_thousand_bytes():
    vectors = compressed_vectors(range(10), LENGTH, LENGTH // 100, lambda c: 2**23 - 1 - 7 * c)
    result = SparseSum().sum(vectors, 23, round_id=0)
    assert_exact(result, vectors, range(10), 23)
    (upload,) = [row for row in result.costs.messages if row.message == "sparse upload"]
    assert upload.bytes < 10 * 4000
    # All parameters under packed encryption: 27 bits each, 75 to a ciphertext of 512 bytes.
    assert 50 * result.costs.bytes_up < LENGTH // 75 * 512 * 10


def test_vectors_without_and_with_many_values_are_summed():
    rng = np.random.default_rng(1)
    vectors = {
        0: np.zeros(50, np.uint64),
        1: rng.integers(0, 2**20, 50, dtype=np.uint64),
        2: np.full(50, 2**20 - 1, np.uint64),
        3: rng.choice(np.array([0, 0, 0, 5, 9], np.uint64), 50),
    }
    result = TinySparseSum().sum(vectors, 20, round_id=0)
    assert_exact(result, vectors, range(4), 20)
    assert result.lone_share == 0
    nothing = dict.fromkeys(range(3), np.zeros(50, np.uint64))
    assert_exact(TinySparseSum().sum(nothing, 20, round_id=0), nothing, range(3), 20)


def test_negative_numbers_stand_for_residues():
    vectors = {client: np.array([-1, 0, client], np.int64) for client in range(3)}
    result = TinySparseSum().sum(vectors, 8, round_id=0)
    assert result.sum.tolist() == [253, 0, 3]


def test_where_one_client_alone_is_not_zero_is_counted():
    vectors = {client: np.zeros(10, np.uint64) for client in range(3)}
    vectors[0][:4] = 5
    vectors[1][3:5] = 6
    assert TinySparseSum().sum(vectors, 8, round_id=0).lone_share == 4 / 5


def test_one_value_is_one_ciphertext_however_often_it_stands():
    sizes = []
    for count in (1, 2, 100):
        vectors = compressed_vectors(range(3), 1000, count, lambda c: c + 1)
        costs = TinySparseSum().sum(vectors, 20, round_id=0).costs
        (upload,) = [row for row in costs.messages if row.message == "sparse upload"]
        sizes.append(upload.bytes)
    assert sizes[0] <= sizes[1] < sizes[2] < sizes[0] + 3 * 120


@pytest.mark.parametrize("name", ["ckks", "bfv"])
def test_sums_by_seal_run_if_tenseal_is_there(name):
    pytest.importorskip("tenseal")
    vectors = compressed_vectors(range(4), 3000, 30, lambda c: 2**23 - 1 - c)
    assert_exact(SparseSum(scheme_named(name)).sum(vectors, 23, round_id=0), vectors, range(4), 23)


def test_weak_schemes_are_refused():
    for scheme in (PackedPaillierScheme(1024), SinglePaillierScheme(512)):
        with pytest.raises(ParameterError):
            SparseSum(scheme)


def test_unsigned_sessions_work():
    vectors = random_vectors(range(3), 4, 20)
    result = TinySparseSum(signed=False).sum(vectors, 20, round_id=0)
    assert_exact(result, vectors, range(3), 20)
