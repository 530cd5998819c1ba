import time
from collections import OrderedDict

import attrs
import numpy as np
import pytest
import tensorflow_federated as tff

from crypto.errors import ThresholdError
from crypto.parties import SERVER
from crypto.protocols.masking.session import DoubleMasking
from crypto.protocols.masking.topology import CompleteGraph
from crypto.session.costs import ClientCost, Costs
from crypto.session.faults import Alter, Drop, Fault
from crypto.session.secure_sum import SecureSum, SessionAbortedError, SumResult
from tff_health.errors import RunError
from tff_health.secure_aggregation import secure_context
from tff_health.secure_aggregation.protocols import BoundProtocols
from tff_health.secure_aggregation.round_record import RoundAbortedError
from tff_health.secure_aggregation.secure_context import SecureContext
from tff_health.workers.pool import WorkerPool

modular_sum = tff.backends.mapreduce.federated_secure_modular_sum
NUMBER = tff.FederatedType(np.int32, tff.CLIENTS)
TOTAL = tff.FederatedType(np.int32, tff.SERVER)


@attrs.define(eq=False)
class Output:
    state: object
    metrics: object


@tff.tensorflow.computation(np.int32, np.int32)
def add(a, b):
    return a + b


@tff.federated_computation(TOTAL, NUMBER)
def secure_round(state, data):
    """Adds what clients hold; the metrics are the sum under each kind, and one in the clear."""
    total = tff.federated_secure_sum_bitwidth(data, 8)
    metrics = OrderedDict(
        z=total,
        bounded=tff.federated_secure_sum(data, 255),
        modular=modular_sum(data, 7),
        clear=tff.federated_sum(data),
    )
    state = tff.federated_map(add, (state, total))
    return Output(state, tff.federated_zip(metrics))


@tff.federated_computation(TOTAL, NUMBER)
def bitwidth_round(state, data):
    total = tff.federated_secure_sum_bitwidth(data, 8)
    return tff.federated_map(add, (state, total)), total


@tff.federated_computation(TOTAL, NUMBER)
def two_kinds_round(state, data):
    total = tff.federated_secure_sum_bitwidth(data, 8)
    return state, tff.federated_zip((total, modular_sum(data, 8)))


class Plain(SecureSum):
    """Adds in the clear; clients that drop out in its one stage are not in the sum."""

    def __init__(self, stage="upload", needed=1):
        self.stages = (stage,)
        self._needed = needed
        self.calls = []
        self.bindings = []

    def sum(self, vectors, modulus_bits, *, round_id, dropouts=None, faults=(), binding=b""):
        self.calls.append((round_id, tuple(vectors), modulus_bits, dict(dropouts), list(faults)))
        self.bindings.append(binding)
        alive = tuple(sorted(set(vectors) - set(dropouts)))
        costs = Costs(clients=tuple(ClientCost(client, 1, 0, 0.0) for client in sorted(vectors)))
        if len(alive) < self._needed:
            reason = ThresholdError("clients", len(alive), self._needed)
            raise SessionAbortedError(self.stages[0], reason, costs, ())
        total = sum(vectors[client] for client in alive) & np.uint64(2**modulus_bits - 1)
        return SumResult(total, alive, costs)


@pytest.fixture(scope="module")
def pool(tff_context):
    return WorkerPool([tff_context])


@pytest.fixture(scope="module")
def make(pool):
    """Makes contexts that share what was taken apart, as that takes seconds."""
    splits = {}

    def make_context(protocol=None, **bound):
        protocol = BoundProtocols(**bound) if bound else BoundProtocols.to_all(protocol)
        context = SecureContext(pool, protocol)
        context._splits = splits
        return context

    return make_context


def run(context, computation, *arguments):
    with tff.framework.get_context_stack().install(context):
        return computation(*arguments)


