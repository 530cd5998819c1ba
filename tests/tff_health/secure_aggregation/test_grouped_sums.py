"""Groups that sum by themselves, and a rule over their means, against the same in the clear."""

import numpy as np
import pytest

from crypto.errors import ParameterError
from crypto.protocols.dealing.stages import Stage as DealingStage
from crypto.session.faults import Alter, Fault
from crypto.session.secure_sum import SessionAbortedError
from tff_health.errors import RunError
from tff_health.robust.rules import combine
from tff_health.secure_aggregation.bindings import BINDINGS, ProtocolSettings
from tff_health.secure_aggregation.grouped_sums import GroupedSums, GroupRule, NoGroupError
from tff_health.secure_aggregation.protocols import GroupOutcome, RoundPlan
from tff_health.secure_aggregation.slots import Slot, read_updates

CLIENTS = tuple(range(10))
INT32, INT64 = np.dtype(np.int32), np.dtype(np.int64)
BITS, FRACTION_BITS = 40, 8
UPDATES = (Slot("modular", 2**BITS, (2, 3), INT64), Slot("modular", 2**BITS, (4,), INT64))
COUNT = Slot("bitwidth", 2**5, (), INT32)
SCHEMES = {"double_masking": 2, "quality_sum": 1000, "hardened_quality_sum": 1000}
"""Protocol -> bound of its weights."""
each_protocol = pytest.mark.parametrize("name", SCHEMES)


def slots_of(name):
    return (COUNT, Slot("max_input", SCHEMES[name], (), INT64), *UPDATES)


def grouped(name, rule="median", size=3, norm=0.0, **chosen):
    settings = ProtocolSettings(dropout_rate=0.0, value_bits=20, **chosen)
    rules = GroupRule(rule, 0.2, FRACTION_BITS, norm)
    return GroupedSums(BINDINGS[name].build(settings), size, rules)


def inputs(name, seed=0):
    """Client -> update, weight, and what it contributes to the slots."""
    rng, given = np.random.default_rng(seed), {}
    for client in CLIENTS:
        weight = int(rng.integers(1, SCHEMES[name]))
        update = rng.integers(-2000, 2000, 10)
        given[client] = update, weight, contribution(update, weight)
    return given


def contribution(update, weight):
    residues = update * weight % 2**BITS
    first, second = residues[:6].reshape(2, 3), residues[6:]
    return [np.array(3, np.int32), np.array(weight, np.int64), first, second]


def tensors(given):
    return {client: parts for client, (_, _, parts) in given.items()}


def in_the_clear(given, groups, rule):
    """What the rule makes of the used groups' weighted means, one client after the other."""
    means, weights = [], []
    for group in groups:
        if not group.left_out:
            total = sum(given[client][1] for client in group.survivors)
            summed = sum(given[client][0] * given[client][1] for client in group.survivors)
            means.append(summed / total)
            weights.append(total)
    return combine(rule, np.array(means), np.array(weights), 0.2), sum(weights)


def assert_is_what_it_is_in_the_clear(name, outcome, given, rule):
    slots, used = slots_of(name), [g for g in outcome.groups if not g.left_out]
    expected, weight = in_the_clear(given, outcome.groups, rule)
    found = read_updates(slots, outcome.sums)
    assert found.weight == weight
    # A sum is rounded to a whole number, and the mean is read off it.
    np.testing.assert_allclose(found.update, expected, atol=0.5 / weight + 1e-9, rtol=0)
    assert outcome.survivors == tuple(sorted(c for g in used for c in g.survivors))
    assert int(outcome.sums[0]) == 3 * len(outcome.survivors)
    for slot, total in zip(slots, outcome.sums, strict=True):
        assert (total.dtype, total.shape) == (slot.dtype, slot.shape)


@each_protocol
@pytest.mark.parametrize("rule", ["median", "trimmed_mean", "geometric_median", "mean"])
def test_the_rule_over_groups_is_what_it_is_in_the_clear(name, rule):
    given, protocol = inputs(name), grouped(name, rule)
    protocol.check(slots_of(name))
    protocol.check_cohort(slots_of(name), len(CLIENTS))
    outcome = protocol.sum(slots_of(name), tensors(given), RoundPlan(1, CLIENTS))
    assert sorted(len(group.members) for group in outcome.groups) == [3, 3, 4]
    assert sorted(c for group in outcome.groups for c in group.members) == list(CLIENTS)
    assert outcome.survivors == CLIENTS
    assert_is_what_it_is_in_the_clear(name, outcome, given, rule)


@each_protocol
def test_one_mean_of_all_groups_is_the_mean_of_the_cohort(name):
    given = inputs(name)
    outcome = grouped(name, "mean").sum(slots_of(name), tensors(given), RoundPlan(1, CLIENTS))
    settings = ProtocolSettings(dropout_rate=0.0, value_bits=20)
    whole = (
        BINDINGS[name].build(settings).sum(slots_of(name), tensors(given), RoundPlan(1, CLIENTS))
    )
    for ours, other in zip(outcome.sums, whole.sums, strict=True):
        np.testing.assert_array_equal(ours, other)


def test_clients_are_dealt_anew_every_round_and_costs_add_up():
    given, protocol = inputs("double_masking"), grouped("double_masking")
    slots = slots_of("double_masking")
    outcomes = [protocol.sum(slots, tensors(given), RoundPlan(r, CLIENTS)) for r in range(1, 9)]
    assert len({outcome.groups for outcome in outcomes}) > 4
    stages = {row.stage for row in outcomes[0].costs.messages}
    assert {stage.value for stage in DealingStage} < stages
    with pytest.raises(SessionAbortedError):  # no round is dealt twice
        protocol.sum(slots, tensors(given), RoundPlan(1, CLIENTS))


