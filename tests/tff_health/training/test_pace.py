"""Who is late, who does how much, and how long rounds would take."""

import json
import math

import pytest

from tests.tff_health.runs import assert_same_outcome, rows, run, start, wait_for_rounds
from tff_health.errors import ConfigError
from tff_health.flags import parse
from tff_health.training.cohorts import Cohort
from tff_health.training.pace import Pace, Shares
from tff_health.virtual_time.clock import Clock, Computing
from tff_health.virtual_time.profiles import Profile
from tff_health.virtual_time.trace import read_trace, write_trace

STAGES = ("keys", "masked input", "unmasking")
SLOW = (7, 8, 9)


def pace_of(*given, share_on=1.0, scheme="bonawitz"):
    config = parse(["run", f"--scheme={scheme}", "--client_times=equal", *given], {}).config
    profiles = [
        Profile(10.0 if client in SLOW else 1.0, share_on=share_on, on_from=client / 10)
        for client in range(10)
    ]
    clock = Clock(
        profiles=profiles,
        step_seconds=0.1,
        stages=STAGES,
        upload_stage="masked input",
        computing=dict.fromkeys(STAGES, Computing()),
        model_bytes=0.0,
        upload_bytes=0.0,
        period=100.0,
    )
    return Pace(config, clock, Shares((20,) * 10, (1.0,) * 10), lambda clients: 4, {})


EVERYONE = Cohort(tuple(range(10)), {})
MESSAGES = dict.fromkeys(STAGES, (0.0, 0.0))


def test_all_are_waited_for_without_a_deadline():
    pace = pace_of()
    assert pace._plan(EVERYONE) == EVERYONE
    row = pace.end_round([MESSAGES])
    assert row == {
        **{"virtual_seconds": 20.0, "late": 0, "deadline": None},
        "local_steps": 20.0,
    }


def test_late_clients_drop_out_of_the_stage_of_uploads():
    pace = pace_of("--deadline=3")
    planned = pace._plan(EVERYONE)
    assert planned.dropouts == dict.fromkeys(SLOW, "masked input")
    assert planned.steps == planned.scales == {}
    assert pace.end_round([MESSAGES])["virtual_seconds"] == 3.0


def test_who_vanishes_before_its_upload_is_not_waited_for_and_who_does_later_is():
    dropouts = {7: "keys", 8: "masked input", 9: "unmasking"}
    pace = pace_of()
    assert pace._plan(Cohort(EVERYONE.clients, dropouts)).dropouts == dropouts
    assert pace.end_round([MESSAGES])["virtual_seconds"] == 20.0
    pace = pace_of("--deadline=3")
    late = pace._plan(Cohort(EVERYONE.clients, dropouts)).dropouts
    assert late == {**dropouts, 9: "masked input"}


def test_a_deadline_waits_for_the_fewest_that_the_protocol_needs():
    pace = pace_of("--deadline=1", "--num_clients=10")
    cohort = Cohort((0, 1, 7, 8, 9), {})
    assert pace._plan(cohort).dropouts == {}  # four are needed, and three are slow
    assert pace.end_round([MESSAGES])["virtual_seconds"] == 20.0


def test_the_first_of_an_over_selected_cohort_count():
    pace = pace_of("--over_selection=0.4", "--clients_per_round=7")
    assert set(pace._plan(EVERYONE).dropouts) == set(SLOW)
    assert pace.end_round([MESSAGES])["virtual_seconds"] == 2.0


def test_a_wanted_share_sets_the_first_deadline_and_is_kept_to():
    pace = pace_of("--deadline_share=0.7")
    for _ in range(3):
        assert set(pace._plan(EVERYONE).dropouts) == set(SLOW)
        assert pace.end_round([MESSAGES])["deadline"] == 2.0


def test_a_wanted_share_that_most_miss_moves_the_deadline():
    pace = pace_of("--deadline=2", "--deadline_share=1")
    deadlines = []
    for _ in range(30):
        pace._plan(EVERYONE)
        deadlines.append(pace.end_round([MESSAGES])["deadline"])
    assert deadlines[0] == 2.0
    assert deadlines[1] == pytest.approx(2.0 * math.exp(0.5 * 0.3), abs=1e-6)
    assert deadlines[-1] > 20.0


def test_partial_work_fits_the_deadline_and_is_scaled_to_the_same_length():
    pace = pace_of("--deadline=3.5", "--partial_work=fednova")
    planned = pace._plan(EVERYONE)
    assert planned.dropouts == {}
    assert planned.steps == {c: 3 if c in SLOW else 20 for c in range(10)}
    assert planned.scales == pytest.approx({c: 4 * 3 / planned.steps[c] for c in range(10)})
    assert pace.end_round([MESSAGES])["local_steps"] == (7 * 20 + 3 * 3) / 10


def test_aborted_attempts_take_time_too():
    pace = pace_of("--deadline=3")
    pace._plan(EVERYONE)
    pace._plan(EVERYONE)
    begun = {stage: MESSAGES[stage] for stage in STAGES[:2]}
    assert pace.end_round([begun, MESSAGES])["virtual_seconds"] == 6.0


def test_a_kept_state_goes_on_where_it_was():
    first, second = (pace_of("--deadline=2", "--deadline_share=1") for _ in range(2))
    first._plan(EVERYONE)
    first.end_round([MESSAGES])
    second.restore(first.text)
    for pace in (first, second):
        pace._plan(EVERYONE)
    assert first.end_round([MESSAGES]) == second.end_round([MESSAGES])


