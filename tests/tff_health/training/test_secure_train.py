"""Scheme `bonawitz` as a user runs it: dropouts, retries, resuming, workers elsewhere."""

import contextlib
import json
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest

from tests.tff_health.runs import (
    ROUNDS,
    assert_no_worker_stays,
    assert_same_outcome,
    rows,
    run,
    start,
    user_environment,
    wait_for_rounds,
    weights,
    workers,
)
from tff_health.workers.connection import Connection

BONAWITZ = (
    *("--scheme=bonawitz", "--num_clients=6", "--dropout_rate=0.3", "--threshold=4"),
    "--partition=iid",
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run from beginning to end; returns its folder and what it printed."""
    out_dir = tmp_path_factory.mktemp("whole") / "run"
    result = run(out_dir, *BONAWITZ)
    assert result.returncode == 0, result.stderr
    return out_dir, result


def test_the_server_is_told_nothing_but_sums(whole):
    out_dir, result = whole
    assert "clients tell the server in the clear: nothing" in result.stderr
    derived = json.loads((out_dir / "config.json").read_text())["derived"]
    assert derived["in_the_clear"] == "nothing"
    assert "threshold 4" in derived["protocol_plan"]
    assert "threshold 4" in (out_dir / "report.html").read_text()


def test_how_many_colluders_the_sums_bear_is_told_first_and_written_down(whole):
    out_dir, result = whole
    bears = "the server, even if it deviates, and up to 1 client learn the sum alone"
    told = [line for line in result.stderr.splitlines() if line.startswith("secure sums: ")]
    assert told == [f"secure sums: {bears}"]
    derived = json.loads((out_dir / "config.json").read_text())["derived"]
    assert (derived["colluders_borne"], derived["bears"]) == (1, bears)
    assert f"Colluders that the secure sums bear: {bears}" in (out_dir / "report.html").read_text()


def test_dropouts_are_recovered_in_every_round(whole):
    out_dir, _ = whole
    for row in rows(out_dir):
        assert row["cohort"] == "6"
        assert 4 <= int(row["survivors"]) <= 6
        assert row["aborted_attempts"] == "0"
        assert row["clipped_coordinates"] == row["non_finite_updates"] == "0"
        assert float(row["seconds_client_crypto"]) > 0
    survivors = [int(row["survivors"]) for row in rows(out_dir)]
    assert min(survivors) < 6
    summary = json.loads((out_dir / "summary.json").read_text())["runs"][0]
    assert summary["survivors"] == survivors
    assert summary["seconds"]["client_crypto"] > 0
    assert summary["seconds"]["server_crypto"] > 0


def test_sums_that_clients_check_give_the_same_model(tmp_path):
    # By default clients drop out in any stage, and there are more stages where sums are checked.
    flags = (*BONAWITZ, "--dropout_stages=masked input", "--rounds=2")
    found = {}
    for name, verify in {"plain": "--noverify", "checked": "--verify"}.items():
        result = run(tmp_path / name, *flags, verify)
        assert result.returncode == 0, result.stderr
        found[name] = weights(tmp_path / name)
    assert found["plain"].keys() == found["checked"].keys()
    for name, values in found["plain"].items():
        np.testing.assert_array_equal(found["checked"][name], values)


def test_clients_check_sums_where_they_are_asked_to(whole, tmp_path):
    out_dir = tmp_path / "run"
    result = run(out_dir, *BONAWITZ, "--verify")
    assert result.returncode == 0, result.stderr
    checked, plain = rows(out_dir), rows(whole[0])
    # Some survivors drop out before they can check.
    assert all(4 <= int(row["verified"]) <= int(row["survivors"]) for row in checked)
    assert all(row["verified"] == "" for row in plain)
    assert all(int(a["bytes_up"]) > int(b["bytes_up"]) for a, b in zip(checked, plain, strict=True))
    summary = json.loads((out_dir / "summary.json").read_text())["runs"][0]
    assert summary["verified"] == [int(row["verified"]) for row in checked]
    assert "sums found right   by 4" in result.stdout
    assert "sums found right" not in whole[1].stdout
    assert "found the sum of a round to be that of" in (out_dir / "report.html").read_text()


def test_norms_that_clients_prove_to_be_within_a_bound(tmp_path):
    bounds = {"none": 0, "wide": 100, "tight": 0.005}
    for name, bound in bounds.items():
        flags = ("--verify", "--rounds=2", f"--norm_bound={bound}")
        result = run(tmp_path / name, *BONAWITZ, *flags)
        assert result.returncode == 0, result.stderr
        assert all(int(row["verified"]) >= 4 for row in rows(tmp_path / name))
    none, wide, tight = (weights(tmp_path / name) for name in bounds)
    assert all(np.array_equal(none[name], wide[name]) for name in none)
    assert not all(np.array_equal(none[name], tight[name]) for name in none)


@pytest.mark.drill
def test_a_killed_run_ends_with_the_same_model(whole, tmp_path):
    out_dir = tmp_path / "run"
    before = workers()
    process = start(out_dir, *BONAWITZ)
    wait_for_rounds(process, out_dir, 2)
    process.kill()
    process.communicate()
    assert_no_worker_stays(before)
    result = run(out_dir, *BONAWITZ)
    assert result.returncode == 0, result.stderr
    assert_same_outcome(out_dir, whole[0])


@pytest.mark.drill
def test_below_the_threshold_the_round_is_tried_with_another_cohort(tmp_path):
    flags = ("--scheme=bonawitz", "--num_clients=3", "--dropout_draw=independent", "--rounds=2")
    stage = "--dropout_stages=masked input"
    result = run(tmp_path / "run", *flags, "--dropout_rate=0.3", "--seed=2", stage)
    assert result.returncode == 0, result.stderr
    aborted = [int(row["aborted_attempts"]) for row in rows(tmp_path / "run")]
    assert aborted == [2, 3]
    assert "5 attempts at a round were given up" in ((tmp_path / "run" / "report.html").read_text())


@pytest.mark.drill
def test_when_no_cohort_will_do_the_last_state_is_kept(tmp_path):
    out_dir = tmp_path / "run"
    flags = ("--scheme=bonawitz", "--num_clients=3", "--dropout_draw=independent")
    result = run(out_dir, *flags, "--dropout_rate=0.97", "--dropout_stages=masked input")
    assert result.returncode == 1
    last = result.stderr.splitlines()[-1]
    assert last.startswith("error: round 1 was aborted 5 times")
    assert "the state after round 0 is kept" in last
    assert "Traceback" not in result.stderr
    assert not (out_dir / "summary.json").exists()


class WorkerService:
    """`python -m tff_health.worker`, in a process of its own."""

    def __init__(self, port=None):
        self.port = port or free_port()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tff_health.worker", f"--port={self.port}", "--concurrency=1"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=user_environment(),
        )

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def wait_until_it_answers(self):
        """A run that comes earlier could take it for lost."""
        deadline = time.monotonic() + 120
        connection = Connection(self.address)
        try:
            while not connection.answers(1.0):
                assert self.process.poll() is None, "the worker ended while it started"
                assert time.monotonic() < deadline, "the worker did not answer in two minutes"
                time.sleep(0.05)
        finally:
            connection.close()

    def wait_until_busy(self):
        """Waits until it computes: until it has used a little more of processor time."""
        process = psutil.Process(self.process.pid)
        used = sum(process.cpu_times()[:2])
        deadline = time.monotonic() + 120
        while sum(process.cpu_times()[:2]) < used + 0.2:
            assert time.monotonic() < deadline, "the worker was given nothing to compute"
            time.sleep(0.02)

    def end(self, signum=signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signum)
        self.process.wait(10)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def services():
    started = [WorkerService(), WorkerService()]
    try:
        for service in started:
            service.wait_until_it_answers()
        yield started
    finally:
        for service in started:
            service.process.kill()
            service.process.wait()


def workers_flag(services):
    return f"--tff_workers={','.join(service.address for service in services)}"


@pytest.mark.drill
def test_a_worker_that_dies_in_mid_round_changes_nothing(whole, tmp_path, services):
    out_dir = tmp_path / "run"
    process = start(out_dir, *BONAWITZ, workers_flag(services))
    wait_for_rounds(process, out_dir, 1)
    services[0].wait_until_busy()
    assert process.poll() is None, "the run ended before the worker was killed"
    services[0].end()
    _, said = process.communicate(timeout=500)
    assert process.returncode == 0, said
    assert "Traceback" not in said
    assert "Exception" not in said
    assert_same_outcome(out_dir, whole[0])


@pytest.mark.drill
def test_without_workers_the_run_stops_and_goes_on_when_they_are_back(whole, tmp_path, services):
    out_dir = tmp_path / "run"
    process = start(out_dir, *BONAWITZ, workers_flag(services))
    wait_for_rounds(process, out_dir, 2)
    for service in services:
        service.end()
    _, said = process.communicate(timeout=120)
    assert process.returncode == 1
    last = said.splitlines()[-1]
    assert last.startswith("error: ")
    assert all(service.address in last for service in services)
    assert "Traceback" not in said
    done = len(rows(out_dir))
    assert 2 <= done < ROUNDS

    back = WorkerService(services[0].port)
    try:
        back.wait_until_it_answers()
        result = run(out_dir, *BONAWITZ, f"--tff_workers={back.address}")
    finally:
        back.end()
    assert result.returncode == 0, result.stderr
    assert_same_outcome(out_dir, whole[0])


@pytest.mark.drill
def test_a_worker_ends_with_ctrl_c_and_leaves_nothing():
    before = workers()
    service = WorkerService()
    try:
        deadline = time.monotonic() + 60
        while not workers() - before and time.monotonic() < deadline:
            time.sleep(0.1)
        assert workers() - before
    finally:
        service.end(signal.SIGINT)
    assert_no_worker_stays(before)
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", service.port)) != 0


def test_quality_is_weighed_whoever_makes_the_keys(tmp_path):
    flags = ("--num_clients=3", "--rounds=3", "--partition=label_noise")
    dealt, hardened = tmp_path / "dealt", tmp_path / "hardened"
    for out_dir, scheme in ((dealt, "zhang"), (hardened, "zhang_hardened")):
        result = run(out_dir, *flags, f"--scheme={scheme}")
        assert result.returncode == 0, result.stderr
    expected = weights(dealt)
    for name, array in weights(hardened).items():
        np.testing.assert_array_equal(array, expected[name])
    first, *later = rows(hardened)
    assert (first["quality_sum"], first["global_distance"]) == ("3.0", "nan")
    assert all(float(row["quality_sum"]) > 3 for row in later)
    assert all(float(row["global_distance"]) > 0 for row in later)
    assert "Data quality" in (hardened / "report.html").read_text()


ZHANG = (
    *("--scheme=zhang", "--partition=iid", "--client_momentum=0.5", "--decay_rounds=4"),
    *("--normalise", "--train_flips", "--class_balance=0.5", "--server_momentum=0.3"),
    *("--train_rotations", "--train_colours=0.1"),
)


@pytest.mark.drill
def test_keys_that_a_killed_run_makes_anew_are_not_counted(tmp_path):
    whole, out_dir = tmp_path / "whole", tmp_path / "run"
    assert run(whole, *ZHANG).returncode == 0
    assert int(rows(whole)[0]["bytes_up"]) > int(rows(whole)[1]["bytes_up"])
    process = start(out_dir, *ZHANG)
    wait_for_rounds(process, out_dir, 2)
    process.kill()
    process.communicate()
    result = run(out_dir, *ZHANG)
    assert result.returncode == 0, result.stderr
    assert_same_outcome(out_dir, whole)
