"""Experiments of several runs as a user starts them: whole, killed and gone on with, misused."""

import csv
import json
import sys
import time

import pytest

from tests.tff_health import warm
from tests.tff_health.runs import assert_no_worker_stays, user_environment, workers
from tff_health import flags
from tff_health.errors import ConfigError, RunError
from tff_health.experiments import ablation, batch_size, schemes
from tff_health.settings import checks
from tff_health.studies.study import validate

SMALL = ("--dataset=digits", "--model=tanh_cnn", "--rounds=3", "--eval_every=2")
SCHEMES = ("fedavg", "bonawitz", "fedopt", "fang", "zhang")
# What its layers draw must be the same in every scheme, and after a kill.
DRAWING = "--model=tests.tff_health.networks:drawing"


def command(experiment, out_dir, *given):
    model = (DRAWING,) if experiment == "schemes" else ()
    return [
        *(sys.executable, "run_experiments.py", f"--experiment={experiment}"),
        *(*SMALL, *model, f"--out_dir={out_dir}", *given),
    ]


def run(experiment, out_dir, *given):
    return warm.run(command(experiment, out_dir, *given), user_environment())


def parse(*given):
    invocation = flags.parse(["run_experiments.py", *SMALL, *given], {})
    checks.validate(invocation.config)
    return invocation.config


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    out_dir = tmp_path_factory.mktemp("schemes") / "study"
    result = run("schemes", out_dir)
    assert result.returncode == 0, result.stderr
    return out_dir, result


def summary_of(out_dir):
    return json.loads((out_dir / "summary.json").read_text())


