"""Experiment `train` as a user runs it: whole, killed and gone on with, interrupted, misused."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.tff_health.runs import (
    FLAGS,
    ROUNDS,
    assert_no_worker_stays,
    assert_same_outcome,
    command,
    rows,
    run,
    start,
    user_environment,
    wait_for_rounds,
    workers,
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run from beginning to end; returns its folder and what it printed."""
    out_dir = tmp_path_factory.mktemp("whole") / "run"
    before = workers()
    result = subprocess.run(  # a cold start, as a user's
        command(out_dir), capture_output=True, text=True, check=False, env=user_environment()
    )
    assert result.returncode == 0, result.stderr
    assert_no_worker_stays(before)
    return out_dir, result


def test_it_leaves_what_is_promised_and_nothing_else(whole):
    out_dir, _ = whole
    files = {str(path.relative_to(out_dir)) for path in out_dir.rglob("*") if path.is_file()}
    events = {name for name in files if name.startswith("tensorboard/events.out.tfevents.")}
    assert len(events) == 1
    tables = ("metrics", "classes", "confusion_matrix")
    figures = ("curves", "confusion_matrix", "clients")
    assert files - events == {
        *("config.json", "metrics.csv", "summary.json", "report.html", "model.weights.h5"),
        *(f"tables/{name}.{kind}" for name in tables for kind in ("csv", "md")),
        *(f"figures/{name}.{kind}" for name in figures for kind in ("png", "svg")),
    }


def test_summary_has_the_promised_fields(whole):
    summary = json.loads((whole[0] / "summary.json").read_text())
    assert {key: summary[key] for key in ("experiment", "dataset", "split", "preset")} == {
        "experiment": "train",
        "dataset": "digits",
        "split": "clean",
        "preset": "quick",
    }
    (result,) = summary["runs"]
    assert (result["scheme"], result["rounds"], result["num_clients"]) == ("fedavg", ROUNDS, 3)
    assert result["survivors"] == [3] * ROUNDS
    for name in ("final_accuracy", "balanced_accuracy", "macro_f1", "majority_accuracy", "auc"):
        assert 0 < result[name] < 1
    assert result["final_accuracy"] > 0.5 > result["majority_accuracy"]
    assert set(result["seconds"]) == {"total", "training", "client_crypto", "server_crypto"}
    assert result["seconds"]["total"] > result["seconds"]["training"] > 0
    # 26,010 float32 weights, 3 clients, 6 rounds, and a little for the encoding.
    for way in ("bytes_up", "bytes_down"):
        assert 1 < result[way] / (26_010 * 4 * 3 * ROUNDS) < 1.01


def test_metrics_have_a_row_for_each_round(whole):
    table = rows(whole[0])
    assert [int(row["round"]) for row in table] == list(range(1, ROUNDS + 1))
    for row in table:
        assert (row["test_accuracy"] != "") == (int(row["round"]) % 2 == 0)
        assert float(row["train_loss"]) > 0
    final = json.loads((whole[0] / "summary.json").read_text())["runs"][0]["final_accuracy"]
    assert float(table[-1]["test_accuracy"]) == final
    assert 0 < float(table[-1]["validation_accuracy"]) <= 1


def test_config_tells_data_and_versions(whole):
    config = json.loads((whole[0] / "config.json").read_text())
    assert config["config"]["rounds"] == ROUNDS
    assert config["derived"]["trainable_parameters"] == 26_010
    data = config["data"]
    held = [sum(client["training_class_counts"].values()) for client in data["clients"]]
    assert held == [client["training_examples"] for client in data["clients"]]
    everything = sum(held) + sum(client["validation_examples"] for client in data["clients"])
    assert everything + sum(data["test_class_counts"].values()) == data["images"] == 1797
    assert len(data["data_sha256"]) == len(data["split_sha256"]) == 64
    assert config["versions"]["tensorflow-federated"] == "0.87.0"


def test_report_is_one_file_with_the_findings(whole):
    html = (whole[0] / "report.html").read_text()
    accuracy = json.loads((whole[0] / "summary.json").read_text())["runs"][0]["final_accuracy"]
    assert f"{100 * accuracy:.1f} %" in html
    assert html.count("<svg") == 3
    for loads_from_elsewhere in ("<link", "<script", "src=", "@import"):
        assert loads_from_elsewhere not in html


