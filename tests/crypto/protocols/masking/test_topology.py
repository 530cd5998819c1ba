import itertools
import math
from collections import deque
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.errors import ParameterError
from crypto.primitives.shamir import holder_point
from crypto.protocols.masking.graph import NeighbourGraph
from crypto.protocols.masking.hypergeometric import UpperTails, log2_all_marked, log2_sum
from crypto.protocols.masking.topology import CompleteGraph, RegularGraph, choose_degree


@given(st.integers(1, 40), st.data())
def test_tails_equal_exact_fractions(population, data):
    marked = data.draw(st.integers(0, population))
    drawn = data.draw(st.integers(0, population))
    tails = UpperTails(population, marked, drawn)
    for count in range(-1, drawn + 2):
        ways = sum(
            math.comb(marked, i) * math.comb(population - marked, drawn - i)
            for i in range(max(count, 0), drawn + 1)
        )
        exact = Fraction(ways, math.comb(population, drawn))
        expected = math.log2(exact) if exact else -math.inf
        assert tails.log2_at_least(count) == pytest.approx(expected, abs=1e-9)


def test_tails_by_hand():
    # Two of five are marked, two are drawn: both marked 1/10, at least one 7/10.
    tails = UpperTails(5, 2, 2)
    assert 2 ** tails.log2_at_least(2) == pytest.approx(0.1)
    assert 2 ** tails.log2_at_least(1) == pytest.approx(0.7)
    assert tails.log2_at_least(0) == 0
    assert tails.log2_at_least(3) == -math.inf
    assert 2 ** log2_all_marked(5, 2, 2) == pytest.approx(0.1)
    assert log2_all_marked(5, 1, 2) == -math.inf


def test_tails_far_below_the_smallest_float():
    assert UpperTails(10_000, 1000, 1000).log2_at_least(1000) < -4000


def test_sums_of_logarithms():
    assert log2_sum(-3.0, -3.0) == pytest.approx(-2)
    assert log2_sum(-math.inf, -5.0) == -5
    assert log2_sum(-math.inf) == -math.inf


@pytest.mark.parametrize(
    ("count", "threshold"), [(3, 3), (4, 3), (5, 4), (6, 5), (10, 7), (30, 21), (31, 21)]
)
def test_the_complete_graph_takes_two_thirds(count, threshold):
    plan = CompleteGraph().plan(count)
    assert (plan.degree, plan.threshold, plan.min_survivors) == (count - 1, threshold, threshold)
    assert plan.colluders == 2 * threshold - count - 1 >= count // 3 - 1


@pytest.mark.parametrize(
    ("count", "threshold"), [(3, 3), (4, 3), (5, 3), (6, 4), (30, 16), (31, 16)]
)
def test_unsigned_it_takes_the_smallest_majority(count, threshold):
    plan = CompleteGraph().plan(count, signed=False)
    assert (plan.degree, plan.threshold, plan.min_survivors) == (count - 1, threshold, threshold)
    assert plan.colluders == threshold - 1


def test_a_lower_threshold_bears_fewer_colluders_and_says_so():
    plans = [CompleteGraph(threshold).plan(10) for threshold in (6, 7, 10)]
    assert [plan.colluders for plan in plans] == [1, 3, 9]
    assert "up to 1 client learn" in plans[0].reason
    assert "up to 3 clients learn" in plans[1].reason
    assert RegularGraph(collusion_rate=0.1).plan(100).colluders == 10


@pytest.mark.parametrize(("threshold", "count"), [(2, 3), (15, 30), (31, 30), (0, 5)])
def test_minorities_are_refused(threshold, count):
    with pytest.raises(ParameterError):
        CompleteGraph(threshold).plan(count)


@pytest.mark.parametrize("count", [-1, 0, 1, 2])
def test_too_few_clients_are_refused(count):
    for topology in (CompleteGraph(), RegularGraph()):
        with pytest.raises(ParameterError):
            topology.plan(count)


@pytest.mark.parametrize("count", [10, 30, 100, 300, 1000, 10_000])
@pytest.mark.parametrize(("dropouts", "colluders"), [(0.1, 0.1), (0.05, 0.2), (0.3, 0.05)])
def test_plans_keep_their_promises(count, dropouts, colluders):
    plan = choose_degree(count, dropouts, colluders)
    assert plan.log2_correctness <= -40
    assert plan.log2_security <= -40
    assert plan.degree + 1 < 2 * plan.threshold
    assert plan.threshold <= plan.degree + 1 <= count
    assert plan.min_survivors > count // 2
    assert str(plan.threshold) in plan.reason


