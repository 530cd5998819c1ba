import tempfile
from pathlib import Path

import numpy as np
import pytest

from crypto.elgamal import discrete_log
from crypto.errors import ParameterError
from crypto.groups.edwards25519 import EDWARDS25519
from crypto.groups.ffdhe import FFDHE2048
from crypto.groups.secp256k1 import SECP256K1
from crypto.protocols.elgamal_sum.server import Stage
from crypto.protocols.elgamal_sum.session import ElGamalSum
from crypto.session.secure_sum import SessionAbortedError
from crypto.session.thresholds import plan_threshold
from tests.crypto.conformance import SecureSumConformance, assert_exact, random_vectors

_FOLDER = tempfile.TemporaryDirectory(prefix="elgamal-tables-")
TABLES = Path(_FOLDER.name)


def asks_the_victim(candidates, count, randomness):
    """The clients that the suite plays tricks on are among those that are asked to decrypt."""
    watched = (3, 8, 13)
    return sorted(candidates, key=lambda client: (client not in watched, client))[:count]


class ElGamalConformance(SecureSumConformance):
    upload_stage = Stage.UPLOAD.value
    refused_bits = (-1, 0, 33, 62, 63, 64)
    allowed_bits = (1, 8, 20)
    extreme_bits = (1, 20)
    length = 9
    lengths = (0, 1, 2, 63, 200)
    long_length = 64
    proofs = True
    key_setup = "authority"

    def protocol(self):
        return ElGamalSum(
            key_setup=self.key_setup,
            proofs=self.proofs,
            cache_dir=TABLES,
            choose_helpers=asks_the_victim,
        )

    def tolerated_dropouts(self, num_clients):
        return num_clients - plan_threshold(num_clients)


class TestWithoutProofs(ElGamalConformance):
    proofs = False


class TestGeneratedKeys(ElGamalConformance):
    key_setup = "dkg"
    proofs = False
    length = 3
    lengths = (0, 1, 5)

    def run(self, vectors, **plan):
        protocol = self.protocol()
        if "faults" in plan:  # they do not reach into the key generation, which has its own tests
            protocol.sum(vectors, self.bits, round_id=0)
        return protocol.sum(vectors, self.bits, round_id=1, **plan)


class TestWithProofs(ElGamalConformance):
    bits = 6
    length = 2
    allowed_bits = (1, 6, 10)
    extreme_bits = (1, 6)
    lengths = (0, 1, 5)
    long_length = 8


@pytest.mark.parametrize("group", [FFDHE2048, EDWARDS25519, SECP256K1], ids=lambda g: g.name)
@pytest.mark.parametrize("proofs", [True, False])
def test_every_group(group, proofs):
    protocol = ElGamalSum(group, proofs=proofs, cache_dir=TABLES)
    vectors = random_vectors(range(4), length=2, bits=4)
    for round_id in range(2):
        result = protocol.sum(vectors, 4, round_id=round_id, dropouts={2: "upload"})
        assert_exact(result, vectors, (0, 1, 3), 4)
        assert result.refusals == ()


def test_integer_sums_are_not_reduced():
    vectors = {client: np.array([1000, 7], np.int64) for client in range(5)}
    result = ElGamalSum(cache_dir=TABLES).sum_up_to(vectors, 1000, round_id=0)
    assert result.sum.tolist() == [5000, 35]
    assert result.sum.dtype == np.uint64


def test_thirty_two_bits(monkeypatch):
    monkeypatch.setattr(discrete_log, "_table_bits", lambda group, bound: 17)  # made in no time
    vectors = {client: np.array([2**32 - 1 - client], np.uint64) for client in range(3)}
    protocol = ElGamalSum(FFDHE2048, proofs=False, cache_dir=TABLES)
    assert protocol.sum_up_to(vectors, 2**32 - 1, round_id=0).sum[0] == 3 * 2**32 - 6
    assert protocol.sum(vectors, 32, round_id=1).sum[0] == 2**32 - 6


def test_values_outside_the_public_range_are_refused_at_the_door():
    vectors = {client: np.array([5], np.int64) for client in range(5)}
    for bad in (-1, 11):
        with pytest.raises(ParameterError):
            ElGamalSum().sum_up_to({**vectors, 2: np.array([bad])}, 10, round_id=0)


@pytest.mark.parametrize("max_value", [0, -1, 2**32])
def test_impossible_ranges_are_refused(max_value):
    vectors = {client: np.array([0], np.int64) for client in range(5)}
    with pytest.raises(ParameterError):
        ElGamalSum().sum_up_to(vectors, max_value, round_id=0)


def test_sums_too_large_for_a_logarithm_are_refused():
    vectors = {client: np.array([0], np.int64) for client in range(257)}
    with pytest.raises(ParameterError):
        ElGamalSum(proofs=False).sum_up_to(vectors, 2**32 - 1, round_id=0)


def test_options_are_checked():
    for options in ({"threshold": 1}, {"threshold": 0}, {"key_setup": "magic"}):
        with pytest.raises(ParameterError):
            ElGamalSum(**options)
    with pytest.raises(ParameterError):
        ElGamalSum(threshold=6).sum(random_vectors(range(5), 1, 4), 4, round_id=0)


