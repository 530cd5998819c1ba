"""A client contributes to one opened sum a round, whoever asks and in whatever order."""

import numpy as np
import pytest

from crypto.errors import OpenedRoundError, ParameterError, ThresholdError
from crypto.parties import SERVER
from crypto.protocols.elgamal_sum.session import ElGamalSum
from crypto.protocols.masking.session import DoubleMasking
from crypto.protocols.pairwise_masking.session import PairwiseMasking
from crypto.protocols.quality_sum.session import HardenedQualitySum, QualitySum
from crypto.session.costs import Costs
from crypto.session.faults import Alter, Fault
from crypto.session.opened_rounds import OncePerRound, OpenedRounds
from crypto.session.secure_sum import SessionAbortedError
from tests.crypto.protocols.homomorphic_sum.test_session import TinyHomomorphicSum
from tests.crypto.protocols.paillier_sum.test_session import TinyPaillierSum
from tests.crypto.protocols.sparse_sum.test_session import TinySparseSum

CLIENTS = range(5)
VECTORS = {client: np.array([client, 9], np.uint64) for client in CLIENTS}
NEW = {client: np.array([client + 1, 10], np.uint64) for client in CLIENTS}


class Joint:
    """A joint sum with the signature of the others; every quality is 2."""

    def __init__(self, protocol):
        self._protocol = protocol
        self.stages, self.opens_at = protocol.stages, protocol._masking.opens_at

    @property
    def _once(self):
        return self._protocol._once

    @_once.setter
    def _once(self, value):
        self._protocol._once = value

    def sum(self, vectors, bits, **plan):
        qualities = dict.fromkeys(vectors, 2)
        return self._protocol.sum(vectors, qualities, bits, max_quality=3, **plan)


PROTOCOLS = {
    "masking": DoubleMasking,
    "masking, unsigned": lambda: DoubleMasking(signed=False),
    "pairwise masking": PairwiseMasking,
    "pairwise masking, own keys": lambda: PairwiseMasking(key_setup="dkg"),
    "elgamal": lambda: ElGamalSum(proofs=False),
    "paillier": TinyPaillierSum,
    "homomorphic": TinyHomomorphicSum,
    "sparse": TinySparseSum,
    "quality": lambda: Joint(QualitySum()),
    "hardened quality": lambda: Joint(HardenedQualitySum(key_setup="authority")),
}
each_protocol = pytest.mark.parametrize("make", PROTOCOLS.values(), ids=PROTOCOLS)


def abort(protocol, stage, round_id=1, vectors=VECTORS):
    """Ends a session by too many clients that drop out in a stage."""
    with pytest.raises(SessionAbortedError) as caught:
        protocol.sum(vectors, 8, round_id=round_id, dropouts=dict.fromkeys(range(4), stage))
    return caught.value


def aborted(may_be_opened):
    return SessionAbortedError(
        "a stage", ThresholdError("clients", 1, 3), Costs(), (), may_be_opened=may_be_opened
    )


def assert_clients_refuse(protocol, vectors=VECTORS):
    """Lets a driver that forgets its rounds ask for round 1 again."""
    protocol._once = OncePerRound()
    with pytest.raises(SessionAbortedError) as caught:
        protocol.sum(vectors, 8, round_id=1)
    refusals = [refusal for refusal in caught.value.refusals if refusal.by != SERVER]
    assert len({refusal.by for refusal in refusals}) >= 3  # not those who were asked for no help
    for refusal in refusals:
        assert isinstance(refusal.error, OpenedRoundError)
        assert refusal.error.culprit == SERVER


@each_protocol
def test_a_session_that_ends_before_it_could_be_opened_can_be_repeated(make):
    protocol = make()
    opens_at = protocol.stages.index(protocol.opens_at)
    for stage in protocol.stages[: opens_at - 1]:
        assert not abort(protocol, stage).may_be_opened
    others = {client: VECTORS[client] for client in (0, 1, 2, 4)}
    assert protocol.sum(others, 8, round_id=1).sum.tolist() == [7, 36]


@each_protocol
def test_a_session_that_ends_later_cannot(make):
    for stage in make().stages[make().stages.index(make().opens_at) :]:
        protocol = make()
        assert abort(protocol, stage).may_be_opened, stage
        others = {client: VECTORS[client] for client in (0, 1, 2, 4)}
        with pytest.raises(ParameterError, match="the round is lost"):
            protocol.sum(others, 8, round_id=1)
        assert protocol.sum(NEW, 8, round_id=2).sum.tolist() == [15, 50]