def metrics(out_dir, name):
    with (out_dir / "runs" / name / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def without_times(value):
    if isinstance(value, dict):
        return {k: without_times(v) for k, v in value.items() if k != "seconds"}
    return [without_times(v) for v in value] if isinstance(value, list) else value


def test_all_schemes_and_baselines_are_there(whole):
    out_dir, result = whole
    runs = {run["name"]: run for run in summary_of(out_dir)["runs"]}
    assert list(runs) == [*SCHEMES, "local only", "pooled"]
    assert all(run["rounds"] == 3 for run in runs.values())
    assert runs["pooled"]["num_clients"] == 1
    assert runs["local only"]["bytes_up"] == 0
    assert [line.split(":")[0] for line in result.stderr.splitlines()] == ["schemes"] * len(
        result.stderr.splitlines()
    )
    for name in ("figure_5_accuracy", "figure_6_time", "figure_7_communication"):
        assert (out_dir / "figures" / f"{name}.png").stat().st_size > 10_000
    assert "What was found" in (out_dir / "report.html").read_text()


def test_table_1_says_what_happened(whole):
    cells = {row["scheme"]: row for row in summary_of(whole[0])["table_1"]}
    assert tuple(cells) == SCHEMES
    found = {
        name: (row["dropout support"].split()[0], row["homomorphic encryption"].split()[0])
        for name, row in cells.items()
    }
    assert found == {
        "fedavg": ("yes", "no"),
        "bonawitz": ("yes", "no"),
        "fedopt": ("no", "yes"),
        "fang": ("no", "yes"),
        "zhang": ("yes", "yes"),
    }


def test_rounds_that_were_not_encrypted_are_marked_and_are_the_twins(whole):
    out_dir, _ = whole
    runs = {run["name"]: run for run in summary_of(out_dir)["runs"]}
    fang, twin = runs["fang"], runs["bonawitz"]
    assert fang["crypto"] == "simulated"
    assert fang["encrypted_rounds"] == 1
    assert fang["costs"] == "extrapolated from 1 rounds"
    assert all(run["crypto"] == "real" for name, run in runs.items() if name != "fang")
    assert fang["final_accuracy"] == twin["final_accuracy"]
    encrypted, masked = metrics(out_dir, "fang-seed0"), metrics(out_dir, "bonawitz-seed0")
    assert len(encrypted) == 1
    assert encrypted[0]["train_loss"] == masked[0]["train_loss"]
    assert int(encrypted[0]["bytes_up"]) * 3 == fang["bytes_up"]
    assert "1 first rounds of fang" in (out_dir / "report.html").read_text()


def test_all_start_from_one_model_and_see_the_same_batches(whole):
    losses = {s: float(metrics(whole[0], f"{s}-seed0")[0]["train_loss"]) for s in SCHEMES}
    assert max(losses.values()) - min(losses.values()) < 1e-4


def test_a_twin_with_another_model_is_refused():
    rows = [{"scheme": "fang", "round": 1, "train_loss": 0.5, "bytes_up": 3}]
    same = [{"scheme": "bonawitz", "round": 1, "train_loss": 0.5, "bytes_up": 9}]
    schemes.check_twin("fang-seed0", rows, same)
    with pytest.raises(RunError, match=r"train_loss in round 1 is 0\.5"):
        schemes.check_twin("fang-seed0", rows, [{**same[0], "train_loss": 0.5000001}])


@pytest.mark.drill
def test_a_study_killed_anywhere_ends_with_the_same_summary(whole, tmp_path):
    out_dir, before = tmp_path / "study", workers()
    for part, number in (("bonawitz", 1), ("zhang", 2)):
        process = warm.start(command("schemes", out_dir), user_environment())
        path = out_dir / "runs" / f"{part}-seed0" / "metrics.csv"
        deadline = time.monotonic() + 240
        while not path.exists() or len(path.read_text().splitlines()) <= number:
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.kill()
        process.communicate()
        assert_no_worker_stays(before)
    result = run("schemes", out_dir)
    assert result.returncode == 0, result.stderr
    assert without_times(summary_of(out_dir)) == without_times(summary_of(whole[0]))
    again = run("schemes", out_dir)
    assert again.stdout.startswith("already finished")


def test_a_dry_run_says_what_is_left_and_leaves_nothing(whole, tmp_path):
    result = run("schemes", tmp_path / "study", "--dry_run")
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("7 runs, about ")
    assert "zhang-seed0" in result.stdout
    assert not (tmp_path / "study").exists()
    assert run("schemes", whole[0], "--dry_run").stdout.startswith("7 runs, about 0 s left")


def test_batch_sizes_are_compared(tmp_path):
    result = run("batch_size", tmp_path / "study", "--batch_sizes=16,64", "--seeds=0,1")
    assert result.returncode == 0, result.stderr
    runs = summary_of(tmp_path / "study")["runs"]
    assert [(run["batch_size"], run["seed"]) for run in runs] == [
        (16, 0),
        (64, 0),
        (16, 1),
        (64, 1),
    ]
    assert len({run["final_accuracy"] for run in runs}) > 1
    assert "±" in result.stdout
    assert (tmp_path / "study" / "figures" / "figure_4_batch_size.svg").exists()


def test_parts_of_the_training_are_switched(tmp_path):
    given = ("--normalise", "--client_momentum=0.5", "--train_colours=0.2", "--scheme=bonawitz")
    result = run("ablation", tmp_path / "study", "--rounds=1", *given)
    assert result.returncode == 0, result.stderr
    runs = summary_of(tmp_path / "study")["runs"]
    config = parse("--experiment=ablation", "--rounds=1", *given)
    groups = [variant.group for variant in ablation.variants(config)]
    assert [run["name"] for run in runs] == groups
    assert len({run["final_accuracy"] for run in runs}) > 5
    assert (tmp_path / "study" / "figures" / "differences.svg").exists()
    with (tmp_path / "study" / "tables" / "ablation.csv").open() as file:
        rows = {row[""]: row for row in csv.DictReader(file)}
    for run_ in runs[1:]:
        difference = 100 * (run_["final_accuracy"] - runs[0]["final_accuracy"])
        shown = rows[run_["name"]]["accuracy: difference"]
        assert float(shown) == pytest.approx(difference, abs=0.051)


def test_a_part_of_the_training_is_left_out_where_it_is_used_and_added_where_not():
    on = ("--normalise", "--client_momentum=0.5", "--train_colours=0.2")
    found = {v.group: v.changes for v in ablation.variants(parse("--experiment=ablation", *on))}
    assert found == {
        "as given": {},
        "without normalise and train_colours": {"normalise": "none", "train_colours": 0.0},
        "with train_flips": {"train_flips": True},
        "with train_rotations": {"train_rotations": True},
        "with test_flips": {"test_flips": True},
        "with test_rotations": {"test_rotations": True},
        "without train_colours": {"train_colours": 0.0},
        "with class_balance 0.5": {"class_balance": 0.5},
        "without client_momentum": {"client_momentum": 0.0},
        "with server_momentum 0.5": {"server_momentum": 0.5},
        "with decay_rounds 3": {"decay_rounds": 3},
        "without all of them": {
            **{"normalise": "none", "train_colours": 0.0, "client_momentum": 0.0},
        },
    }
    validate(ablation.plan(parse("--experiment=ablation", "--preset=tuned")))
    plain = [variant.group for variant in ablation.variants(parse("--experiment=ablation"))]
    assert plain[1] == "with normalise"
    assert "with train_colours 0.1 and normalise" in plain
    assert not any(group.startswith("without") for group in plain)


def test_settings_reach_the_runs_that_they_concern():
    config = parse("--experiment=schemes", "--he=elgamal", "--max_quality=50", "--sparsity=0.1")
    parts = {part.name: part.config for part in schemes.plan(config)}
    assert parts["fang-seed0"].protocol.he == "elgamal"
    assert parts["zhang-seed0"].protocol.he == "paillier"
    assert parts["zhang-seed0"].quality.largest == 50
    assert parts["fedopt-seed0"].sums.sparsity == 0.1
    assert parts["fang-seed0"].training.rounds == 1
    assert parts["pooled-seed0"].cohort.num_clients == 1
    assert all(part.run.experiment == "train" for part in parts.values())
    validate(schemes.plan(config))
    sizes = batch_size.plan(parse("--experiment=batch_size", "--batch_sizes=8,16"))
    assert [part.config.training.batch_size for part in sizes] == [8, 16]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--experiment=schemes", "--scheme=zhang"], "--scheme has no effect with"),
        (["--experiment=schemes", "--dropout_rate=0.1"], "--dropout_rate has no effect with"),
        (["--experiment=schemes", "--seeds=1,x"], "--seeds=1,x: must be whole numbers"),
        (["--experiment=schemes", "--seeds=1,1"], "none twice"),
        (["--experiment=schemes", "--seeds=-1"], "--seeds=-1: must be from 0"),
        (["--experiment=schemes", "--encrypted_rounds=0"], "--encrypted_rounds=0: must be 1"),
        (["--experiment=schemes", "--num_clients=2"], "--num_clients=2: must be 3 or more"),
        (["--experiment=batch_size", "--batch_sizes=0"], "--batch_sizes=0: must be from 1"),
        (["--experiment=batch_size", "--batch_size=4"], "--batch_size has no effect with"),
        (["--experiment=train", "--dry_run"], "--dry_run has no effect with"),
        (["--experiment=train", "--seeds=1"], "--seeds has no effect with"),
        (["--client_momentum=1"], "--client_momentum=1.0: must be from 0 to below 1"),
        (["--train_colours=0.1"], "add --normalise"),
        (["--class_balance=2"], "--class_balance=2.0: must be from 0 to 1"),
        (["--decay_rounds=-1"], "--decay_rounds=-1: must be 0"),
        (["--scheme=local", "--dropout_rate=0.5"], "--dropout_rate=0.5 has no effect with"),
    ],
)
def test_nonsense_is_refused_before_anything_starts(given, message):
    with pytest.raises(ConfigError) as caught:
        parse(*given)
    assert message in str(caught.value)