def test_helpers_are_as_many_as_the_threshold_and_chosen_at_random():
    protocol = ElGamalSum(proofs=False, cache_dir=TABLES)
    vectors = random_vectors(range(7), 1, 4)
    seen = set()
    for round_id in range(12):
        costs = protocol.sum(vectors, 4, round_id=round_id).costs
        answers = [row for row in costs.messages if row.message == "partial decryptions"]
        assert [row.count for row in answers] == [5]
        upload = {c.client: c.bytes_up for c in costs.clients}
        seen |= {c for c in upload if upload[c] > min(upload.values())}
    assert seen == set(range(7))  # each is left out with probability (2/7)^12


def test_helpers_that_vanish_are_replaced():
    protocol = ElGamalSum(proofs=False, cache_dir=TABLES, choose_helpers=asks_the_victim)
    vectors = random_vectors((3, 5, 8, 13, 21), 1, 4)
    result = protocol.sum(vectors, 4, round_id=0, dropouts={8: "decryption"})
    assert_exact(result, vectors, vectors, 4)
    requests = [row for row in result.costs.messages if row.message == "decryption request"]
    assert [row.count for row in requests] == [5]


def test_the_system_key_stays_while_it_covers_the_cohort():
    protocol = ElGamalSum(proofs=False, threshold=4, cache_dir=TABLES)
    keys = []
    for round_id, clients in enumerate([range(6), range(6), range(1, 5), range(7)]):
        vectors = random_vectors(clients, 1, 4)
        assert_exact(protocol.sum(vectors, 4, round_id=round_id), vectors, clients, 4)
        keys.append(protocol._delivery.announcement.key_id())
    assert keys[0] == keys[1] == keys[2] != keys[3]


def test_the_key_generation_is_counted_in_key_setup():
    protocol = ElGamalSum(key_setup="dkg", proofs=False, cache_dir=TABLES)
    vectors = random_vectors(range(5), 1, 4)
    first, second = (protocol.sum(vectors, 4, round_id=i).costs for i in range(2))
    names = {row.message for row in first.messages if row.stage == Stage.KEY_SETUP}
    assert {"dealing", "complaints", "confirmation", "invitation", "readiness"} <= names
    assert {row.stage for row in first.messages} == set(protocol.stages)
    assert first.bytes_up > 3 * second.bytes_up
    assert sum(row.bytes_up for row in first.clients) == first.bytes_up


def test_a_client_that_missed_the_key_generation_gets_a_new_one_with_its_return():
    protocol = ElGamalSum(key_setup="dkg", proofs=False, cache_dir=TABLES)
    vectors = random_vectors(range(5), 1, 4)
    result = protocol.sum(vectors, 4, round_id=0, dropouts={4: "key setup"})
    assert_exact(result, vectors, range(4), 4)
    first = protocol._delivery.announcement.key_id()
    assert_exact(protocol.sum(vectors, 4, round_id=1), vectors, range(5), 4)
    assert protocol._delivery.announcement.key_id() != first


def test_too_few_clients_for_a_key_generation_abort_in_key_setup():
    protocol = ElGamalSum(key_setup="dkg", cache_dir=TABLES)
    with pytest.raises(SessionAbortedError) as caught:
        protocol.sum(
            random_vectors(range(5), 1, 4),
            4,
            round_id=0,
            dropouts=dict.fromkeys(range(3), "key setup"),
        )
    assert caught.value.stage == Stage.KEY_SETUP
    assert {row.stage for row in caught.value.costs.messages} == {Stage.KEY_SETUP}


def test_shares_are_sent_once_and_again_to_those_who_missed_them():
    protocol = ElGamalSum(proofs=False, cache_dir=TABLES)
    vectors = random_vectors(range(5), 1, 4)
    protocol.sum(vectors, 4, round_id=0, dropouts={4: "key setup"})
    assert set(protocol._delivery.sealed_shares) == {4}
    result = protocol.sum(vectors, 4, round_id=1)
    assert_exact(result, vectors, range(5), 4)
    assert not protocol._delivery.sealed_shares
    sizes = [sum(r.bytes for r in result.costs.messages if r.message == "invitation")]
    later = protocol.sum(vectors, 4, round_id=2).costs
    sizes.append(sum(r.bytes for r in later.messages if r.message == "invitation"))
    assert sizes[0] - sizes[1] == 32 + 16  # one sealed share


def test_small_thresholds_as_in_the_paper_work_if_asked_for():
    vectors = random_vectors(range(10), 1, 4)
    protocol = ElGamalSum(threshold=3, signed=False, proofs=False, cache_dir=TABLES)
    dropouts = {**dict.fromkeys(range(4), "upload"), **dict.fromkeys(range(4, 7), "decryption")}
    result = protocol.sum(vectors, 4, round_id=0, dropouts=dropouts)
    assert_exact(result, vectors, range(4, 10), 4)


def test_an_abort_says_what_it_cost():
    vectors = random_vectors(range(5), 1, 4)
    with pytest.raises(SessionAbortedError) as caught:
        ElGamalSum(cache_dir=TABLES).sum(
            vectors, 4, round_id=0, dropouts=dict.fromkeys(range(3), "upload")
        )
    assert caught.value.stage == Stage.DECRYPTION
    assert caught.value.costs.bytes_up > 0