@each_protocol
def test_after_it_no_client_gives_the_same_vector_under_another_number(make):
    protocol = make()
    abort(protocol, protocol.opens_at)
    for client in CLIENTS:  # one that repeats itself is enough
        with pytest.raises(ParameterError, match=f"client {client} .* train a new update"):
            protocol.sum({**NEW, client: VECTORS[client].copy()}, 8, round_id=2)
    with pytest.raises(ParameterError, match="train a new update"):  # as residues and as integers
        protocol.sum({**NEW, 3: VECTORS[3].astype(np.int64)}, 8, round_id=2)
    assert protocol.sum(NEW, 8, round_id=2).sum.tolist() == [15, 50]
    assert protocol._once._lost == {}  # nothing is kept that was replaced
    protocol.sum(NEW, 8, round_id=3)  # a session that was not aborted forbids no vector


@each_protocol
def test_a_vector_is_held_against_its_client_until_that_gives_another(make):
    protocol = make()
    abort(protocol, protocol.opens_at)
    others = {client: NEW[client] for client in (0, 1, 2, 4)}
    protocol.sum(others, 8, round_id=2)
    if protocol.stages.index(protocol.opens_at) > 1:  # one that tells nothing changes nothing
        assert not abort(protocol, protocol.stages[1], 3, NEW).may_be_opened
    with pytest.raises(ParameterError, match="client 3 "):
        protocol.sum(VECTORS, 8, round_id=4)


@each_protocol
def test_zeros_may_be_given_again_and_hide_no_repetition(make):
    zeros = {client: np.zeros(2, np.uint64) for client in CLIENTS}
    protocol = make()
    abort(protocol, protocol.opens_at, 1, zeros)
    assert protocol.sum(zeros, 8, round_id=2).sum.tolist() == [0, 0]
    abort(protocol, protocol.opens_at, 3)
    protocol.sum(zeros, 8, round_id=4)
    with pytest.raises(ParameterError, match="train a new update"):
        protocol.sum(VECTORS, 8, round_id=5)


def test_vectors_are_the_same_if_their_residues_are():
    once = OncePerRound()
    given = np.array([-1, 3], np.int64)
    with pytest.raises(SessionAbortedError), once.session(1, {7: given}, 8):
        raise aborted(may_be_opened=True)
    given[:] = 5  # what was given is remembered, not where it stood
    for vector, bits in (([255, 3], 8), ([-1, 3], 10), ([15, 3], 4)):
        with pytest.raises(ParameterError, match="client 7 "):
            once.session(2, {7: np.array(vector, np.int64)}, bits).__enter__()
    for vector, bits in (([255, 4], 8), ([255, 3, 0], 8), ([5, 5], 8)):
        with pytest.raises(SessionAbortedError), once.session(2, {7: np.array(vector)}, bits):
            raise aborted(may_be_opened=False)
    with once.session(2, {8: np.array([-1, 3])}, 8):  # of another client
        pass


@each_protocol
def test_clients_that_opened_a_sum_join_no_other_session_of_its_round(make):
    protocol = make()
    protocol.sum(VECTORS, 8, round_id=1)
    with pytest.raises(ParameterError, match="the round is lost"):
        protocol.sum(VECTORS, 8, round_id=1)
    assert_clients_refuse(protocol, {client: VECTORS[client] for client in range(1, 5)})
    protocol._once = OncePerRound()
    protocol.sum(VECTORS, 8, round_id=2)


@each_protocol
def test_clients_in_two_sessions_of_a_round_at_once_open_one(make):
    protocol, inner = make(), []

    def run_another(data):
        if not inner:
            protocol._once = OncePerRound()
            inner.append(protocol.sum(VECTORS, 8, round_id=1))
        return data

    fault = Fault(Alter(run_another), protocol.opens_at, SERVER)
    with pytest.raises(SessionAbortedError) as caught:
        protocol.sum(VECTORS, 8, round_id=1, faults=[fault])
    assert inner[0].sum.tolist() == [10, 45]
    refused = [r.by for r in caught.value.refusals if isinstance(r.error, OpenedRoundError)]
    assert len(refused) >= 3
    assert caught.value.may_be_opened


def test_a_session_is_held_against_its_round():
    rounds = OpenedRounds()
    first, second = rounds.opening(1, b"a"), rounds.opening(1, b"b")
    first.take()
    first.take()  # a session may open its sum in several steps
    for step in (second.check, second.take, lambda: rounds.opening(1, b"c")):
        with pytest.raises(OpenedRoundError, match="round 1"):
            step()
    rounds.opening(2, b"c").take()


def test_disjoint_groups_open_a_sum_each_and_overlapping_ones_do_not():
    once = OncePerRound()
    groups = [{c: VECTORS[c] for c in clients} for clients in ((0, 1), (2, 3), (3, 4))]
    for group in groups[:2]:
        with once.session(1, group, 10):
            pass
    for again in (*groups, {}):  # of {}, nobody here has seen who is in it
        with pytest.raises(ParameterError, match="round_id=1"), once.session(1, again, 10):
            pytest.fail("a second sum of a client")
    with once.session(2, {}, 10):
        pass
    with pytest.raises(ParameterError), once.session(2, groups[0], 10):
        pytest.fail("a second sum of a client")
