"""Schemes with homomorphic encryption as a user runs them."""

import json

import numpy as np
import pytest

from tests.tff_health.runs import (
    assert_same_outcome,
    rows,
    run,
    start,
    wait_for_rounds,
    weights,
)

SMALL = ("--num_clients=4", "--partition=iid", "--rounds=2", "--eval_every=2")


def result_of(tmp_path_factory, name, *flags):
    out_dir = tmp_path_factory.mktemp(name) / "run"
    result = run(out_dir, *SMALL, *flags)
    assert result.returncode == 0, result.stderr
    return out_dir, result


@pytest.fixture(scope="module")
def fang(tmp_path_factory):
    return result_of(tmp_path_factory, "fang", "--scheme=fang")


@pytest.fixture(scope="module")
def bonawitz(tmp_path_factory):
    return result_of(tmp_path_factory, "bonawitz", "--scheme=bonawitz")


def test_encrypted_and_masked_sums_make_the_same_model(fang, bonawitz):
    one, other = weights(fang[0]), weights(bonawitz[0])
    assert one.keys() == other.keys()
    for name, array in one.items():
        np.testing.assert_array_equal(array, other[name])
    for row, plain in zip(rows(fang[0]), rows(bonawitz[0]), strict=True):
        for column in ("train_loss", "test_accuracy", "validation_loss", "survivors"):
            assert row[column] == plain[column]


def test_every_parameter_is_encrypted(fang):
    out_dir, result = fang
    assert "clients tell the server in the clear: nothing" in result.stderr
    derived = json.loads((out_dir / "config.json").read_text())["derived"]
    # Slots of 22 bits for sums of four values of 20; a ciphertext of 512 bytes holds 93.
    for row in rows(out_dir):
        assert int(row["bytes_up"]) > 4 * 512 * (derived["trainable_parameters"] // 93)
        assert float(row["seconds_client_crypto"]) > 0
        assert float(row["seconds_server_crypto"]) > 0
    plan = derived["protocol_plan"]
    assert "packed Paillier 2048, 112 bits of strength" in plan
    assert plan in (out_dir / "report.html").read_text()


@pytest.fixture(scope="module")
def fedopt(tmp_path_factory):
    return result_of(tmp_path_factory, "fedopt", "--scheme=fedopt", "--rounds=4")


def test_compressed_updates_are_small_both_ways(fedopt, fang):
    out_dir, result = fedopt
    told = "clients tell the server in the clear: the positions of its largest changes"
    assert told in result.stderr
    assert "the positions of its largest changes" in (out_dir / "report.html").read_text()
    derived = json.loads((out_dir / "config.json").read_text())["derived"]
    model_bytes = 4 * derived["trainable_parameters"]
    assert all(0.1 < float(row["lone_coordinates"]) <= 1 for row in rows(out_dir))
    assert "one client alone changed" in (out_dir / "report.html").read_text()
    assert all(row["lone_coordinates"] == "" for row in rows(fang[0]))
    first, *others = rows(out_dir)
    assert int(first["bytes_down"]) > 4 * model_bytes  # the initial model
    for row in others:
        # A tiny model: what is left is mostly the encrypted metrics, 9 values of a ciphertext each.
        assert int(row["bytes_up"]) < 4 * (0.02 * model_bytes + 10 * 600)
        assert int(row["bytes_up"]) < int(rows(fang[0])[0]["bytes_up"]) / 3
        assert int(row["bytes_down"]) < 4 * (0.02 * model_bytes + 1000)


@pytest.mark.drill
def test_a_killed_run_remembers_what_clients_kept(fedopt, tmp_path):
    out_dir = tmp_path / "run"
    flags = ("--scheme=fedopt", *SMALL, "--rounds=4")
    process = start(out_dir, *flags)
    wait_for_rounds(process, out_dir, 2)
    process.kill()
    process.communicate()
    kept = sorted(path.name for path in (out_dir / "work" / "memory").glob("kept-*"))
    assert {name.split("-")[1] for name in kept} == {"0", "1", "2", "3"}
    result = run(out_dir, *flags)
    assert result.returncode == 0, result.stderr
    assert_same_outcome(out_dir, fedopt[0])
    assert not (out_dir / "work").exists()


@pytest.mark.drill
def test_a_client_that_drops_its_upload_loses_the_round(tmp_path):
    """Those who hold the sum of the others' uploads may have opened it: no second cohort."""
    out_dir = tmp_path / "run"
    flags = ("--dropout_draw=independent", "--dropout_rate=0.9", "--dropout_stages=upload")
    result = run(out_dir, "--scheme=fang", *flags, *SMALL)
    assert result.returncode == 0, result.stderr
    for number in (1, 2):
        (line,) = (
            line
            for line in result.stderr.splitlines()
            if f"warning: round {number} was lost" in line
        )
        assert "clients after stage 'upload'" in line
        assert "are left, 4 are needed" in line
        assert line.endswith(f"the model after round {number - 1} stands")
    assert [(row["lost"], row["aborted_attempts"]) for row in rows(out_dir)] == [("1", "0")] * 2
    assert "lost rounds        2 of 2" in result.stdout
