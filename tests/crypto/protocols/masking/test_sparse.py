"""Sessions on the sparse graph as it is planned, and what only it can get wrong."""

import numpy as np
import pytest

from crypto.errors import (
    ConsistencyError,
    ParameterError,
    PolicyError,
    ThresholdError,
    WrongTimeError,
)
from crypto.parties import SERVER
from crypto.protocols.masking.client import MaskingClient
from crypto.protocols.masking.messages import EncryptedShares, Invitation
from crypto.protocols.masking.parameters import ClientPolicy, MaskingParameters
from crypto.protocols.masking.session import DoubleMasking
from crypto.protocols.masking.stages import Stage
from crypto.protocols.masking.topology import CompleteGraph, RegularGraph
from crypto.protocols.masking.unmasking_messages import SurvivorSet
from crypto.session.faults import Alter, Fault
from crypto.session.secure_sum import SessionAbortedError
from tests.crypto.conformance import Recorder, assert_exact, plain_sum, random_vectors
from tests.crypto.protocols.masking.cast import BITS, LENGTH, Cast

COUNT = 40
TOPOLOGY = RegularGraph(dropout_rate=0.1, collusion_rate=0.1)


@pytest.mark.parametrize("stage", list(Stage))
def test_planned_dropouts_at_every_stage(stage):
    vectors = random_vectors(range(COUNT))
    protocol = DoubleMasking(TOPOLOGY)
    rng = np.random.default_rng(3)
    gone = rng.choice(COUNT, COUNT // 10, replace=False).tolist()
    result = protocol.sum(vectors, 20, round_id=1, dropouts=dict.fromkeys(gone, stage.value))
    after_upload = stage in (Stage.CONSISTENCY, Stage.UNMASKING)
    assert_exact(result, vectors, set(range(COUNT)) - (set() if after_upload else set(gone)))
    assert result.refusals == ()


def test_clients_deal_to_their_neighbours_only():
    recorder = Recorder()
    fault = Fault(Alter(recorder), Stage.SHARE_KEYS, receiver=SERVER)
    DoubleMasking(TOPOLOGY).sum(random_vectors(range(COUNT)), 20, round_id=1, faults=[fault])
    degree = TOPOLOGY.plan(COUNT).degree
    assert degree < COUNT - 1
    for data in recorder.messages:
        assert len(EncryptedShares.from_bytes(data[:-64]).ciphertexts) == degree


def test_the_sparse_graph_costs_less():
    vectors = random_vectors(range(COUNT), 1)
    sparse = DoubleMasking(TOPOLOGY).sum(vectors, 20, round_id=1).costs
    complete = DoubleMasking().sum(vectors, 20, round_id=1).costs
    assert sparse.bytes_up < complete.bytes_up / 2


def ring(count=12):
    """A session on a ring of neighbours one place away, and the clients in ring order."""
    parameters = MaskingParameters(LENGTH, BITS, degree=2, threshold=2, min_survivors=7)
    cast = Cast(count, parameters=parameters, policy=_Any()).upload()
    graph = cast.server._graph
    order = [1, graph.neighbours(1)[0]]
    while len(order) < count:
        order.append(next(c for c in graph.neighbours(order[-1]) if c != order[-2]))
    return cast, order


class _Any(ClientPolicy):
    def check(self, num_clients, announced):
        pass


def test_survivors_that_fall_apart_are_refused_by_clients():
    # Two gaps on the ring leave two groups, whose masks cancel within each of them.
    cast, order = ring()
    survivors = sorted(set(order) - {order[3], order[9]})
    story = SurvivorSet(cast.server.session_id, tuple(survivors)).to_bytes()
    with pytest.raises(ConsistencyError, match="groups"):
        cast.parts[order[6]].confirm_survivors(story)


def test_survivors_in_one_piece_are_accepted():
    cast, order = ring()
    survivors = sorted(set(order) - {order[3], order[4]})
    story = SurvivorSet(cast.server.session_id, tuple(survivors)).to_bytes()
    cast.parts[order[8]].confirm_survivors(story)


def test_fewer_survivors_than_announced_are_refused():
    cast, order = ring()
    story = SurvivorSet(cast.server.session_id, tuple(sorted(order[:6]))).to_bytes()
    with pytest.raises(ThresholdError, match="survivors: 6 are left, 7 are needed"):
        cast.parts[order[3]].confirm_survivors(story)


def test_fewer_surviving_neighbours_than_the_threshold_are_refused():
    parameters = MaskingParameters(LENGTH, BITS, degree=4, threshold=4, min_survivors=7)
    cast = Cast(12, parameters=parameters, policy=_Any()).upload()
    gone = cast.server._graph.neighbours(1)[:2]
    survivors = tuple(client for client in cast.cohort if client not in gone)
    story = SurvivorSet(cast.server.session_id, survivors).to_bytes()
    with pytest.raises(ThresholdError, match="neighbours that survived"):
        cast.parts[1].confirm_survivors(story)


def test_survivors_that_fall_apart_end_the_session():
    parameters = MaskingParameters(LENGTH, BITS, degree=4, threshold=3, min_survivors=7)
    cast = Cast(14, parameters=parameters, policy=_Any()).share()
    graph, server = cast.server._graph, cast.server
    order = list(graph._ring)
    gone = {order[1], order[2], order[8], order[9]}
    for client, data in server.deliver_shares().items():
        upload = cast.parts[client].masked_input(data, cast.vectors[client])
        if client not in gone:
            server.receive(client, upload)
    # Each survivor keeps three holders or more, but two runs of degree / 2 are missing.
    with pytest.raises(ConsistencyError, match="groups"):
        server.announce_survivors()


def upload_all_but(cast, gone):
    for client, data in cast.server.deliver_shares().items():
        if client not in gone:
            upload = cast.parts[client].masked_input(data, cast.vectors[client])
            cast.server.receive(client, upload)


def test_a_neighbourhood_below_the_threshold_ends_the_session_before_anything_is_revealed():
    parameters = MaskingParameters(LENGTH, BITS, degree=4, threshold=4, min_survivors=7)
    cast = Cast(12, parameters=parameters, policy=_Any()).share()
    upload_all_but(cast, cast.server._graph.neighbours(1)[:2])
    with pytest.raises(ThresholdError, match="holders of client"):
        cast.server.announce_survivors()
    with pytest.raises(WrongTimeError):
        cast.server.publish_agreements()


def test_a_dropped_client_whose_neighbours_all_dropped_needs_no_unmasking():
    parameters = MaskingParameters(LENGTH, BITS, degree=4, threshold=3, min_survivors=8)
    cast = Cast(14, parameters=parameters, policy=_Any()).advertise()
    lonely, server = 1, cast.server
    silent = server._graph.neighbours(lonely)
    for client, data in server.publish_keys().items():
        if client not in silent:
            server.receive(client, cast.parts[client].share_keys(data))
    upload_all_but(cast, [lonely])
    for client, data in server.announce_survivors().items():
        server.receive(client, cast.parts[client].confirm_survivors(data))
    for client, data in server.publish_agreements().items():
        server.receive(client, cast.parts[client].unmask(data))
    result = server.unmask()
    survivors = set(cast.cohort) - {lonely, *silent}
    assert set(result.survivors) == survivors
    np.testing.assert_array_equal(result.sum, plain_sum(cast.vectors, survivors, BITS))


@pytest.mark.parametrize(
    "weaker", [{"degree": 2, "threshold": 2}, {"threshold": 7}, {"min_survivors": 3}]
)
def test_clients_compute_the_plan_themselves(weaker):
    cast = Cast(COUNT)
    policy = ClientPolicy(TOPOLOGY)
    plan = TOPOLOGY.plan(COUNT)
    values = {
        "degree": plan.degree,
        "threshold": plan.threshold,
        "min_survivors": plan.min_survivors,
    }

    def invitation(**changes):
        parameters = MaskingParameters(LENGTH, BITS, **{**values, **changes})
        return Invitation(bytes(16), 1, cast.cohort, parameters).to_bytes()

    client = MaskingClient(1, cast.identities[1], cast.registry, policy)
    with pytest.raises(PolicyError):
        client.join(invitation(**weaker))
    client.join(invitation())
    complete = CompleteGraph().plan(COUNT)
    client.join(invitation(degree=complete.degree, threshold=complete.threshold))


def test_more_neighbours_need_a_higher_threshold():
    # The planned threshold is a majority of the planned holders, not of all clients.
    plan = TOPOLOGY.plan(COUNT)
    assert 2 * plan.threshold <= COUNT
    announced = MaskingParameters(LENGTH, BITS, COUNT - 1, plan.threshold, plan.min_survivors)
    with pytest.raises(PolicyError, match="no majority"):
        ClientPolicy(TOPOLOGY).check(COUNT, announced)


@pytest.mark.parametrize("count", [60, 100, 500])
def test_more_neighbours_cannot_dilute_the_threshold(count):
    # Still a majority of the holders, and no longer one that bears the colluders among them.
    plan = TOPOLOGY.plan(count)
    for degree in range(plan.degree + 2, 2 * plan.threshold - 1, 2):
        announced = MaskingParameters(LENGTH, BITS, degree, plan.threshold, plan.min_survivors)
        with pytest.raises(PolicyError, match=f"degree {degree} is neither") as caught:
            ClientPolicy(TOPOLOGY).check(count, announced)
        assert caught.value.culprit == SERVER
    assert 2 * plan.threshold - degree - 1 <= degree * plan.colluders / count


@pytest.mark.parametrize(("threshold", "bears"), [(51, 1), (54, 7), (55, 9), (56, 11), (67, 33)])
def test_the_complete_graph_in_place_of_a_sparse_one_bears_as_many_colluders(threshold, bears):
    policy = ClientPolicy(TOPOLOGY)
    assert TOPOLOGY.plan(100).colluders == 10
    announced = MaskingParameters(LENGTH, BITS, 99, threshold, threshold)
    if bears >= 10:
        policy.check(100, announced)
        return
    with pytest.raises(PolicyError, match=f"bears {bears} colluders and not the 10") as caught:
        policy.check(100, announced)
    assert caught.value.culprit == SERVER


def test_more_dropouts_than_planned_abort():
    vectors = random_vectors(range(COUNT))
    gone = dict.fromkeys(range(COUNT // 2), Stage.MASKED_INPUT.value)
    with pytest.raises(SessionAbortedError):
        DoubleMasking(TOPOLOGY).sum(vectors, 20, round_id=1, dropouts=gone)


def test_rates_that_a_cohort_cannot_bear_are_refused_before_anything_is_sent():
    with pytest.raises(ParameterError):
        DoubleMasking(RegularGraph(0.4, 0.4)).sum(random_vectors(range(9)), 20, round_id=1)