def test_clients_that_are_off_are_not_asked_and_waited_for_if_too_few_are_on():
    pace = pace_of("--clients_per_round=5", share_on=0.55, scheme="fedavg")
    cohort = pace.draw(1, 1, ())  # client c is on from 10 c seconds for 55 seconds
    assert set(cohort.clients) <= {0, 5, 6, 7, 8, 9}
    assert len(cohort.clients) == 5
    pace = pace_of("--clients_per_round=2", share_on=0.15, scheme="fedavg")
    pace.restore(json.dumps([96.0, math.inf]))  # none but client 9 is on until 100
    assert pace.draw(1, 1, ()).clients == (0, 9)
    assert json.loads(pace.text)[0] == pytest.approx(100.0)
    assert pace.draw(1, 2, (9,)).clients == (0, 1)
    assert json.loads(pace.text)[0] == pytest.approx(110.0)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--deadline=1",), "--deadline=1.0 has no effect with --client_times=none"),
        (("--client_times=drawm",), "did you mean drawn"),
        (("--client_times=equal", "--speed_spread=1"), "--speed_spread=1.0 has no effect"),
        (("--client_times=equal", "--slow_factor=3"), "no effect with --slow_clients=0.0"),
        (("--client_times=equal", "--over_selection=0.5"), "draws 5 of --num_clients=3"),
        (
            ("--client_times=equal", "--scheme=fang", "--deadline=1"),
            "needs the updates of all clients .*Paillier.*, so that none may be late",
        ),
        (
            ("--client_times=equal", "--scheme=bonawitz", "--stage_seconds=1,2"),
            "2 numbers, and --scheme=bonawitz has 5 stages",
        ),
        (("--client_times=equal", "--stage_seconds=1,2"), "no effect with --scheme=fedavg"),
        (("--client_times=equal", "--partial_work=fednova"), "no effect without --deadline"),
        (
            ("--client_times=equal", "--deadline=1", "--scheme=zhang", "--partial_work=fednova"),
            "weighs an update by its distance",
        ),
        (
            (
                *("--client_times=equal", "--deadline=1", "--partial_work=fednova"),
                *("--dp_noise=local", "--epsilon=3", "--step_seconds=1"),
            ),
            "scaled updates would need more",
        ),
        (("--client_times=equal", "--dp_noise=local", "--epsilon=3"), "give --step_seconds"),
    ],
)
def test_settings_that_do_not_go_together_are_refused_before_anything_starts(given, said):
    with pytest.raises(ConfigError, match=said):
        parse(["run", "--dataset=digits", *given], {})


def test_a_bad_trace_is_refused_before_anything_starts(tmp_path):
    path = tmp_path / "trace.csv"
    path.write_text("client,slowness,megabits_up,megabits_down\n0,1,1,1\n1,slow,1,1\n")
    with pytest.raises(ConfigError, match="line 3: slowness 'slow' must be a number"):
        parse(["run", f"--client_times={path}", "--num_clients=2"], {})


LATE = (
    *("--scheme=bonawitz", "--num_clients=6", "--threshold=4", "--slow_clients=0.3"),
    *("--deadline_share=0.6", "--partial_work=none"),
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    out_dir = tmp_path_factory.mktemp("whole") / "run"
    result = run(out_dir, *LATE, "--client_times=drawn")
    assert result.returncode == 0, result.stderr
    return out_dir


def given_of(out_dir):
    measured = json.loads((out_dir / "config.json").read_text())["clock"]
    seconds = ",".join(map(repr, measured["stage_seconds"]))
    return f"--step_seconds={measured['step_seconds']!r}", f"--stage_seconds={seconds}"


def test_virtual_time_stands_beside_the_rounds_and_in_the_report(whole):
    times = [float(row["virtual_seconds"]) for row in rows(whole)]
    assert times == sorted(times)
    assert times[0] > 0
    for row in rows(whole):
        assert int(row["survivors"]) == 6 - int(row["late"]) >= 4
    assert any(int(row["late"]) for row in rows(whole))
    summary = json.loads((whole / "summary.json").read_text())["runs"][0]
    assert summary["virtual_seconds"] == times[-1]
    assert "Virtual time" in (whole / "report.html").read_text()
    assert (whole / "figures" / "curves_over_virtual_time.svg").exists()


def test_what_was_measured_and_drawn_repeats_the_run_elsewhere(whole, tmp_path):
    clients = whole / "clients.csv"
    assert write_trace(read_trace(clients, 6)) == clients.read_text()
    settings = [flag for flag in LATE if not flag.startswith("--slow")]
    result = run(tmp_path / "run", *settings, *given_of(whole), f"--client_times={clients}")
    assert result.returncode == 0, result.stderr
    assert_same_outcome(tmp_path / "run", whole)


def test_a_killed_run_goes_on_in_virtual_time_as_well(whole, tmp_path):
    out_dir = tmp_path / "run"
    flags = (*LATE, "--client_times=drawn", *given_of(whole))
    process = start(out_dir, *flags)
    wait_for_rounds(process, out_dir, 2)
    process.kill()
    process.communicate()
    result = run(out_dir, *flags)
    assert result.returncode == 0, result.stderr
    assert_same_outcome(out_dir, whole)