def test_a_smaller_degree_would_break_the_promise():
    plan = choose_degree(1000, 0.1, 0.1)
    degree = plan.degree - 2
    dropped = UpperTails(999, 100, degree)
    colluding = UpperTails(999, 100, degree)
    for threshold in range(degree // 2 + 1, degree + 1):
        correctness = math.log2(1000) + dropped.log2_at_least(degree - threshold + 1)
        security = math.log2(1000) + colluding.log2_at_least(2 * threshold - degree - 1)
        assert max(correctness, security) > -40


def test_degrees_grow_slowly_and_with_the_demands():
    degrees = [choose_degree(n, 0.1, 0.05).degree for n in (300, 1000, 3000, 10_000)]
    assert degrees == sorted(degrees)
    assert degrees[-1] < 2 * degrees[0]
    assert choose_degree(1000, 0.1, 0.1, 20).degree < choose_degree(1000, 0.1, 0.1, 40).degree
    assert choose_degree(1000, 0.1, 0.1).degree < choose_degree(1000, 0.2, 0.1).degree
    assert choose_degree(1000, 0.1, 0.1).degree < choose_degree(1000, 0.1, 0.2).degree


def test_small_cohorts_fall_back_to_the_complete_graph():
    plan = choose_degree(5, 0.2, 0.2)
    assert plan.degree == 4
    assert 2 * plan.threshold > 5 + 1


@pytest.mark.parametrize(("dropouts", "colluders"), [(0.6, 0.0), (0.3, 0.6), (0.45, 0.45)])
def test_rates_that_no_graph_can_bear_are_refused(dropouts, colluders):
    with pytest.raises(ParameterError):
        choose_degree(20, dropouts, colluders)


@pytest.mark.parametrize(
    "arguments", [(-0.1, 0.1), (1.0, 0.1), (0.1, -0.1), (0.1, 1.0), (0.1, 0.1, 0)]
)
def test_impossible_rates_are_refused(arguments):
    with pytest.raises(ParameterError):
        RegularGraph(*arguments)


def test_without_colluders_only_a_graph_that_falls_apart_is_insecure():
    count = 40
    plan = choose_degree(count, 0.3, 0.0, failure_bits=3)
    two_runs_gone = math.log2(count * (count - 1) / 2) + log2_all_marked(count, 12, plan.degree)
    assert plan.log2_security == pytest.approx(two_runs_gone)


def test_dropouts_fail_as_often_as_the_bound_allows():
    # With 2^-3 allowed, simulate: the union bound must hold and must not be idle.
    count, rate = 40, 0.3
    plan = choose_degree(count, rate, 0.0, failure_bits=3)
    rng, failures, trials = np.random.default_rng(0), 0, 2000
    for trial in range(trials):
        graph = NeighbourGraph(range(count), plan.degree, trial.to_bytes(32, "little"))
        gone = set(rng.choice(count, math.ceil(rate * count), replace=False).tolist())
        failures += any(
            len(set(graph.neighbours(c)) - gone) + (c not in gone) < plan.threshold
            for c in range(count)
        )
    assert failures / trials <= 2**plan.log2_correctness


sessions = st.binary(min_size=32, max_size=32)


@given(st.integers(5, 40), sessions, st.data())
def test_graphs_are_regular_and_symmetric(count, session_id, data):
    degree = data.draw(st.sampled_from([*range(2, count - 1, 2), count - 1]))
    cohort = tuple(range(3, 3 + 2 * count, 2))
    graph = NeighbourGraph(cohort, degree, session_id)
    neighbours = {c: graph.neighbours(c) for c in cohort}
    for client, peers in neighbours.items():
        assert len(set(peers)) == len(peers) == degree
        assert client not in peers
        assert list(peers) == sorted(peers)
        assert all(client in neighbours[peer] for peer in peers)


@given(st.integers(5, 16), sessions, st.data())
def test_connection_is_that_of_a_search(count, session_id, data):
    degree = data.draw(st.sampled_from([2, 4, count - 1]).filter(lambda d: d < count))
    degree = count - 1 if degree >= count - 1 else degree
    graph = NeighbourGraph(range(count), degree, session_id)
    chosen = data.draw(st.sets(st.integers(0, count - 1)))
    assert graph.connects(chosen) == _search(graph, chosen)


def _search(graph, chosen):
    if len(chosen) < 2:
        return True
    start = min(chosen)
    seen, queue = {start}, deque([start])
    while queue:
        for peer in graph.neighbours(queue.popleft()):
            if peer in chosen and peer not in seen:
                seen.add(peer)
                queue.append(peer)
    return seen == set(chosen)


def test_the_session_shuffles_the_ring():
    rings = {NeighbourGraph(range(20), 2, bytes([i]) * 32).neighbours(0) for i in range(50)}
    assert len(rings) > 20


@pytest.mark.parametrize(("count", "degree"), [(6, 3), (6, 6), (6, 0), (6, 1), (5, 5)])
def test_impossible_degrees_are_refused(count, degree):
    with pytest.raises(ParameterError):
        NeighbourGraph(range(count), degree, bytes(32))


def test_points_are_places_from_one():
    cohort = (3, 8, 21)
    assert [holder_point(cohort, c) for c in cohort] == [1, 2, 3]
    assert len(set(itertools.starmap(holder_point, [(cohort, c) for c in cohort]))) == 3
