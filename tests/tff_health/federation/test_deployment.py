"""Programs of their own on loopback: whole studies, kills and returns, and the same model."""

import hashlib
import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from tests.tff_health.federation.deployment import ROOT, Deployment
from tests.tff_health.federation.drills.drill import LONG
from tests.tff_health.federation.own_digits import FACTS, own_images
from tff_health.local.model_weights import ModelWeights
from tff_health.training.metrics_log import read_rows

pytestmark = [pytest.mark.slow, pytest.mark.drill]
SETTINGS = {"dataset": "digits", "model": "tanh_cnn", "seed": 5, "rounds": 3}
"""As `tests.tff_health.roles.study` has them."""


def rows_of(deployed):
    return read_rows(deployed.results / "metrics.csv")


def in_one_process(folder, scheme, rounds=SETTINGS["rounds"], **settings):
    """Train the same in one process, with sums in the clear; return the model's bytes."""
    return trained_in_one_process(folder, scheme, rounds, **settings)[0]


def trained_in_one_process(folder, scheme, rounds=SETTINGS["rounds"], **settings):
    """Do the same; return too what was told."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tests.tff_health.roles.without_tff", str(folder)),
            *(str(rounds), f"--scheme={scheme}", f"--rounds={rounds}"),
            *(f"--{name}={value}" for name, value in settings.items()),
        ],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=300,
    )
    return (folder / "model.bin").read_bytes(), json.loads(done.stdout)


VERIFIED = [(scheme, {"verify": True}) for scheme in ("bonawitz", "zhang", "zhang_hardened")]
BOUNDED = [("bonawitz", {"verify": True, "norm_bound": 1000.0})]
PLAIN = [(scheme, {}) for scheme in ("bonawitz", "zhang", "zhang_hardened", "fang", "fedopt")]


@pytest.mark.parametrize(("scheme", "checked"), [*PLAIN, *VERIFIED, *BOUNDED])
def test_programs_that_are_apart_train_the_very_model_of_sums_in_the_clear(
    tmp_path, scheme, checked
):
    with Deployment(tmp_path, {**SETTINGS, **checked, "scheme": scheme}) as deployed:
        deployed.start_all()
        assert deployed.wait("server") == 0, deployed.logs()
        for name in deployed.names:
            assert deployed.wait(name) == 0, deployed.logs()
        rows = rows_of(deployed)
        model = (deployed.results / "model.weights").read_bytes()
        report = (deployed.results / "report.html").read_text()
    assert f"SHA-256 {hashlib.sha256(model).hexdigest()}" in report
    assert [row["survivors"] for row in rows] == [3, 3, 3]
    assert [row["lost"] for row in rows] == [0, 0, 0]
    assert [row.get("verified") for row in rows] == [3 if checked else None] * 3
    plain, told = trained_in_one_process(tmp_path / "plain", scheme)
    assert model == plain
    assert {name: rows[-1][name] for name in told["validation"]} == told["validation"]
    assert set(told["validation"]) == {"validation_loss", "validation_accuracy"}
    assert min(row["validation_accuracy"] for row in rows) > 0


@pytest.mark.skipif(not LONG, reason="takes minutes: TFF_HEALTH_DRILLS=long")
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("scheme", [scheme for scheme, _ in PLAIN])
def test_five_sites_train_the_very_model_of_sums_in_the_clear_in_five_rounds(tmp_path, scheme):
    with Deployment(tmp_path, {**SETTINGS, "scheme": scheme, "rounds": 5}, sites=5) as deployed:
        deployed.start_all()
        for name in ("server", *deployed.names):
            assert deployed.wait(name, 900) == 0, deployed.logs()
        rows = rows_of(deployed)
        model = (deployed.results / "model.weights").read_bytes()
    assert [(row["survivors"], row["lost"]) for row in rows] == [(5, 0)] * 5
    assert model == in_one_process(tmp_path / "plain", scheme, rounds=5, num_clients=5)


def test_local_noise_by_seed_is_the_same_but_for_the_rounding_of_last_bits(tmp_path):
    noise = {"dp_noise": "local", "noise_multiplier": 1.5, "clipping_norm": 1.0, "lot_size": 50}
    seeded = {**noise, "noise_seed": 4}
    with Deployment(tmp_path, {**SETTINGS, "scheme": "bonawitz", **seeded}) as deployed:
        deployed.start_all()
        assert deployed.wait("server") == 0, deployed.logs()
        epsilons = [row["epsilon"] for row in rows_of(deployed)]
        found = (deployed.results / "model.weights").read_bytes()
    assert 0 < epsilons[0] < epsilons[1] < epsilons[2]
    plain = in_one_process(tmp_path / "plain", "bonawitz", **seeded)
    other = in_one_process(tmp_path / "other", "bonawitz", **{**noise, "noise_seed": 5})
    # One site's number that is rounded to the next step of 2^-16 is 5e-6 of the mean.
    assert difference(found, plain) < 1e-4
    assert difference(found, other) > 1e-2


DISTRIBUTED = {
    **{"dp_noise": "distributed", "noise_multiplier": 2.0, "clipping_norm": 1.0, "lot_size": 50},
    **{"local_steps": 1, "learning_rate": 0.5},
}


@pytest.mark.parametrize("scheme", ["bonawitz", "fang"])
def test_distributed_noise_is_in_the_sum_as_it_is_counted(tmp_path, scheme):
    """Its draws are the operating system's, so two runs differ by twice its variance."""
    study = {**SETTINGS, **DISTRIBUTED, "scheme": scheme, "rounds": 1}
    with Deployment(tmp_path, study) as deployed:
        deployed.start_all()
        for name in ("server", *deployed.names):
            assert deployed.wait(name) == 0, deployed.logs()
        (row,) = rows_of(deployed)
        found = (deployed.results / "model.weights").read_bytes()
        spent = [
            json.loads(line)["entry"]["told"]["epsilon"]
            for name in ("hospital-1", "hospital-2", "hospital-3")
            for line in (tmp_path / name / "transcript.jsonl").read_text().splitlines()
        ]
    assert 0 < max(spent) == pytest.approx(row["epsilon"], rel=1e-3)
    plain = in_one_process(tmp_path / "plain", scheme, rounds=1, **DISTRIBUTED)
    weights = [
        np.concatenate([part.ravel() for part in ModelWeights.from_bytes(data).trainable])
        for data in (found, plain)
    ]
    step = DISTRIBUTED["learning_rate"] / DISTRIBUTED["lot_size"]
    sensitivity = step * DISTRIBUTED["clipping_norm"] + np.sqrt(weights[0].size) * 2.0**-24
    whole = DISTRIBUTED["noise_multiplier"] * sensitivity  # all three sites are counted on
    deviation = np.std(weights[0] - weights[1]) / np.sqrt(2)
    assert 0.95 < deviation / (whole / 3) < 1.05


