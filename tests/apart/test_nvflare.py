"""Whole studies over NVFlare: provisioned kits, mTLS, and jobs that bring no code."""

import time
from pathlib import Path

import pytest

import tff_health
from benchmarks.nvflare.__main__ import ENVIRONMENT, STEPS, measure
from benchmarks.nvflare.kits import Kits, write_job
from tests.apart.environment import python_of
from tests.tff_health.federation.deployment import Deployment
from tests.tff_health.federation.test_deployment import SETTINGS, in_one_process
from tff_health.training.metrics_log import read_rows

pytestmark = [pytest.mark.apart, pytest.mark.drill, pytest.mark.slow]
JOB = Path(tff_health.__file__).parent / "federation" / "nvflare" / "job"
SERVER_FILE = """
[server]
study = "{folder}/study.toml"
keys = "{folder}/ca/server"
registry = "{folder}/ca/registry.json"
results = "{folder}/results"
"""


@pytest.fixture(scope="module")
def python():
    return python_of(ENVIRONMENT, *STEPS[0])


def kits_of(python, deployed):
    """The kits of a consortium, each with the file of its participant."""
    folder = deployed.folder
    kits = Kits(python, folder, deployed.names)
    (kits.local("localhost") / "tff_health.toml").write_text(SERVER_FILE.format(folder=folder))
    for name in deployed.names:
        text = (folder / f"{name}.toml").read_text()
        for path in (f"{name}", "ca/registry.json", "study.toml"):
            text = text.replace(f'= "{path}"', f'= "{folder}/{path}"')
        (kits.local(name) / "tff_health.toml").write_text(text)
    return kits


def started(kits):
    kits.start_all()
    for name in kits.names:
        kits.wait_for(name, "Successfully registered")


def wait_for_results(kits, deployed, seconds=200):
    end, found = time.monotonic() + seconds, deployed.results / "model.weights"
    while not found.exists():
        kits.check_job()
        assert time.monotonic() < end, kits.logs()
        time.sleep(0.2)
    return found.read_bytes(), read_rows(deployed.results / "metrics.csv")


def test_a_study_over_nvflare_trains_the_very_model_of_sums_in_the_clear(python, tmp_path):
    deployed = Deployment(tmp_path, {**SETTINGS, "scheme": "zhang"})  # it has an authority
    with kits_of(python, deployed) as kits:
        started(kits)
        kits.submit(JOB)
        model, rows = wait_for_results(kits, deployed)
        kits.wait_for("hospital-1", "the study is over")
        logs = kits.logs()
    assert not any(kits.programs_of(name) for name in ("localhost", *kits.names))
    assert [row["survivors"] for row in rows] == [3, 3, 3], logs
    assert [row["lost"] for row in rows] == [0, 0, 0]
    assert model == in_one_process(tmp_path / "plain", "zhang")


def test_a_killed_site_is_a_dropout_and_jobs_with_code_or_other_classes_are_refused(
    python, tmp_path
):
    settings = {**SETTINGS, "scheme": "bonawitz", "rounds": 3}
    deployed = Deployment(tmp_path, settings, sites=4)
    with kits_of(python, deployed) as kits:
        kits.allow_code("localhost")
        started(kits)
        # A job that brings code: the server would allow it, and the hospitals do not.
        brings = write_job(tmp_path, "brings_code", "brought.Controller", "brought.Executor")
        (brings / "app" / "custom").mkdir()
        mark = tmp_path / "was_run"
        code = f"open({str(mark)!r}, 'w')\n"
        (brings / "app" / "custom" / "brought.py").write_text(code)
        kits.submit(brings)
        kits.wait_for("localhost", "hospital-2: NVFLARE_ERROR: BYOC not permitted")
        # A job that names a class of NVFlare's own: it is not among those that may be named.
        other = "nvflare.app_common.executors.statistics.statistics_executor.StatisticsExecutor"
        ours = "tff_health.federation.nvflare.controller.StudyController"
        kits.submit(write_job(tmp_path, "other_class", ours, other))
        kits.wait_for("hospital-1", f"{other}' at config path")
        kits.wait_for("localhost", "Fail the job run")
        # The study's own job, in which a site is killed.
        kits.submit(JOB)
        kits.wait_for("hospital-2", "round 2: training", 200)
        kits.kill_job("hospital-2")  # alone; its kit's own program goes on
        model, rows = wait_for_results(kits, deployed)
        logs = kits.logs()
    assert not mark.exists()
    assert model
    assert [row["survivors"] for row in rows] == [4, 3, 3], logs
    assert [row["lost"] for row in rows] == [0, 0, 0]


def test_a_benchmarked_session_gives_the_plain_sum(python, tmp_path):
    found = measure(python, tmp_path, sites=3, length=1_000)
    assert len(found["seconds"]) == 6