def test_without_secure_sums_a_computation_runs_as_it_is(make):
    @tff.federated_computation(NUMBER)
    def total(values):
        return tff.federated_sum(values)

    context = make(Plain())
    assert run(context, total, [1, 2, 3]) == 6
    assert run(context, add, 2, 3) == 5
    assert context.last_round is None


@tff.federated_computation(TOTAL, NUMBER)
def added_state_round(state, data):
    """Every client adds what the server gave it."""
    given = tff.federated_broadcast(state)
    total = tff.federated_secure_sum_bitwidth(tff.federated_map(add, (given, data)), 8)
    return state, total


def test_clients_of_one_sum_may_have_been_given_different_states(make):
    protocol = Plain()
    context = make(protocol)

    def sum_with(**states):
        context.plan_round([4, 2, 9], **states)
        return run(context, added_state_round, 100, [1, 2, 3])[1]

    assert sum_with() == 306
    assert sum_with(states={2: 50, 9: 7}) == 1 + 100 + 2 + 50 + 3 + 7
    assert sum_with(states={2: 7, 9: 50}) == 306 - 100 - 100 + 57
    assert sum_with(states={4: 100}) == 306
    # Sums are bound to who was given what.
    same, one, other, _ = protocol.bindings
    assert len({same, one, other}) == 3
    assert all(len(binding) == 32 for binding in protocol.bindings)
    assert sum_with() == 306
    assert protocol.bindings[-1] == same
    with pytest.raises(RunError, match=r"states name \[5\], who are not in the cohort"):
        context.plan_round([4, 2, 9], states={5: 1})


def test_a_round_with_every_kind_of_sum(make):
    context = make(DoubleMasking())
    output = run(context, secure_round, 100, [5, 6, 255])
    assert isinstance(output, Output)
    assert output.state == 366
    assert output.metrics == OrderedDict(z=266, bounded=266, modular=0, clear=266)
    assert list(output.metrics) == ["z", "bounded", "modular", "clear"]
    record = context.last_round
    assert (record.round_id, record.cohort, record.survivors) == (1, (0, 1, 2), (0, 1, 2))
    assert record.costs.bytes_up > 0
    assert record.refusals == ()
    parts = record.seconds_training + record.seconds_crypto
    assert 0 < parts < record.seconds_total


def test_one_session_sums_all_kinds_of_one_protocol(make):
    protocol = Plain()
    context = make(protocol)
    context.plan_round([4, 2, 9])
    assert run(context, secure_round, 0, [1, 2, 3]).metrics["modular"] == 6
    ((round_id, clients, bits, dropouts, faults),) = protocol.calls
    assert (clients, bits, dropouts, faults) == ((4, 2, 9), 10, {}, [])
    assert round_id % 2**32 == 1  # above it stands the number of the context


def test_dropped_clients_are_left_out_of_all_aggregates(make):
    context = make(DoubleMasking(CompleteGraph(4)))
    context.plan_round([7, 3, 5, 1, 8, 6], dropouts={3: "masked input", 1: "unmasking"})
    output = run(context, secure_round, 0, [10, 20, 30, 40, 50, 60])
    assert output.metrics == OrderedDict(z=190, bounded=190, modular=1, clear=190)
    assert context.last_round.cohort == (7, 3, 5, 1, 8, 6)
    assert context.last_round.survivors == (1, 5, 6, 7, 8)


def test_an_aborted_round_leaves_a_record_and_the_next_one_works(make):
    context = make(DoubleMasking())
    context.plan_round([1, 2, 3], dropouts={1: "masked input", 2: "masked input"})
    with pytest.raises(RoundAbortedError, match=r"round 1: .*masked input") as caught:
        run(context, bitwidth_round, 0, [1, 2, 3])
    record = caught.value.record
    assert record is context.last_round
    assert (record.cohort, record.survivors) == ((1, 2, 3), ())
    assert record.costs.bytes_up > 0
    assert tuple(run(context, bitwidth_round, 0, [1, 2, 3])) == (6, 6)
    assert context.last_round.round_id == 2


