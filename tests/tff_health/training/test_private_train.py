"""Private training as a user runs it: ledger, budget, resuming, refusals, and the experiments."""

import csv
import json
import math
import stat

import numpy as np
import pytest

from tests.tff_health.runs import (
    assert_no_worker_stays,
    assert_same_outcome,
    rows,
    run,
    start,
    wait_for_rounds,
    weights,
    workers,
)
from tff_health import flags
from tff_health.errors import ConfigError, RunError
from tff_health.experiments.privacy.tuning import draw, plan
from tff_health.privacy.accounting import Accountant
from tff_health.privacy.mechanism import NoisySteps
from tff_health.settings.chosen import load_chosen, settings_for
from tff_health.training.noise_key import noise_key

LINEAR = "--model=tests.tff_health.learning.test_client_training:linear"
PRIVATE = (
    *("--scheme=bonawitz", "--num_clients=4", "--dp_noise=local", "--epsilon=4", LINEAR),
    *("--lot_size=60", "--local_steps=3", "--accountant=rdp"),
)


def ledger(out_dir):
    with (out_dir / "privacy.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def only_run(out_dir):
    return json.loads((out_dir / "summary.json").read_text())["runs"][0]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    out_dir = tmp_path_factory.mktemp("private") / "run"
    result = run(out_dir, *PRIVATE, "--noise_seed=5")
    assert result.returncode == 0, result.stderr
    return out_dir, result


def test_every_client_has_a_ledger_over_all_rounds(whole):
    out_dir, result = whole
    rows, summary = ledger(out_dir), only_run(out_dir)
    config = json.loads((out_dir / "config.json").read_text())
    sizes = [client["training_examples"] for client in config["data"]["clients"]]
    assert len(set(sizes)) > 1  # unequal clients, so unequal rates
    assert len(rows) == 4 * 6
    accountant = Accountant("rdp", 1e-5)
    for row in rows:
        size = sizes[int(row["client"])]
        assert float(row["sampling_rate"]) == min(1.0, 60 / size)
        assert int(row["steps"]) == 3 * int(row["round"])
        steps = float(row["sampling_rate"]), int(row["steps"])
        expected = accountant.epsilon(NoisySteps(summary["noise_multiplier"], *steps))
        assert float(row["epsilon"]) == pytest.approx(expected, rel=1e-12)
    assert 3.96 < summary["epsilon"] <= 4
    assert summary["epsilon"] == max(summary["epsilon_of_clients"])
    assert summary["epsilon_of_clients"][int(np.argmax(sizes))] < summary["epsilon"]
    for name in ("delta", "accountant", "sampling", "unit", "adjacency"):
        assert str(summary[name]) in (out_dir / "report.html").read_text()
    assert "epsilon" in result.stdout


def test_nothing_that_no_noise_protects_is_told(whole):
    out_dir, result = whole
    assert "clients tell the server in the clear: nothing" in result.stderr
    with (out_dir / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for name in ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy"):
        assert {row[name] for row in rows} == {""}
    assert all(row["epsilon"] for row in rows)


@pytest.mark.drill
def test_a_killed_run_goes_on_with_the_same_noise(tmp_path, whole):
    out_dir, before = tmp_path / "run", workers()
    process = start(out_dir, *PRIVATE, "--noise_seed=5")
    wait_for_rounds(process, out_dir, 2)
    process.kill()
    process.communicate()
    (out_dir / "privacy.csv").unlink()  # what was spent is known from the state
    result = run(out_dir, *PRIVATE, "--noise_seed=5")
    assert result.returncode == 0, result.stderr
    assert_same_outcome(out_dir, whole[0])
    assert ledger(out_dir) == ledger(whole[0])
    assert_no_worker_stays(before)


def test_noise_comes_from_the_operating_system_unless_a_seed_is_given(tmp_path, whole):
    out_dir = tmp_path / "run"
    assert run(out_dir, *PRIVATE).returncode == 0
    differs = [
        not np.array_equal(array, weights(whole[0])[name])
        for name, array in weights(out_dir).items()
    ]
    assert all(differs)
    assert not list(out_dir.rglob("noise.key"))  # deleted with the scratch files


def test_the_key_of_the_noise_is_kept_for_its_user_alone(tmp_path):
    path = tmp_path / "noise.key"
    first = noise_key(path, -1)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert noise_key(path, -1) == first
    assert noise_key(tmp_path / "other.key", -1) != first
    assert noise_key(path, 3) == noise_key(tmp_path / "unused.key", 3) != first


@pytest.mark.parametrize("how", ["missing", "cut", "empty", "garbled", "folder"])
def test_a_run_does_not_go_on_with_other_noise(tmp_path, how):
    path = tmp_path / "noise.key"
    noise_key(path, -1)
    whole = path.read_bytes()
    path.unlink()
    if how == "folder":
        path.mkdir()
    elif how != "missing":
        spoilt = {"cut": whole[:9], "empty": b"", "garbled": bytes(16) + whole[16:]}
        path.write_bytes(spoilt[how])
    with pytest.raises(RunError, match=r"noise\.key.* cannot be used \(.*start anew"):
        noise_key(path, -1, is_begun=True)


def test_training_ends_before_the_budget_is_exceeded(tmp_path):
    out_dir = tmp_path / "run"
    result = run(out_dir, *PRIVATE, "--noise_multiplier=1.2", "--eval_every=10")
    assert result.returncode == 0, result.stderr
    summary = only_run(out_dir)
    assert 1 <= summary["rounds"] < 6
    last = rows(out_dir)[-1]
    assert int(last["round"]) == summary["rounds"]
    assert float(last["test_accuracy"]) == summary["final_accuracy"]
    assert summary["epsilon"] <= 4
    steps = 3 * (summary["rounds"] + 1)
    rate = max(float(row["sampling_rate"]) for row in ledger(out_dir))
    assert Accountant("rdp", 1e-5).epsilon(NoisySteps(1.2, rate, steps)) > 4
    assert "the budget was spent" in (out_dir / "report.html").read_text()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("--dp_noise=local",), "give --epsilon, --noise_multiplier, or both"),
        (("--epsilon=1",), "has no effect with --dp_noise=none"),
        (("--dp_noise=local", "--epsilon=-1"), "must be 0 or more, and finite"),
        (("--dp_noise=local", "--epsilon=1", "--delta=1"), "must be above 0 and below 1"),
        (("--dp_noise=local", "--epsilon=1", "--clipping_norm=0"), "must be above 0 and finite"),
        (("--dp_noise=local", "--epsilon=1", "--lot_size=0"), "must be 1 or more"),
        (("--dp_noise=none", "--lot_size=5"), "has no effect with --dp_noise=none"),
        (("--dp_noise=local", "--epsilon=1", "--augment_copies=2"), "--train_flips"),
        (("--dp_noise=local", "--epsilon=1", "--class_balance=0.5"), "without looking at labels"),
        (("--dp_noise=local", "--epsilon=1", "--dp_unit=group"), "needs a data set that tells"),
        (("--dp_noise=local", "--epsilon=1", "--scheme=local"), "shares nothing"),
        (("--dp_noise=distributed", "--epsilon=1"), "--local_steps=20"),
        (
            ("--dp_noise=distributed", "--epsilon=1", "--local_steps=1", "--clip_range=4"),
            "use --fraction_bits=24 --clip_range=1",
        ),
        (("--dp_noise=distributed", "--epsilon=1", "--scheme=zhang"), "bonawitz, fang"),
        (("--dp_noise=client", "--epsilon=1", "--dropout_rate=0.3"), "needs all of a cohort"),
        (
            ("--dp_noise=client", "--epsilon=1", "--lot_size=5"),
            "no effect with --dp_noise=client",
        ),
        (("--dp_noise=guess",), "allowed are none, local, distributed, client"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_starts(given, told):
    arguments = ["run_experiments.py", "--dataset=digits", "--scheme=bonawitz", *given]
    with pytest.raises(ConfigError, match=told.replace("(", r"\(")):
        flags.parse(arguments, {})


def test_layers_that_mix_examples_are_refused_by_name(tmp_path):
    model = "--model=tests.tff_health.training.test_private_train:with_batch_norm"
    result = run(tmp_path / "run", *PRIVATE, model)
    assert result.returncode == 2, result.stderr
    assert "mixing" in result.stderr
    assert "GroupNormalization" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "run").exists()


def with_batch_norm(input_shape, num_classes):
    import tensorflow as tf

    layers = tf.keras.layers
    return tf.keras.Sequential(
        [
            layers.InputLayer(input_shape),
            layers.BatchNormalization(name="mixing"),
            layers.Flatten(),
            layers.Dense(num_classes),
        ]
    )


def test_deltas_that_let_records_be_told_are_refused(tmp_path):
    result = run(tmp_path / "run", *PRIVATE, "--delta=0.1")
    assert result.returncode == 2
    assert "must be below 1 /" in result.stderr


@pytest.mark.parametrize(
    "given",
    [
        ("--dp_noise=distributed", "--local_steps=1"),
        ("--dp_noise=client",),
    ],
)
def test_the_other_noises_keep_to_the_budget_as_well(tmp_path, given):
    out_dir = tmp_path / "run"
    flags_ = ("--scheme=bonawitz", "--num_clients=4", "--epsilon=20", LINEAR, *given)
    result = run(out_dir, *flags_, "--partition=iid")
    assert result.returncode == 0, result.stderr
    summary = only_run(out_dir)
    assert 19 < summary["epsilon"] <= 20
    assert summary["unit"] == ("client" if "client" in given[0] else "record")
    assert math.isfinite(summary["final_accuracy"])
    with (out_dir / "metrics.csv").open(newline="") as file:
        assert {row["train_loss"] for row in csv.DictReader(file)} == {""}


def test_a_lesion_is_a_unit(tmp_path):
    out_dir = tmp_path / "run"
    result = run(
        out_dir,
        *("--dataset=synthetic_lesions", "--scheme=bonawitz", "--num_clients=3", "--rounds=1"),
        *("--partition=iid", "--model=wavelet_linear", "--dp_noise=local", "--dp_unit=group"),
        *("--epsilon=8", "--lot_size=100", "--local_steps=2"),
    )
    assert result.returncode == 0, result.stderr
    summary, config = only_run(out_dir), json.loads((out_dir / "config.json").read_text())
    assert summary["unit"] == "group"
    records = [client["training_examples"] for client in config["data"]["clients"]]
    rates = [float(row["sampling_rate"]) for row in ledger(out_dir)]
    assert all(rate > 100 / size for rate, size in zip(rates, records, strict=True))


def test_chosen_settings_are_those_of_the_nearest_epsilon():
    chosen = {"0.5": {"lot_size": 1}, "8": {"lot_size": 2}, "inf": {"batch_size": 3}}
    assert settings_for(chosen, "1") == {"lot_size": 1}
    assert settings_for(chosen, "5") == {"lot_size": 2}
    assert settings_for(chosen, "inf") == {"batch_size": 3}
    assert settings_for({}, "1") == {}
    assert load_chosen("none", "mnist") == {}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "use what privacy_tuning wrote"),
        ("{}", "no settings for --dataset=digits"),
        ('{"digits": {"-1": {}}}', "must be an epsilon"),
        ('{"digits": {"1": {"seed": 2}}}', "seed found; allowed are"),
    ],
)
def test_broken_files_of_chosen_settings_are_refused(tmp_path, text, told):
    path = tmp_path / "chosen.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=told):
        load_chosen(str(path), "digits")