def test_output_is_short_and_plain(whole):
    _, result = whole
    assert "test accuracy" in result.stdout
    assert len(result.stdout.splitlines()) == 8
    assert "the server sees every client's update" in result.stdout
    assert "round 6 of 6" in result.stderr
    for noise in ("WARNING", "Warning", "\r", "Traceback"):
        assert noise not in result.stderr


def test_a_finished_run_is_not_redone(whole):
    out_dir, _ = whole
    before = {path: path.stat().st_mtime_ns for path in out_dir.rglob("*")}
    result = run(out_dir)
    assert result.returncode == 0
    assert "already finished" in result.stdout
    assert before == {path: path.stat().st_mtime_ns for path in out_dir.rglob("*")}


def test_other_settings_in_the_same_folder_are_refused(whole):
    result = run(whole[0], "--seed=3")
    assert result.returncode == 2
    assert "seed is 0, not 3" in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.drill
@pytest.mark.parametrize(("kill_after", "damage"), [(1, "removed"), (4, "cut")])
def test_a_killed_run_ends_with_the_same_model(whole, tmp_path, kill_after, damage):
    out_dir = tmp_path / "run"
    before = workers()
    process = start(out_dir)
    wait_for_rounds(process, out_dir, kill_after)
    process.kill()
    process.communicate()
    assert_no_worker_stays(before)
    done = len(rows(out_dir))
    assert kill_after <= done < ROUNDS
    assert not (out_dir / "summary.json").exists()
    for path in (out_dir / "metrics.csv", out_dir / "work" / "clients" / "training-1.bin"):
        if damage == "removed":
            path.unlink()
        else:
            path.write_bytes(path.read_bytes()[:-60])

    result = run(out_dir)
    assert result.returncode == 0, result.stderr
    assert_same_outcome(out_dir, whole[0])
    assert not list(out_dir.rglob(".*"))
    assert not (out_dir / "work").exists()


@pytest.mark.drill
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_says_how_to_go_on(tmp_path, signum):
    out_dir = tmp_path / "run"
    before = workers()
    process = start(out_dir)
    wait_for_rounds(process, out_dir, 1)
    process.send_signal(signum)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert said.splitlines()[-1].startswith("interrupted: the same command goes on")
    assert "Traceback" not in said
    assert_no_worker_stays(before)


@pytest.mark.drill
def test_ctrl_c_at_a_terminal_reaches_the_whole_group(tmp_path):
    out_dir = tmp_path / "run"
    before = workers()
    process = start(out_dir, start_new_session=True)
    wait_for_rounds(process, out_dir, 1)
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert_no_worker_stays(before)