def test_a_round_that_nobody_opened_is_run_again_under_its_number(make):
    context = make(DoubleMasking())
    context.plan_round([1, 2, 3], dropouts={1: "masked input"})
    with pytest.raises(RoundAbortedError) as caught:
        run(context, bitwidth_round, 0, [1, 2, 3])
    assert not caught.value.may_be_opened
    context.plan_round([1, 2, 4], repeats=True)
    assert tuple(run(context, bitwidth_round, 0, [1, 2, 4])) == (7, 7)
    assert context.last_round.round_id == 1
    with pytest.raises(RunError, match="round 1 cannot be run again"):
        context.plan_round([1, 2, 3], repeats=True)


def test_a_round_that_may_be_opened_is_lost(make):
    context = make(DoubleMasking())
    context.plan_round([1, 2, 3], dropouts={1: "unmasking"})
    with pytest.raises(RoundAbortedError, match="must not be run again") as caught:
        run(context, bitwidth_round, 0, [1, 2, 3])
    assert caught.value.may_be_opened
    with pytest.raises(RunError, match="round 1 cannot be run again"):
        context.plan_round([1, 2, 4], repeats=True)
    assert tuple(run(context, bitwidth_round, 0, [1, 2, 3])) == (6, 6)
    assert context.last_round.round_id == 2


def test_contexts_may_share_a_protocol(make):
    protocol = DoubleMasking()
    for _ in range(2):
        assert tuple(run(make(protocol), bitwidth_round, 0, [1, 2, 3])) == (6, 6)


def test_clients_keep_their_identities(make):
    protocol = DoubleMasking()
    context = make(protocol)
    run(context, bitwidth_round, 0, [1, 2, 3])
    before = dict(protocol.registry)
    context.plan_round([2, 1, 8])
    run(context, bitwidth_round, 0, [1, 2, 3])
    assert before.items() <= protocol.registry.items()
    assert set(protocol.registry) == {0, 1, 2, 8}


def test_faults_reach_the_protocol(make):
    context = make(DoubleMasking())
    flip = Fault(Alter(lambda data: data[:-1] + bytes([data[-1] ^ 1])), "masked input", 3, SERVER)
    context.plan_round([1, 2, 3, 4], faults=[flip])
    assert run(context, bitwidth_round, 0, [1, 2, 3, 4])[1] == 7
    assert context.last_round.survivors == (1, 2, 4)
    assert [refusal.error.culprit for refusal in context.last_round.refusals] == [3]
    run(context, bitwidth_round, 0, [1, 2, 3, 4])
    assert context.last_round.refusals == ()


def test_a_plan_serves_one_round(make):
    context = make(Plain())
    context.plan_round(["a", "b"], dropouts={"a": "upload"})
    assert run(context, bitwidth_round, 0, [1, 2])[1] == 2
    assert run(context, bitwidth_round, 0, [1, 2])[1] == 3
    assert context.last_round.cohort == (0, 1)


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ({"clients": [1, 1]}, "appears twice"),
        ({"clients": [1, 2], "dropouts": {3: "upload"}}, r"\[3\], who are not in the cohort"),
        ({"clients": [1, 2], "dropouts": {1: "lunch"}}, "no stage is called 'lunch': upload"),
        ({"clients": [1, 2], "faults": [Fault(Drop(), "lunch")]}, "no stage is called 'lunch'"),
    ],
)
def test_impossible_plans_are_refused(make, plan, message):
    with pytest.raises(RunError, match=message):
        make(Plain()).plan_round(**plan)


def test_a_plan_for_other_data_is_refused(make):
    context = make(Plain())
    context.plan_round([1, 2])
    with pytest.raises(RunError, match="planned for 2 clients, and data of 3 was given"):
        run(context, bitwidth_round, 0, [1, 2, 3])
    assert context.last_round is None


def test_too_few_clients_for_a_protocol_are_one_clear_error(make):
    with pytest.raises(RunError, match=r"round 1: .*clients"):
        run(make(DoubleMasking()), bitwidth_round, 0, [1, 2])