def difference(one, other):
    """The largest difference of two models, given as bytes."""
    read = [ModelWeights.from_bytes(data).trainable for data in (one, other)]
    return max(np.abs(a - b).max() for a, b in zip(*read, strict=True))


@pytest.mark.parametrize("scheme", ["bonawitz", "zhang_hardened"])
def test_a_site_that_is_killed_is_a_dropout_and_comes_back(tmp_path, scheme):
    settings = {**SETTINGS, "scheme": scheme, "rounds": 5}
    with Deployment(tmp_path, settings, sites=5) as deployed:
        deployed.start_all()
        deployed.wait_for("hospital-2", "round 2: training")
        deployed.kill("hospital-2")
        deployed.wait_for("hospital-1", "round 3: training")
        deployed.start("hospital-2")
        assert deployed.wait("server") == 0, deployed.logs()
        survivors = [row["survivors"] for row in rows_of(deployed)]
        assert survivors[0] == 5
        assert survivors[1] == 4
        assert min(survivors) >= 4
        assert deployed.wait("hospital-1") == 0


def test_a_site_that_was_away_when_the_study_ended_learns_so_from_a_server_that_stays(tmp_path):
    settings = {**SETTINGS, "scheme": "zhang", "rounds": 2}
    with Deployment(tmp_path, settings, sites=5) as deployed:
        deployed.start_all()
        deployed.wait_for("hospital-2", "round 1: done")
        deployed.kill("hospital-2")
        deployed.wait_for("server", r"the study is over, which client 2 cannot know yet")
        assert (deployed.results / "model.weights").exists()
        deployed.start("hospital-2")
        for name in ("hospital-2", "server", "hospital-1", "keeper"):
            assert deployed.wait(name) == 0, deployed.logs()
        assert "the study is over, after 2 rounds" in deployed.log("hospital-2")


