"""Runs of run_experiments.py as a user starts them, for the tests beside this file."""

import csv
import os
import sys
import time

import h5py
import numpy as np
import psutil
import pytest

from tests.tff_health import warm

ROUNDS = 6
MARK = "TFF_HEALTH_TESTS"  # in the environment of what these tests start
FLAGS = (
    "--dataset=digits",
    "--model=tanh_cnn",
    f"--rounds={ROUNDS}",
    "--partition=dirichlet",
    "--eval_every=2",
)


def command(out_dir, *flags):
    return [sys.executable, "run_experiments.py", *FLAGS, *flags, f"--out_dir={out_dir}"]


def user_environment(**changes):
    # JAX, which TFF imports, sets this one as soon as a test of this process imports TFF.
    environment = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    return environment | {MARK: str(os.getpid())} | changes


def run(out_dir, *flags):
    return warm.run(command(out_dir, *flags), user_environment())


def weights(out_dir):
    arrays = {}
    with h5py.File(out_dir / "model.weights.h5") as file:
        file.visititems(
            lambda name, item: (
                arrays.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None
            )
        )
    return arrays


def rows(out_dir):
    with (out_dir / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def workers():
    return {
        process.pid
        for process in psutil.process_iter(["name"])
        if process.info["name"] == "worker_binary" and is_ours(process)
    }


def is_ours(process):
    """Whether a process was started, by whatever way, by a test of this module."""
    try:
        return process.environ().get(MARK) == str(os.getpid())
    except psutil.Error:
        return False


def wait_for_rounds(process, out_dir, number):
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        if (out_dir / "metrics.csv").exists() and len(rows(out_dir)) >= number:
            return
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    pytest.fail("no round ended within three minutes")


def start(out_dir, *flags, **options):
    return warm.start(command(out_dir, *flags), user_environment(), **options)


def assert_no_worker_stays(before):
    deadline = time.monotonic() + 10
    while workers() - before and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not workers() - before


def assert_same_outcome(out_dir, other):
    ours, others = weights(out_dir), weights(other)
    assert ours.keys() == others.keys()
    for name, array in ours.items():
        np.testing.assert_array_equal(array, others[name], err_msg=name)
    for row, wanted in zip(rows(out_dir), rows(other), strict=True):
        for column, value in row.items():
            if not column.startswith("seconds"):
                assert value == wanted[column], (row["round"], column)