def test_a_value_out_of_range_is_refused(make):
    with pytest.raises(RunError, match=r"\(bitwidth\) .*: of 1 numbers 0 are below 0 and 1 above"):
        run(make(Plain()), bitwidth_round, 0, [256, 1, 2])


def test_large_moduli_and_maxima(pool):
    kind = tff.FederatedType(np.int64, tff.CLIENTS)

    @tff.federated_computation(tff.FederatedType(np.int64, tff.SERVER), kind)
    def computation(state, data):
        sums = modular_sum(data, np.int64(2**62)), tff.federated_secure_sum(data, 2**60 - 1)
        return state, tff.federated_zip(sums)

    context = SecureContext(pool, BoundProtocols.to_all(Plain()))
    start = time.monotonic()
    _, sums = run(context, computation, 0, [2**60 - 1, 5, 2**59])
    assert time.monotonic() - start < 20
    assert tuple(sums) == (2**60 + 4 + 2**59,) * 2


def test_sums_that_are_too_long_are_refused_before_clients_work(pool, monkeypatch):
    kind = tff.FederatedType(np.int64, tff.CLIENTS)

    @tff.federated_computation(kind)
    def computation(data):
        return tff.federated_secure_sum(data, 2**61)

    context = SecureContext(pool, BoundProtocols.to_all(Plain()))
    assert run(context, computation, [2**61]) == 2**61
    monkeypatch.setattr(pool, "map_clients", lambda *_: pytest.fail("clients worked"))
    with pytest.raises(RunError, match=r"\(max_input.* over 3 clients needs 63 bits; 62 are there"):
        run(context, computation, [1, 2, 3])


def test_numbers_below_zero_are_refused_with_what_to_use(make):
    with pytest.raises(RunError, match=r"1 are below 0 and 0 above.*use tff.aggregators.SecureS"):
        run(make(Plain()), bitwidth_round, 0, [-3, 1, 2])


def test_a_computation_is_taken_apart_once(pool, monkeypatch):
    built = []
    original = secure_context.SplitComputation
    monkeypatch.setattr(
        secure_context, "SplitComputation", lambda comp: built.append(comp) or original(comp)
    )
    context = SecureContext(pool, BoundProtocols.to_all(Plain()))
    for _ in range(3):
        run(context, bitwidth_round, 0, [1, 2, 3])
    assert len(built) == 1


def test_a_kind_without_protocol_is_an_error_and_never_a_plain_sum(pool):
    context = SecureContext(pool, BoundProtocols(modular=Plain()))
    with pytest.raises(RunError, match=r"kind bitwidth, and no protocol is bound.*in the clear"):
        run(context, two_kinds_round, 0, [1, 2, 3])
    with pytest.raises(RunError, match="kind bitwidth, max_input, modular"):
        run(SecureContext(pool, BoundProtocols()), secure_round, 0, [1, 2, 3])


def test_protocols_of_different_kinds_sum_over_the_same_clients(make):
    first, second = Plain("first"), Plain("second")
    context = make(bitwidth=first, modular=second)
    assert context.stages == ("first", "second")
    context.plan_round([1, 2, 3], dropouts={2: "first"})
    assert tuple(run(context, two_kinds_round, 0, [4, 5, 6])[1]) == (10, 2)
    assert first.calls[0][1:4] == ((1, 2, 3), 10, {2: "first"})
    assert second.calls[0][1:4] == ((1, 3), 3, {})
    record = context.last_round
    assert record.survivors == (1, 3)
    assert {row.client: row.bytes_up for row in record.costs.clients} == {1: 2, 2: 1, 3: 2}


def test_clients_that_drop_out_between_two_sessions_are_refused(make):
    context = make(bitwidth=Plain("first"), modular=Plain("second"))
    context.plan_round([1, 2, 3], dropouts={2: "second"})
    with pytest.raises(RunError, match="dropped out between the sessions of two protocols"):
        run(context, two_kinds_round, 0, [4, 5, 6])