def test_a_pipe_closes_when_the_run_ends(tmp_path):
    before = workers()
    text = " ".join(command(tmp_path / "run", "--rounds=1", "--eval_every=1"))
    start_time = time.monotonic()
    result = subprocess.run(
        ["sh", "-c", f"{text} 2>&1 | cat"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=user_environment(),
    )
    ended = (tmp_path / "run" / "summary.json").stat().st_mtime
    assert time.time() - ended < 10, "the pipe stayed open after the run"
    assert "report.html" in result.stdout
    assert time.monotonic() > start_time
    assert_no_worker_stays(before)


@pytest.mark.drill
def test_two_runs_do_not_share_a_folder(tmp_path):
    out_dir = tmp_path / "run"
    process = start(out_dir)
    try:
        wait_for_rounds(process, out_dir, 1)
        result = run(out_dir)
        assert result.returncode == 1
        assert "in use by another run" in result.stderr
    finally:
        process.kill()
        process.communicate()


def bad_input(tmp_path):
    """Command lines that cannot run, with what is said about them."""
    (tmp_path / "truncated").mkdir()
    (tmp_path / "truncated" / "mnist.npz").write_bytes(b"PK\x03\x04 and no more")
    (tmp_path / "a_file").write_text("")
    np.savez(
        tmp_path / "ham10000_28.npz",
        images=np.zeros((5, 28, 28, 3), np.uint8),
        labels=np.full(5, 9, np.uint8),
    )
    own = tmp_path / "own_model.py"
    own.write_text("def build(input_shape, num_classes):\n    raise RuntimeError('none')\n")
    return {
        "missing data": (["--dataset=mnist", f"--data_dir={tmp_path / 'none'}"], 1, "fetch mnist"),
        "truncated": (
            ["--dataset=mnist", f"--data_dir={tmp_path / 'truncated'}"],
            1,
            "damaged or of another format",
        ),
        "labels": (["--dataset=ham10000", f"--data_dir={tmp_path}"], 1, "ham10000_28.npz"),
        "clients": (["--num_clients=5000"], 1, "use fewer clients"),
        "site": (["--partition=site"], 1, "another --partition"),
        "folder": ([f"--out_dir={tmp_path / 'a_file'}"], 2, "File exists"),
        "read-only": (["--out_dir=/proc/run"], 2, "choose another"),
        "model": (["--model=own_model:build"], 2, "RuntimeError: none"),
    }


@pytest.mark.parametrize(
    "case",
    ["missing data", "truncated", "labels", "clients", "site", "folder", "read-only", "model"],
)
def test_bad_input_is_one_line_and_nothing_half_written(tmp_path, case):
    flags, code, message = bad_input(tmp_path)[case]
    flags = [*flags, *([] if "out_dir" in str(flags) else [f"--out_dir={tmp_path / 'out'}"])]
    before = workers()
    result = subprocess.run(
        [sys.executable, "run_experiments.py", *FLAGS, *flags],
        capture_output=True,
        text=True,
        check=False,
        env=user_environment(PYTHONPATH=str(tmp_path)),
    )
    assert result.returncode == code, result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("error: ")
    assert message in result.stderr
    assert not (tmp_path / "out").exists()
    assert not workers() - before


@pytest.mark.drill
def test_a_full_disk_is_one_line_and_the_run_goes_on_when_there_is_room(whole, tmp_path):
    # The small file system takes the packed images and the first states, but not the results.
    mount = f"mount -t tmpfs -o size=1500k none {tmp_path}"
    run_it = " ".join(command(tmp_path / "run"))
    own_mounts = ["unshare", "--mount", "--map-root-user", "sh", "-c"]
    if subprocess.run([*own_mounts, mount], capture_output=True, check=False).returncode != 0:
        pytest.skip("this machine lets us mount no small file system")
    script = (
        f"{mount}; {run_it}; echo code $?; ls {tmp_path}/run; "
        f"mount -o remount,size=50m {tmp_path}; {run_it}; echo code $?; "
        f"cat {tmp_path}/run/metrics.csv"
    )
    result = subprocess.run(
        [*own_mounts, script], capture_output=True, text=True, check=False, env=user_environment()
    )
    full, resumed = result.stdout.split("code 1\n")
    assert full == ""
    assert "summary.json" not in resumed.splitlines()
    assert "code 0" in resumed
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert "No space left on device" in errors[0]
    for noise in ("Traceback", "Exception ignored"):
        assert noise not in result.stderr
    # What the two parts of the run found is what one whole run found.
    found = [row["test_loss"] for row in csv.DictReader(resumed.split("code 0\n")[1].splitlines())]
    assert found == [row["test_loss"] for row in rows(whole[0])]


def test_real_images_of_lesions(tmp_path):
    data_dir = os.environ.get("TFF_HEALTH_DATA_DIR")
    if not data_dir or not (Path(data_dir) / "ham10000_28.npz").exists():
        pytest.skip("TFF_HEALTH_DATA_DIR names no folder with ham10000_28.npz")
    result = run(
        tmp_path / "run",
        *("--dataset=ham10000", "--partition=site", "--num_clients=4", "--rounds=2"),
        *("--batch_size=50", "--augment_copies=0"),
    )
    assert result.returncode == 0, result.stderr
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["split"] == "clean"
    assert summary["runs"][0]["majority_accuracy"] == pytest.approx(0.67, abs=0.02)
    clients = json.loads((tmp_path / "run" / "config.json").read_text())["data"]["clients"]
    assert len(clients) == 4


@pytest.mark.drill
def test_clients_that_train_alone_are_resumed_and_evaluated_each(tmp_path):
    whole, out_dir = tmp_path / "whole", tmp_path / "run"
    assert run(whole, "--scheme=local").returncode == 0
    process = start(out_dir, "--scheme=local")
    wait_for_rounds(process, out_dir, 3)
    process.kill()
    process.communicate()
    result = run(out_dir, "--scheme=local")
    assert result.returncode == 0, result.stderr
    assert "nothing is shared" in result.stdout
    for row, wanted in zip(rows(out_dir), rows(whole), strict=True):
        assert {k: v for k, v in row.items() if not k.startswith("seconds")} == {
            k: v for k, v in wanted.items() if not k.startswith("seconds")
        }
    assert rows(whole)[-1]["bytes_up"] == "0"
    assert not (whole / "model.weights.h5").exists()  # there is no model of all
