import dataclasses
import math

import pytest

from tff_health.errors import RunError
from tff_health.virtual_time.clock import Clock, Computing, Crossing
from tff_health.virtual_time.deadline import Deadline
from tff_health.virtual_time.profiles import Profile

STAGES = ("keys", "upload", "unmasking")
CLIENTS = (Profile(1.0, 8.0, 8.0), Profile(10.0, 8.0, 8.0), Profile(1.0, 0.8, 8.0))


@pytest.fixture
def clock():
    return Clock(
        profiles=CLIENTS,
        step_seconds=0.1,
        stages=STAGES,
        upload_stage="upload",
        computing={
            "keys": Computing(0.01, 0.5),
            "upload": Computing(0.2, 0.25),
            "unmasking": Computing(0.0, 1.0),
        },
        model_bytes=1e6,
        upload_bytes=2e6,
    )


def test_an_update_arrives_after_the_model_the_steps_and_its_own_way(clock):
    arrivals = [clock.training_seconds(client, 20) for client in range(3)]
    assert arrivals == pytest.approx([1 + 2.2 + 2, 1 + 22 + 2, 1 + 2.2 + 20])


def test_the_steps_that_fit_are_the_most_whose_update_is_in_time(clock):
    for client in range(3):
        for seconds in (3.0, 5.2, 6.0, 15.0, 23.2, 25.0, 100.0):
            steps = clock.steps_within(client, seconds, 20)
            assert 1 <= steps <= 20
            assert steps == 1 or clock.training_seconds(client, steps) <= seconds
            assert steps == 20 or clock.training_seconds(client, steps + 1) > seconds


def test_a_round_lasts_as_long_as_the_slowest_of_each_stage(clock):
    crossings = {"keys": Crossing(1e4, 1e4), "upload": Crossing(2e6, 1e6), "unmasking": Crossing()}
    keys = max(0.01 + 0.01 + 0.01, 0.1 + 0.01 + 0.01, 0.01 + 0.1 + 0.01) + 0.5
    whole = clock.round_seconds((0, 1, 2), {}, 25.0, crossings)
    assert whole == pytest.approx(keys + 25.0 + 0.25 + 1.0)
    # Without the others, from the first stage on; and without the last stage.
    alone = clock.round_seconds((0, 1, 2), {1: "keys", 2: "keys"}, 5.2, crossings)
    assert alone == pytest.approx(0.03 + 0.5 + 5.2 + 0.25 + 1.0)
    begun = {stage: crossings[stage] for stage in STAGES[:2]}
    assert clock.round_seconds((0, 1, 2), {}, 25.0, begun) == pytest.approx(keys + 25.25)


def test_without_a_deadline_all_are_waited_for():
    assert Deadline().closing([3.0, 1.0, 2.0], enough=3, fewest=2) == 3.0
    assert Deadline().closing([], enough=3, fewest=2) == 0.0


def test_enough_updates_end_the_stage_and_so_does_the_deadline():
    arrivals = [1.0, 2.0, 3.0, 10.0]
    assert Deadline().closing(arrivals, enough=3, fewest=2) == 3.0
    assert Deadline(2.5).closing(arrivals, enough=4, fewest=2) == 2.5
    assert Deadline(2.5).closing(arrivals, enough=2, fewest=2) == 2.0
    assert Deadline(50.0).closing(arrivals, enough=4, fewest=2) == 10.0


def test_the_server_waits_past_a_deadline_for_those_without_whom_there_is_no_sum():
    assert Deadline(1.5).closing([1.0, 2.0, 3.0, 10.0], enough=4, fewest=3) == 3.0


def test_a_deadline_begins_where_the_wanted_share_of_the_first_cohort_arrived():
    assert Deadline(wanted=0.5).begun([4.0, 1.0, 3.0, 2.0]).seconds == 2.0
    assert Deadline(7.0, 0.5).begun([4.0, 1.0]).seconds == 7.0
    assert Deadline().begun([4.0]).seconds == math.inf


@pytest.mark.parametrize("start", [0.5, 40.0])
def test_a_deadline_comes_to_the_wanted_share_from_either_side(start):
    arrivals = [1.0 + 0.1 * place for place in range(100)]
    deadline = Deadline(start, 0.7)
    for _ in range(200):
        deadline = deadline.after(arrivals)
    share = sum(arrival <= deadline.seconds for arrival in arrivals) / 100
    assert share == pytest.approx(0.7, abs=0.03)
    assert Deadline(start).after(arrivals).seconds == start


def test_a_round_begins_when_enough_clients_are_on(clock):
    hours = [Profile(share_on=0.3, on_from=start) for start in (0.0, 0.2, 0.6)]
    clock = dataclasses.replace(clock, profiles=hours, period=100.0)
    assert clock.when_on([0, 1, 2], 1, 0.0) == 0.0
    both = clock.when_on([0, 1, 2], 2, 0.0)
    assert both == pytest.approx(20.0)
    assert [clock.is_on(client, both) for client in range(3)] == [True, True, False]
    with pytest.raises(RunError, match="3 are never on at the same time: lower --clients_per_"):
        clock.when_on([0, 1, 2], 3, 0.0)