def test_trials_of_small_epsilons_train_few_weights():
    given = ["run_experiments.py", "--experiment=privacy_tuning", "--dataset=digits", "--trials=30"]
    config = flags.parse(given, {}).config
    assert plan(config, 400) == plan(config, 400)
    drawn = {
        epsilon: [draw(config, epsilon, trial, 400) for trial in range(1, 31)]
        for epsilon in ("0.1", "1", "2", "inf")
    }
    few = {"wavelet_linear", "scattering_linear"}
    for epsilon in ("0.1", "1"):
        assert {settings["model"] for settings in drawn[epsilon]} == few
    assert {settings["model"] for settings in drawn["2"]} > few
    for settings in drawn["2"]:
        passes = settings["lot_size"] * settings["local_steps"] / 400
        assert passes == pytest.approx(round(passes), rel=0.01)
    assert {settings["local_epochs"] for settings in drawn["inf"]} == {1, 2, 4}
    assert "model" not in drawn["inf"][0]


def test_settings_are_chosen_on_validation_parts_and_used(tmp_path):
    small = ("--dataset=digits", "--rounds=2", "--epsilons=8,inf", "--num_clients=3")
    tuned, studied = tmp_path / "tuned", tmp_path / "studied"
    result = run(tuned, "--experiment=privacy_tuning", "--trials=2", LINEAR, *small)
    assert result.returncode == 0, result.stderr
    chosen = json.loads((tuned / "chosen.json").read_text())["digits"]
    trials = json.loads((tuned / "summary.json").read_text())["runs"]
    for epsilon in ("8", "inf"):
        own = [t for t in trials if t["epsilon"] == epsilon]
        best = max(own, key=lambda trial: trial["validation_accuracy"])
        assert chosen[epsilon] == {name: best[name] for name in chosen[epsilon]}
    part = json.loads((tuned / "runs" / "epsilon8-trial1" / "config.json").read_text())
    validation = sum(client["validation_examples"] for client in part["data"]["clients"])
    assert sum(part["data"]["test_class_counts"].values()) == validation

    given = (f"--chosen={tuned / 'chosen.json'}", "--seeds=0,1")
    result = run(studied, "--experiment=privacy", LINEAR, *small, *given)
    assert result.returncode == 0, result.stderr
    config = json.loads((studied / "runs" / "epsilon8-seed1" / "config.json").read_text())["config"]
    assert config["learning_rate"] == chosen["8"]["learning_rate"]
    assert config["model"].endswith(":linear")  # a flag overrides what was chosen
    summary = json.loads((studied / "summary.json").read_text())
    assert len(summary["runs"]) == 4
    assert {entry["name"] for entry in summary["attacks"]["membership"]} == {
        "epsilon 8",
        "epsilon inf",
    }
    plain, masked = summary["attacks"]["gradient_inversion"][:2]
    assert plain["ssim"] > 0.5 > masked["ssim"]