@pytest.mark.parametrize("stage", ["advertise keys", "masked input"])
def test_a_group_below_its_threshold_is_left_out_and_told(stage):
    given, slots = inputs("double_masking"), slots_of("double_masking")
    protocol = grouped("double_masking")
    outcome = protocol.sum(slots, tensors(given), RoundPlan(1, CLIENTS, {4: stage}))
    (mine,) = (group for group in outcome.groups if 4 in group.members)
    if len(mine.members) == 3:  # any three must stay
        assert mine == GroupOutcome(mine.members, (), "below threshold")
        assert str(mine) == f"{' '.join(map(str, mine.members))} (below threshold)"
    else:
        assert mine.survivors == tuple(c for c in mine.members if c != 4)
    assert_is_what_it_is_in_the_clear("double_masking", outcome, given, "median")


@pytest.mark.parametrize("stage", [stage.value for stage in DealingStage])
def test_who_drops_out_of_the_dealing_is_in_no_sum(stage):
    given, slots = inputs("double_masking"), slots_of("double_masking")
    plan = RoundPlan(1, CLIENTS, {4: stage, 7: stage})
    outcome = grouped("double_masking").sum(slots, tensors(given), plan)
    assert not {4, 7} & set(outcome.survivors)
    assert_is_what_it_is_in_the_clear("double_masking", outcome, given, "median")


def test_a_group_with_too_long_a_mean_is_left_out():
    given, slots = inputs("double_masking"), slots_of("double_masking")
    longest = max(np.linalg.norm(update) for update, _, _ in given.values()) / 2**FRACTION_BITS
    given[5] = given[5][0] * 50, 1, contribution(given[5][0] * 50, 1)
    protocol = grouped("double_masking", norm=longest)
    outcome = protocol.sum(slots, tensors(given), RoundPlan(1, CLIENTS))
    (bad,) = (group for group in outcome.groups if group.left_out)
    assert 5 in bad.members
    assert bad.left_out.startswith("norm ")
    assert_is_what_it_is_in_the_clear("double_masking", outcome, given, "median")


def test_a_mean_at_the_norm_counts_and_one_beyond_its_rounding_does_not():
    rule, size = GroupRule("median", 0.2, FRACTION_BITS, 2.0), 10_000
    direction = np.random.default_rng(0).normal(size=size)
    mean = direction / np.linalg.norm(direction) * 2.0 * 2**FRACTION_BITS
    rounding = 0.5 * np.sqrt(size) * direction / np.linalg.norm(direction)
    assert rule.allows(mean)
    assert rule.allows(mean + rounding)
    assert not rule.allows(mean + 1.1 * rounding)
    assert GroupRule("median", 0.2, FRACTION_BITS, 0.0).allows(1e9 * mean)


def test_clients_without_finite_updates_make_no_mean():
    given, slots = inputs("double_masking"), slots_of("double_masking")
    given |= {c: (np.zeros(10, int), 0, contribution(np.zeros(10, int), 0)) for c in CLIENTS[:9]}
    outcome = grouped("double_masking").sum(slots, tensors(given), RoundPlan(1, CLIENTS))
    assert [group.left_out for group in outcome.groups if 9 not in group.members] == [
        "no finite update"
    ] * 2
    np.testing.assert_array_equal(read_updates(slots, outcome.sums).weight, 1)


def test_without_a_group_the_round_is_lost_and_says_why():
    given, slots = inputs("double_masking"), slots_of("double_masking")
    protocol = grouped("double_masking", norm=1e-3)
    with pytest.raises(NoGroupError, match=r"none of 3 groups can be used: .*\(norm") as caught:
        protocol.sum(slots, tensors(given), RoundPlan(1, CLIENTS))
    assert caught.value.may_be_opened
    assert len(caught.value.groups) == 3
    assert caught.value.costs.bytes_up > 0


def test_a_cheated_dealing_ends_the_round():
    given, slots = inputs("double_masking"), slots_of("double_masking")
    faults = [Fault(Alter(lambda data: data[:-1]), DealingStage.COMMIT.value)]
    with pytest.raises(SessionAbortedError) as caught:
        grouped("double_masking").sum(slots, tensors(given), RoundPlan(1, CLIENTS, faults=faults))
    assert not caught.value.may_be_opened


def test_sums_without_updates_are_over_the_whole_cohort():
    slots, given = (COUNT,), {client: [np.array(2, np.int32)] for client in CLIENTS}
    plan = RoundPlan(1, CLIENTS, {3: "masked input", 4: DealingStage.COMMIT.value})
    outcome = grouped("double_masking").sum(slots, given, plan)
    assert outcome.groups == ()
    assert int(outcome.sums[0]) == 2 * 9  # who would miss a dealing misses nothing here


def test_verified_sums_are_checked_group_by_group():
    given, slots = inputs("double_masking"), slots_of("double_masking")
    protocol = grouped("double_masking", verify=True)
    outcome = protocol.sum(slots, tensors(given), RoundPlan(1, CLIENTS))
    assert outcome.verified_by == CLIENTS
    assert_is_what_it_is_in_the_clear("double_masking", outcome, given, "median")


def test_updates_without_one_weight_are_refused():
    protocol = grouped("double_masking")
    weight = Slot("max_input", 2, (), INT64)
    for slots in (
        UPDATES,
        (*UPDATES, weight, weight),
        (*UPDATES, Slot("max_input", 2, (2,), INT64)),
    ):
        with pytest.raises(RunError, match="groups need sums of updates"):
            protocol.check(slots)


def test_groups_of_two_are_refused():
    with pytest.raises(ParameterError, match="group_size=2: at least 3"):
        grouped("double_masking", size=2)
