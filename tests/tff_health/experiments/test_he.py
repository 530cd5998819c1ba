"""Experiment `he` as a user runs it: whole, interrupted and gone on with, misused."""

import csv
import json
import signal
import sys
import time

import pytest

from tests.tff_health import warm
from tests.tff_health.runs import user_environment
from tff_health import flags
from tff_health.errors import ConfigError
from tff_health.experiments import he

SMALL = ("--vector_length=200", "--num_clients=3")


def command(out_dir, *flags):
    return [
        *(sys.executable, "run_experiments.py", "--experiment=he"),
        *(*SMALL, f"--out_dir={out_dir}", *flags),
    ]


def run(out_dir, *flags):
    return warm.run(command(out_dir, *flags), user_environment())


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    out_dir = tmp_path_factory.mktemp("he") / "run"
    result = run(out_dir)
    assert result.returncode == 0, result.stderr
    return out_dir, result


def contenders(out_dir):
    summary = json.loads((out_dir / "summary.json").read_text())
    return {row["key"]: row for row in summary["contenders"]}


def test_it_leaves_what_is_promised_and_nothing_else(whole):
    out_dir, _ = whole
    files = {str(path.relative_to(out_dir)) for path in out_dir.rglob("*") if path.is_file()}
    assert files == {
        *("config.json", "summary.json", "report.html"),
        *(f"tables/{name}.{kind}" for name in ("vectors", "numbers") for kind in ("csv", "md")),
        *(f"figures/{name}.{kind}" for name in ("vectors", "numbers") for kind in ("png", "svg")),
    }
    config = json.loads((out_dir / "config.json").read_text())
    assert config["config"] == {
        "experiment": "he",
        "dataset": "synthetic_lesions",
        "num_clients": 3,
        "fraction_bits": 16,
        "clip_range": 4.0,
        "model": "paper_cnn",
        "seed": 0,
        "preset": "quick",
        "vector_length": 200,
    }
    assert config["derived"] == {"vector_length": 200, "value_bits": 20}


def test_every_contender_is_measured_or_says_why_not(whole):
    found = contenders(whole[0])
    assert len(found) == 9
    for key, row in found.items():
        if row["problem"]:
            assert key in ("ckks", "bfv")
            assert "need the package tenseal" in row["problem"]
            assert row["problem"] in whole[1].stdout
            assert "was not measured" in (whole[0] / "report.html").read_text()
            continue
        assert row["seconds_client"] > 0
        assert row["seconds_server"] > 0
        assert row["bytes_up"] > 0
        # Half a step of fixed point, and nothing else.
        assert 0 < row["largest_error"] <= 2**-17
        assert row["security_bits"] >= 112
        assert row["measured"] == (1 if row["sums"] == "number" else min(200, row["measured"]))


def test_samples_are_marked_and_scaled(whole):
    found = contenders(whole[0])
    assert {key for key, row in found.items() if row["extrapolated"]} == {"phe_2048"}
    naive = found["phe_2048"]
    assert naive["measured"] == 66  # of 200 values for all clients together
    # A ciphertext of 512 bytes a value; the rest is the message around them, scaled as well.
    assert 200 * 512 < naive["bytes_up"] < 200 * 512 * 1.02
    # Three values of 20 bits: 22 bits a slot, 93 to a ciphertext.
    assert 3 * 512 < found["packed_2048"]["bytes_up"] < 3 * 512 + 400
    with (whole[0] / "tables" / "vectors.csv").open() as file:
        names = [row["protocol"] for row in csv.DictReader(file)]
    assert "phe, Paillier 2048 *" in names
    report = (whole[0] / "report.html").read_text()
    assert "extrapolated from the first values" in report
    assert "66 for phe, Paillier 2048" in report


def test_the_advice_follows_from_the_figures(whole):
    out_dir, result = whole
    advice = json.loads((out_dir / "summary.json").read_text())["advice"]
    rows = contenders(out_dir)
    ciphers = [rows[key] for key in ("phe_2048", "packed_2048", "packed_3072", "elgamal")]
    best = min(
        ciphers,
        key=lambda row: row["seconds_client"] + row["seconds_server"] + row["seconds_holder"],
    )
    assert advice[0].startswith("If clients may drop out, or no single party may decrypt: double")
    assert best["name"] in advice[1]
    for line in advice:
        assert line in result.stdout


@pytest.mark.drill
def test_an_interrupted_run_goes_on_with_what_is_missing(tmp_path):
    out_dir = tmp_path / "run"
    process = warm.start(command(out_dir), user_environment())
    measured = out_dir / "work" / "measured" / "phe_2048.json"
    deadline = time.monotonic() + 120
    while not measured.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the same command goes on" in errors
    assert not (out_dir / "summary.json").exists()
    kept = json.loads(measured.read_text())
    result = run(out_dir)
    assert result.returncode == 0, result.stderr
    again = contenders(out_dir)["phe_2048"]
    assert {name: again[name] for name in kept} == kept
    assert not (out_dir / "work").exists()
    assert "already finished" in run(out_dir).stdout
    other = run(out_dir, "--num_clients=4")
    assert other.returncode != 0
    assert "num_clients is 3, not 4" in other.stderr


def test_the_models_length_is_taken_unless_one_is_given():
    arguments = ["", "--experiment=he", "--dataset=digits", "--model=mnist_cnn"]
    invocation = flags.parse(arguments, {})
    assert invocation.config.sums.vector_length == 0
    assert he.model_length(invocation) == 206_922
    missing = flags.parse([*arguments[:3], "--model=math:sqrt"], {})
    with pytest.raises(ConfigError, match="--model=math:sqrt"):
        he.model_length(missing)
