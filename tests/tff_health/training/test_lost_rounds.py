"""Rounds that are aborted when their sum may have been opened: lost, told, and paid for."""

import itertools
import json

import pytest

from tests.tff_health.runs import assert_same_outcome, rows, run, start, wait_for_rounds

LOSING = (
    *("--scheme=bonawitz", "--num_clients=3", "--dropout_draw=independent", "--seed=4"),
    *("--dropout_rate=0.2", "--dropout_stages=unmasking", "--eval_every=1"),
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    out_dir = tmp_path_factory.mktemp("lost") / "run"
    result = run(out_dir, *LOSING)
    assert result.returncode == 0, result.stderr
    return out_dir, result


def test_a_lost_round_leaves_the_model_and_is_told(whole):
    out_dir, result = whole
    table = rows(out_dir)
    lost = [row for row in table if row["lost"] == "1"]
    assert 0 < len(lost) < len(table) == 6
    for before, row in itertools.pairwise(table):
        if row["lost"] == "1":
            assert row["survivors"] == row["aborted_attempts"] == "0"
            assert row["test_loss"] == before["test_loss"]
            assert row["train_loss"] == ""
            assert int(row["bytes_up"]) > 0
    summary = json.loads((out_dir / "summary.json").read_text())["runs"][0]
    assert summary["lost_rounds"] == len(lost)
    assert summary["survivors"] == [int(row["survivors"]) for row in table]
    assert f"{len(lost)} of 6 rounds were lost" in (out_dir / "report.html").read_text()
    assert f"lost rounds        {len(lost)} of 6" in result.stdout
    assert result.stderr.count("was lost: ") == len(lost)


@pytest.mark.drill
def test_a_killed_run_loses_the_same_rounds(whole, tmp_path):
    out_dir = tmp_path / "run"
    process = start(out_dir, *LOSING)
    wait_for_rounds(process, out_dir, 3)
    process.kill()
    process.communicate()
    result = run(out_dir, *LOSING)
    assert result.returncode == 0, result.stderr
    assert_same_outcome(out_dir, whole[0])
    assert [row["lost"] for row in rows(out_dir)] == [row["lost"] for row in rows(whole[0])]
