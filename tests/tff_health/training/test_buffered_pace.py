"""Asynchronous training with secure buffers, as a user runs it."""

import csv
import json
import time

import numpy as np
import pytest

from tests.tff_health.runs import assert_same_outcome, rows, run, start, wait_for_rounds, weights
from tff_health.errors import ConfigError
from tff_health.flags import parse
from tff_health.training.buffered_pace import BufferedPace
from tff_health.training.pace import Shares
from tff_health.virtual_time.clock import Clock, Computing
from tff_health.virtual_time.profiles import Profile

STAGES = ("keys", "masked input")
SLOW = (5,)
GIVEN = (
    *("--scheme=bonawitz", "--num_clients=6", "--client_times=equal", "--step_seconds=0.05"),
    f"--stage_seconds={','.join(['0.01'] * 10)}",
)
BUFFERED = (*GIVEN, "--buffer_size=3", "--slow_clients=0.3")


def pace_of(*given):
    flags = ("--scheme=bonawitz", "--client_times=equal", "--num_clients=6", "--buffer_size=3")
    config = parse(["run", *flags, *given], {}).config
    clock = Clock(
        profiles=[Profile(10.0 if client in SLOW else 1.0 + client / 10) for client in range(6)],
        step_seconds=0.1,
        stages=STAGES,
        upload_stage="masked input",
        computing={"keys": Computing(0.05), "masked input": Computing(0.1, 0.2)},
        model_bytes=0.0,
        upload_bytes=0.0,
    )
    return BufferedPace(config, clock, Shares((10,) * 6, (1.0,) * 6), {})


MESSAGES = dict.fromkeys(STAGES, (0.0, 0.0))


def buffers_of(pace, count):
    found = []
    for number in range(1, count + 1):
        cohort = pace.draw(number, 1, ())
        found.append((cohort, pace.end_round([MESSAGES])))
    return found


def test_a_buffer_has_the_first_that_are_done_with_ages_and_weights():
    found = buffers_of(pace_of(), 12)
    for cohort, row in found:
        assert len(cohort.clients) == 3
        assert cohort.clients == tuple(sorted(cohort.clients))
        for client, age in cohort.ages.items():
            assert cohort.scales[client] == pytest.approx((1 + age) ** -0.5)
        assert row["oldest_model"] == max(cohort.ages.values())
    assert found[0][0].clients == (0, 1, 2)
    slow = [number for number, (cohort, _) in enumerate(found) if 5 in cohort.clients]
    assert slow
    assert slow[0] >= 5
    assert found[slow[0]][0].ages[5] == slow[0]


def test_the_time_of_a_buffer_is_that_of_its_last_client_and_of_the_sum():
    _, row = buffers_of(pace_of(), 1)[0]
    # Client 2 computes 1.2 times as long: ten steps, both stages; and the server 0.2 seconds.
    assert row["virtual_seconds"] == pytest.approx(1.2 + 0.06 + 0.12 + 0.2)


def test_a_sum_that_is_tried_again_is_over_the_same_clients_but_for_culprits():
    pace = pace_of("--buffer_size=4", "--dropout_rate=0.25", "--threshold=3")
    first = pace.draw(1, 1, ())
    again = pace.draw(1, 2, (first.clients[0],))
    assert again.clients == first.clients[1:]
    assert again.ages == dict.fromkeys(first.clients[1:], 0)
    assert pace.end_round([MESSAGES, MESSAGES])["virtual_seconds"] > 1.2 + 2 * 0.2


def test_clients_in_excess_of_those_who_train_at_once_are_drawn_for_free_places():
    pace = pace_of("--clients_per_round=4")
    seen = set()
    for cohort, _ in buffers_of(pace, 30):
        seen |= set(cohort.clients)
        assert len(pace.versions()) <= 4
    assert seen == set(range(6))