def test_an_abort_in_a_later_session_keeps_the_costs_of_the_earlier(make):
    context = make(bitwidth=Plain("first"), modular=Plain("second", needed=3))
    context.plan_round([1, 2, 3], dropouts={2: "second"})
    with pytest.raises(RoundAbortedError) as caught:
        run(context, two_kinds_round, 0, [4, 5, 6])
    assert [row.bytes_up for row in context.last_round.costs.clients] == [2, 2, 2]
    assert caught.value.may_be_opened  # the sum of the first protocol is


def test_faults_of_one_protocol_are_kept_from_the_other(make):
    first, second = Plain("first"), Plain("second")
    context = make(bitwidth=first, modular=second)
    fault, everywhere = Fault(Drop(), "first", 1, SERVER), Fault(Drop())
    context.plan_round([1, 2, 3], faults=[fault, everywhere])
    run(context, two_kinds_round, 0, [4, 5, 6])
    assert first.calls[0][4] == [fault, everywhere]
    assert second.calls[0][4] == [everywhere]


def a_sum_before_a_broadcast():
    @tff.federated_computation(TOTAL, NUMBER)
    def computation(state, data):
        total = tff.federated_secure_sum_bitwidth(data, 8)
        again = tff.federated_map(add, (data, tff.federated_broadcast(total)))
        return state, tff.federated_secure_sum_bitwidth(again, 8)

    return computation, (0, [1, 2, 3])


def a_result_at_the_clients():
    @tff.federated_computation(TOTAL, NUMBER)
    def computation(state, data):
        return state, tff.federated_secure_sum_bitwidth(data, 8), data

    return computation, (0, [1, 2, 3])


def an_argument_that_is_nowhere():
    @tff.federated_computation(np.int32, NUMBER)
    def computation(number, data):
        del number
        return tff.federated_secure_sum_bitwidth(data, 8)

    return computation, (0, [1, 2, 3])


@pytest.mark.parametrize(
    "build",
    [a_sum_before_a_broadcast, a_result_at_the_clients, an_argument_that_is_nowhere],
)
def test_secure_sums_that_cannot_be_taken_apart_are_one_clear_error(make, build):
    computation, arguments = build()
    with pytest.raises(RunError, match=r"TFF cannot take a computation of type .* apart") as caught:
        run(make(Plain()), computation, *arguments)
    assert len(str(caught.value)) < 1000


def test_two_broadcasts_of_one_state_are_taken_apart(make):
    @tff.federated_computation(TOTAL, NUMBER)
    def computation(state, data):
        twice = tff.federated_map(add, (tff.federated_broadcast(state), data))
        thrice = tff.federated_map(add, (tff.federated_broadcast(state), twice))
        return state, tff.federated_secure_sum_bitwidth(thrice, 8)

    assert run(make(Plain()), computation, 1, [1, 2, 3])[1] == 12


def test_sums_are_bound_to_what_the_server_broadcast(make):
    @tff.federated_computation(TOTAL, NUMBER)
    def computation(state, data):
        trained = tff.federated_map(add, (tff.federated_broadcast(state), data))
        return state, tff.federated_secure_sum_bitwidth(trained, 8)

    protocol = Plain()
    context = make(protocol)
    for state in (1, 1, 2):
        run(context, computation, state, [1, 2, 3])
    once, again, other = protocol.bindings
    assert once == again != other
    assert len(once) == len(other) == 32

    context, seen = make(DoubleMasking()), []
    watching = Fault(Alter(lambda data: seen.append(data) or data), None, SERVER)
    context.plan_round([0, 1, 2], faults=[watching])
    assert run(context, computation, 1, [1, 2, 3])[1] == 9
    assert sum(once in data for data in seen) == 3  # each client's invitation says it


def test_what_clients_send_in_the_clear_is_named(make):
    context = make(Plain())
    assert len(context.clear_values(secure_round)) == 1
    assert context.clear_values(bitwidth_round) == ()
