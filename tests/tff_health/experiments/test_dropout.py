"""Experiment `dropout`: tiny, and what its medians and ratios are."""

import json
import sys

import pytest

from tests.tff_health import warm
from tests.tff_health.runs import user_environment
from tff_health import flags
from tff_health.errors import ConfigError
from tff_health.experiments import dropout
from tff_health.experiments.dropout_report import MeasuredRound, points
from tff_health.settings.checks import validate

SMALL = ("--experiment=dropout", "--dataset=digits", "--model=tanh_cnn")


def run(out_dir, *given):
    command = [sys.executable, "run_experiments.py", *SMALL, *given, f"--out_dir={out_dir}"]
    return warm.run(command, user_environment())


def config_of(*given):
    config = flags.parse(["run_experiments.py", *SMALL, *given], {}).config
    validate(config)
    return config


@pytest.mark.parametrize(("scheme", "rate", "gone"), [("zhang", 0.4, 2), ("bonawitz", 0.2, 1)])
def test_every_rate_is_measured_and_the_right_clients_survive(tmp_path, scheme, rate, gone):
    given = ("--client_counts=3,5", f"--dropout_rates=0,{rate}", "--turns=2", f"--scheme={scheme}")
    result = run(tmp_path / "run", *given, "--threshold=3")
    assert result.returncode != 0  # one of three clients dropped leaves two
    assert "must survive a round" in result.stderr
    result = run(tmp_path / "run", *given[1:], "--client_counts=5,6")
    assert result.returncode == 0, result.stderr
    runs = json.loads((tmp_path / "run" / "summary.json").read_text())["runs"]
    assert [(r["clients"], r["rate"], r["survivors"]) for r in runs] == [
        *((5, 0.0, 5), (5, rate, 5 - gone)),
        *((6, 0.0, 6), (6, rate, 6 - gone)),
    ]
    assert all(r["ratio"] == 1 for r in runs if r["rate"] == 0)
    assert all(r["bytes_up"] > 0 and r["seconds_server"] > 0 for r in runs)
    assert (tmp_path / "run" / "figures" / "figure_8_dropout.png").stat().st_size > 10_000
    assert not (tmp_path / "run" / "work").exists()
    assert "already finished" in run(tmp_path / "run", *given[1:], "--client_counts=5,6").stdout


def test_ratios_are_taken_within_a_turn():
    def measured(rate, turn, seconds):
        return MeasuredRound(10, rate, turn, 10, seconds, 0, 0, 0, 1, 1)

    rounds = [
        *(measured(0, 0, 1.0), measured(0.3, 0, 1.1)),
        *(measured(0, 1, 4.0), measured(0.3, 1, 4.8)),
        *(measured(0, 2, 2.0), measured(0.3, 2, 2.6)),
    ]
    none, some = points(rounds)
    assert none.seconds_round == 2.0
    assert some.seconds_round == 2.6
    assert (some.ratio, some.lowest, some.highest) == pytest.approx((1.2, 1.1, 1.3))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--scheme=fang", "--dropout_rates=0,0.3"], "unknown stage 'masked input'"),
        (["--dropout_rates=0,0.9"], "must survive a round"),
    ],
)
def test_what_cannot_be_survived_is_refused(given, message):
    with pytest.raises(ConfigError) as caught:
        dropout.plan(config_of(*given))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--client_counts=2"], "--client_counts=2: must be from 3"),
        (["--dropout_rates=0,1"], "--dropout_rates=0.0,1.0: must be from 0 to 0.99"),
        (["--dropout_rates=a"], "--dropout_rates=a: must be numbers"),
        (["--scheme=fedavg"], "has no protocol that clients could drop out of"),
        (["--turns=0"], "--turns=0: must be 1 or more"),
        (["--num_clients=5"], "--num_clients has no effect"),
    ],
)
def test_nonsense_is_refused(given, message):
    with pytest.raises(ConfigError) as caught:
        config_of(*given)
    assert message in str(caught.value)
