"""Clients that train in vain, as a user meets them: a line, a column, a report, an error."""

import json

import pytest

from tests.tff_health.runs import rows, run
from tff_health.errors import RunError
from tff_health.training.broken_updates import check_updates

MODEL = "--model=tests.tff_health.training.test_broken_clients:sometimes_nan"


def sometimes_nan(input_shape, num_classes):
    """Gives NaN for one of the digits alone, whose client then trains in vain."""
    import tensorflow as tf

    layers = tf.keras.layers
    return tf.keras.Sequential(
        [
            layers.InputLayer(input_shape),
            layers.Flatten(),
            # The brightest image of the data set is at one client.
            layers.Lambda(
                lambda x: x / tf.cast(tf.reduce_mean(x, 1, keepdims=True) < BRIGHTEST, x.dtype)
            ),
            layers.Dense(num_classes),
        ]
    )


BRIGHTEST = 0.42


@pytest.mark.parametrize("scheme", ["fedavg", "bonawitz", "local"])
def test_it_is_told(scheme, tmp_path):
    out_dir = tmp_path / "run"
    result = run(out_dir, f"--scheme={scheme}", MODEL, "--num_clients=4", "--rounds=2")
    assert result.returncode == 0, result.stderr
    assert result.stderr.count("warning: round 1: ") == result.stderr.count("warning: ") == 1
    broken = [int(row["non_finite_updates"]) for row in rows(out_dir)]
    assert min(broken) >= 1
    assert max(broken) < 4
    assert f"warning: round 1: {broken[0]} of 4 updates not finite" in result.stderr
    assert f"left out           {sum(broken)} updates that were not finite, in 2 of 2 rounds" in (
        result.stdout
    )
    (summary,) = json.loads((out_dir / "summary.json").read_text())["runs"]
    assert summary["non_finite_updates"] == sum(broken)
    assert summary["rounds_with_non_finite_updates"] == 2
    report = (out_dir / "report.html").read_text()
    assert "were not finite (NaN or infinity): they are in no mean" in report


@pytest.mark.parametrize("scheme", ["zhang", "local"])
def test_a_learning_rate_without_measure_ends_the_run(scheme, tmp_path):
    out_dir = tmp_path / "run"
    result = run(out_dir, f"--scheme={scheme}", "--learning_rate=1e30", "--model=mnist_cnn")
    assert result.returncode == 1
    last = result.stderr.splitlines()[-1]
    assert last.startswith("error: round 1: the updates of all 3 clients are not finite numbers")
    assert "the state after round 0 is kept: lower --learning_rate" in last
    assert "Traceback" not in result.stderr
    assert not (out_dir / "summary.json").exists()


def test_rows_that_do_not_count_say_nothing():
    assert check_updates(1, {"survivors": 3}) == ""
    assert check_updates(1, {"survivors": 3, "non_finite_updates": 0}) == ""
    assert (
        check_updates(1, {"survivors": 3, "non_finite_updates": 2}) == "2 of 3 updates not finite"
    )
    with pytest.raises(RunError, match=r"round 7: .* all 3 clients .* after round 6 is kept"):
        check_updates(7, {"survivors": 3, "non_finite_updates": 3})
