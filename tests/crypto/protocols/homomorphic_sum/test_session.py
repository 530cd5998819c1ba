import numpy as np
import pytest

from crypto.errors import ParameterError, ReplayError
from crypto.protocols.homomorphic_sum.keyed_session import AHEAD
from crypto.protocols.homomorphic_sum.session import HomomorphicSum
from crypto.vector_schemes.catalogue import scheme_named
from crypto.vector_schemes.exponential_elgamal import ElGamalScheme
from crypto.vector_schemes.packed_paillier import PackedPaillierScheme
from crypto.vector_schemes.scheme import VectorPlan
from crypto.vector_schemes.single_paillier import SinglePaillierScheme
from tests.crypto.conformance import assert_exact, random_vectors
from tests.crypto.protocols.homomorphic_sum.conformance import KeyedSumConformance

TINY = 512


class TinyHomomorphicSum(HomomorphicSum):
    """With keys that are factored in a day, so that tests are fast."""

    LEAST_SECURITY_BITS = 0

    def __init__(self, scheme=None, **options):
        super().__init__(scheme or PackedPaillierScheme(TINY), **options)


class TestPackedPaillier(KeyedSumConformance):
    def protocol(self):
        return TinyHomomorphicSum()


class TestSinglePaillier(KeyedSumConformance):
    length = 5
    lengths = (0, 1, 2, 63)
    long_length = 16

    def protocol(self):
        return TinyHomomorphicSum(SinglePaillierScheme(256))


class TestElGamal(KeyedSumConformance):
    length, bits, long_length = 5, 8, 16
    lengths = (0, 1, 2, 5)
    allowed_bits = (1, 8, 12)
    extreme_bits = (1, 8)
    refused_bits = (-1, 0, 31, 62, 63, 64)
    alterations = ("session", "middle byte", "last byte", "truncated")

    def protocol(self):
        return HomomorphicSum(ElGamalScheme())


def test_with_a_key_of_full_length():
    vectors = random_vectors(range(3), 200, 20)
    result = HomomorphicSum().sum(vectors, 20, round_id=0)
    assert_exact(result, vectors, range(3), 20)
    (upload,) = [row for row in result.costs.messages if row.message == "encrypted upload"]
    # Header, session, sender, two lengths; the vector's own header and plan; 200 values in slots
    # of 22 bits, 93 to a ciphertext of 512 bytes; the signature.
    vector = 4 + 32 + 4 + 1 + 4 + 4 + 4 + 3 * 512
    assert upload.bytes == 3 * (4 + 32 + 4 + 4 + vector + 64)


@pytest.mark.parametrize("name", ["ckks", "bfv"])
def test_sums_by_seal_run_if_tenseal_is_there(name):
    pytest.importorskip("tenseal")
    vectors = random_vectors(range(4), 3000, 20)
    result = HomomorphicSum(scheme_named(name)).sum(vectors, 20, round_id=0)
    assert_exact(result, vectors, range(4), 20)
    with pytest.raises(ParameterError):
        HomomorphicSum(scheme_named(name)).sum(random_vectors(range(4), 3, 24), 24, round_id=0)


def test_sums_over_the_integers_are_not_reduced():
    vectors = {client: np.full(3, 2**20 - 1, np.uint64) for client in range(3)}
    result = TinyHomomorphicSum().sum_integers(vectors, 20, round_id=0)
    assert result.sum.dtype == np.uint64
    assert result.sum.tolist() == [3 * (2**20 - 1)] * 3
    assert result.survivors == (0, 1, 2)


@pytest.mark.parametrize(
    ("values", "value_bits"),
    [
        ([2**20], 20),
        ([-1], 20),
        ([0], 61),  # sums of three have 63 bits
        ([0], 0),
        ([0.5], 20),
    ],
)
def test_integers_that_do_not_fit_are_refused(values, value_bits):
    vectors = dict.fromkeys(range(3), np.array(values))
    with pytest.raises(ParameterError):
        TinyHomomorphicSum().sum_integers(vectors, value_bits, round_id=0)


@pytest.mark.parametrize("clients", [0, 1, 2])
def test_too_few_clients_have_no_sum_of_integers(clients):
    vectors = {client: np.zeros(3, np.uint64) for client in range(clients)}
    with pytest.raises(ParameterError):
        TinyHomomorphicSum().sum_integers(vectors, 20, round_id=0)


def test_unsigned_sessions_work():
    vectors = random_vectors(range(4), 2, 20)
    result = TinyHomomorphicSum(signed=False).sum(vectors, 20, round_id=0)
    assert_exact(result, vectors, range(4), 20)


def test_weak_schemes_are_refused():
    for scheme in (PackedPaillierScheme(1024), SinglePaillierScheme(512)):
        with pytest.raises(ParameterError):
            HomomorphicSum(scheme)


def test_the_key_and_the_clients_tables_stay_across_rounds():
    protocol, vectors = TinyHomomorphicSum(), random_vectors(range(3), 4, 20)
    seen = []
    for round_id in range(2):
        assert_exact(protocol.sum(vectors, 20, round_id=round_id), vectors, range(3), 20)
        keys = [next(iter(client._keys.values())) for client in protocol._clients.values()]
        seen.append([key._encryptor.table for key in keys])
    for first, second in zip(*seen, strict=True):
        assert first is second
    assert len({table.h for table in seen[0]}) == 3


def test_the_key_holders_time_is_recorded_apart():
    vectors = random_vectors(range(3), 4, 20)
    costs = TinyHomomorphicSum().sum(vectors, 20, round_id=0).costs
    steps = {(row.stage, row.role): row.seconds for row in costs.work}
    assert steps["upload", "authority"] > 0
    assert steps["key setup", "authority"] > 0


def test_the_same_session_is_not_decrypted_twice():
    protocol, vectors = TinyHomomorphicSum(), random_vectors(range(3), 4, 20)
    protocol.sum(vectors, 20, round_id=0)
    holder, orders = protocol._key_holder, []
    honest = holder.decrypt

    def decrypt(data):
        orders.append(data)
        return honest(data)

    holder.decrypt = decrypt
    protocol.sum(vectors, 20, round_id=1)
    with pytest.raises(ReplayError):
        honest(orders[0])


@pytest.mark.usefixtures("no_process_is_left")
@pytest.mark.parametrize("cores", [1, 2])
def test_what_was_prepared_is_counted_apart_and_used(cores):
    protocol, vectors = TinyHomomorphicSum(), random_vectors(range(3), 300, 20)
    protocol.cores = cores
    plan = VectorPlan(300, 20, 3)
    protocol.prepare(vectors, plan)
    keys = [next(iter(client._keys.values())) for client in protocol._clients.values()]
    made = keys[0].plan_bytes(plan) // keys[0].key.ciphertext_bytes
    assert [len(key._encryptor.pool) for key in keys] == [made] * 3
    protocol.prepare(vectors, plan)  # nothing is left to do
    assert [len(key._encryptor.pool) for key in keys] == [made] * 3
    for round_id in range(2):
        result = protocol.sum(vectors, 20, round_id=round_id)
        assert_exact(result, vectors, range(3), 20)
        assert [len(key._encryptor.pool) for key in keys] == [0] * 3
        ahead = {row.role: row.seconds for row in result.costs.work if row.stage == AHEAD}
        assert (ahead.get("client", 0) > 0) == (round_id == 0 or cores > 1)