def test_a_site_gives_up_on_a_server_that_never_comes_with_a_code_of_its_own(tmp_path):
    with Deployment(tmp_path, {**SETTINGS, "scheme": "bonawitz"}) as deployed:
        file = tmp_path / "hospital-1.toml"
        file.write_text(file.read_text().replace("[site]", "[site]\ngive_up_after = 2.0"))
        deployed.start("hospital-1")
        assert deployed.wait("hospital-1") == 3
        assert "could not be reached for 2 seconds (give_up_after" in deployed.log("hospital-1")


def test_a_server_that_is_killed_goes_on_from_its_last_finished_round(tmp_path):
    with Deployment(tmp_path, {**SETTINGS, "scheme": "bonawitz", "rounds": 4}) as deployed:
        deployed.start_all()
        deployed.wait_for("hospital-1", "round 2: training")
        deployed.kill("server")
        deployed.wait_for("hospital-1", "trying again")
        deployed.start_server()
        assert deployed.wait("server") == 0, deployed.logs()
        rows = rows_of(deployed)
        assert [row["round"] for row in rows] == [1, 2, 3, 4]
        assert [row["survivors"] for row in rows if not row["lost"]] == [3] * (
            4 - sum(row["lost"] for row in rows)
        )
        for name in deployed.names:
            assert deployed.wait(name) == 0, deployed.logs()


def test_a_server_that_is_killed_and_goes_on_gives_the_model_of_one_that_was_not(tmp_path):
    """Of the scheme in which server and sites keep most between rounds: what compression lost."""
    alone = {"validation_fraction": 0.0}  # no sum between two rounds waits for who is stopped
    with Deployment(tmp_path, {**SETTINGS, **alone, "scheme": "fedopt"}) as deployed:
        deployed.start_all()
        deployed.wait_for("hospital-1", "round 1: done")
        deployed.signal("hospital-1", signal.SIGSTOP)  # so that round 2 is not over before
        deployed.wait_for("hospital-2", "round 2: trained")
        deployed.kill("server")
        deployed.signal("hospital-1", signal.SIGCONT)
        deployed.start_server()
        for name in ("server", *deployed.names):
            assert deployed.wait(name) == 0, deployed.logs()
        rows = rows_of(deployed)
        model = (deployed.results / "model.weights").read_bytes()
    assert [(row["survivors"], row["lost"]) for row in rows] == [(3, 0)] * 3
    assert model == in_one_process(tmp_path / "plain", "fedopt", **alone)


def test_a_site_that_hangs_costs_one_deadline(tmp_path):
    settings = {**SETTINGS, "scheme": "bonawitz", "rounds": 3}
    with Deployment(tmp_path, settings, sites=5, stage_seconds=5) as deployed:
        deployed.start_all()
        deployed.wait_for("hospital-3", "round 1: done")
        deployed.signal("hospital-3", signal.SIGSTOP)
        start = time.monotonic()
        deployed.wait_for("hospital-1", "round 3: done", 180)
        deployed.signal("hospital-3", signal.SIGCONT)
        assert time.monotonic() - start < 100, deployed.logs()
        assert deployed.wait("server") == 0, deployed.logs()
        assert min(row["survivors"] for row in rows_of(deployed)) >= 4


def test_interrupts_end_programs_with_their_exit_code_and_nothing_is_lost(tmp_path):
    with Deployment(tmp_path, {**SETTINGS, "scheme": "bonawitz"}) as deployed:
        deployed.start_all()
        deployed.wait_for("hospital-1", "round 1: done")
        assert deployed.interrupt("server") == 130
        assert "goes on from the last round" in deployed.log("server")
        assert deployed.interrupt("hospital-2") == 130
        deployed.start("hospital-2")
        deployed.start_server()
        assert deployed.wait("server") == 0, deployed.logs()
        assert [row["round"] for row in rows_of(deployed)] == [1, 2, 3]


def test_sites_train_on_images_of_their_own(tmp_path):
    settings = {**SETTINGS, "dataset": "own", "split": "clean", "scheme": "zhang_hardened"}
    own = own_images(tmp_path / "data")
    with Deployment(tmp_path, settings, own=own, facts=FACTS) as deployed:
        deployed.start_all()
        assert deployed.wait("server") == 0, deployed.logs()
        rows = rows_of(deployed)
        assert [row["survivors"] for row in rows] == [3, 3, 3]
        assert rows[-1]["test_accuracy"] > 0.4