def test_a_kept_state_goes_on_with_the_same_buffers():
    first, second = pace_of(), pace_of()
    buffers_of(first, 4)
    second.restore(first.text)
    for number in range(5, 15):
        assert first.draw(number, 1, ()) == second.draw(number, 1, ())
        assert first.end_round([MESSAGES]) == second.end_round([MESSAGES])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--scheme=fedavg",), "--scheme=fedavg has no secure sum, so that a buffer would hide"),
        (("--scheme=fang",), "needs the updates of all clients in a sum .*Paillier"),
        (("--scheme=fedopt",), "needs the updates of all clients in a sum"),
        (("--scheme=zhang",), "weighs an update by its distance .* use --staleness=none"),
        (("--deadline=3",), "--deadline=3.0 has no effect with --buffer_size=5"),
        (
            ("--deadline=3", "--partial_work=fednova"),
            "--partial_work=fednova has no effect with --buffer_size=5",
        ),
        (("--over_selection=0.2", "--clients_per_round=5"), "--over_selection=0.2 has no effect"),
        (("--clients_per_round=4",), "must be at most --clients_per_round=4, who train at once"),
        (
            ("--dp_noise=distributed", "--epsilon=3", "--step_seconds=1", "--local_steps=1"),
            "scaled by their age bring less of it; use --dp_noise=local",
        ),
        (
            ("--dp_noise=client", "--epsilon=3", "--step_seconds=1"),
            "who is done first is not drawn; use --dp_noise=local",
        ),
    ],
)
def test_what_does_not_go_with_buffers_is_refused_with_the_reason(given, said):
    flags = ("--dataset=digits", "--client_times=equal", "--num_clients=10", "--buffer_size=5")
    scheme = () if any(flag.startswith("--scheme") for flag in given) else ("--scheme=bonawitz",)
    private = ("--validation_fraction=0",) if any("dp_noise" in flag for flag in given) else ()
    with pytest.raises(ConfigError, match=said):
        parse(["run", *flags, *scheme, *private, *given], {})


@pytest.mark.parametrize("scheme", ["zhang", "zhang_hardened"])
def test_weights_by_quality_go_with_buffers_whose_ages_do_not_count(scheme):
    flags = ("--client_times=equal", "--buffer_size=5", "--staleness=none")
    parse(["run", f"--scheme={scheme}", *flags], {})


def test_staleness_has_no_effect_without_buffers():
    with pytest.raises(ConfigError, match="--staleness=none has no effect with --buffer_size=0"):
        parse(["run", "--client_times=equal", "--staleness=none"], {})


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    out_dir = tmp_path_factory.mktemp("buffered") / "run"
    result = run(out_dir, *BUFFERED)
    assert result.returncode == 0, result.stderr
    return out_dir


def test_a_run_sums_whoever_is_done(whole):
    assert [row["survivors"] for row in rows(whole)] == ["3"] * 6
    assert max(int(row["oldest_model"]) for row in rows(whole)) >= 1
    assert "buffer" in (whole / "report.html").read_text()


def test_a_run_that_is_killed_within_a_buffer_goes_on_with_the_models_that_clients_had(
    whole, tmp_path
):
    out_dir = tmp_path / "run"
    process = start(out_dir, *BUFFERED)
    wait_for_rounds(process, out_dir, 3)
    time.sleep(0.05)  # the next buffer is being trained on
    process.kill()
    process.communicate()
    kept = sorted(path.name for path in (out_dir / "work" / "checkpoints").glob("round-*"))
    assert len(kept) > 1  # models on which slow clients still train
    result = run(out_dir, *BUFFERED)
    assert result.returncode == 0, result.stderr
    assert_same_outcome(out_dir, whole)


def test_buffers_of_all_clients_with_equal_speeds_are_the_rounds_bit_for_bit(tmp_path):
    for name, flags in {"rounds": (), "buffers": ("--buffer_size=6",)}.items():
        result = run(tmp_path / name, *GIVEN, *flags)
        assert result.returncode == 0, result.stderr
    ours, others = weights(tmp_path / "buffers"), weights(tmp_path / "rounds")
    for name, array in ours.items():
        np.testing.assert_array_equal(array, others[name])
    for mine, other in zip(rows(tmp_path / "buffers"), rows(tmp_path / "rounds"), strict=True):
        for column in ("test_accuracy", "train_loss", "validation_loss", "survivors"):
            assert mine[column] == other[column]


def test_each_client_pays_for_the_buffers_that_it_was_in(tmp_path):
    private = (
        *("--dp_noise=local", "--noise_multiplier=1", "--lot_size=60", "--local_steps=3"),
        *("--accountant=rdp", "--validation_fraction=0"),
        "--model=tests.tff_health.learning.test_client_training:linear",
    )
    result = run(tmp_path / "run", *BUFFERED, *private)
    assert result.returncode == 0, result.stderr
    with (tmp_path / "run" / "privacy.csv").open(newline="") as file:
        ledger = list(csv.DictReader(file))
    last = {int(row["client"]): int(row["steps"]) for row in ledger if row["round"] == "6"}
    assert sum(last.values()) == 6 * 3 * 3  # six buffers of three clients, three steps each
    assert last[5] < last[0]  # a slow client is in fewer
    epsilons = json.loads((tmp_path / "run" / "summary.json").read_text())["runs"][0]
    assert epsilons["epsilon_of_clients"][5] < epsilons["epsilon"]
