"""What a running study shows to its operator, and the evidence that it leaves."""

import json
import re
import shutil
import subprocess
import sys
import time
import urllib.request

import pytest

from tests.tff_health.federation.deployment import ROOT, Deployment, free_port
from tff_health.federation.__main__ import main
from tff_health.federation.evidence.transcript import TRANSCRIPT
from tff_health.federation.evidence.verification import verify_folder

pytestmark = [pytest.mark.slow, pytest.mark.drill]
SETTINGS = {"dataset": "digits", "model": "mnist_cnn", "rounds": 4, "scheme": "bonawitz", "seed": 5}


def shown(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/status.json", timeout=10) as answer:
        return json.load(answer)


def when(port, condition, seconds=120):
    """The first status of which a condition holds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            status = shown(port)
        except OSError:
            status = None
        if status and condition(status):
            return status
        time.sleep(0.2)
    raise AssertionError(status)


def gathered(deployed, folder):
    """All transcripts and the registry in one folder, as an auditor has them."""
    folder.mkdir()
    shutil.copy(deployed.folder / "ca" / "registry.json", folder)
    shutil.copy(deployed.results / TRANSCRIPT, folder / "server.jsonl")
    for name in deployed.names:
        shutil.copy(deployed.folder / name / TRANSCRIPT, folder / f"{name}.jsonl")
    return folder


def test_status_and_evidence_of_a_study_with_a_kill_and_a_return(tmp_path, capsys):
    port = free_port()
    with Deployment(tmp_path, SETTINGS, sites=5) as deployed:
        deployed.start_server(f"--status={port}")
        first = when(port, lambda status: True)
        assert first["study"] == "try"
        assert len(first["sites"]) == 5
        first = when(port, lambda status: status["stage"] == "waiting for sites")
        assert first["waiting_for"] == deployed.names
        for name in deployed.names:
            deployed.start(name)
        training = when(port, lambda status: status["stage"] == "training at the sites")
        assert set(training["waiting_for"]) <= set(deployed.names)
        deployed.wait_for("hospital-2", "round 2: training")
        deployed.kill("hospital-2")
        away = when(port, lambda status: status["sites"][1]["state"] == "away")
        assert away["sites"][1]["since"]
        deployed.wait_for("hospital-1", "round 3: training")
        later = when(port, lambda status: len(status["rounds"]) >= 2)
        assert later["rounds"][0]["survivors"] == 5
        assert later["rounds"][0]["accuracy"] > 0
        assert [site["dropouts"] for site in later["sites"]] == [0, 1, 0, 0, 0]
        assert later["sites"][0]["bytes_up"] > 10_000
        deployed.start("hospital-2")
        assert deployed.wait("server") == 0, deployed.logs()
        for name in deployed.names:
            if name != "hospital-2":
                assert deployed.wait(name) == 0, deployed.logs()
        folder = gathered(deployed, tmp_path / "evidence")
    verdict = verify_folder(folder)
    assert verdict.problems == ()
    assert verdict.transcripts == 6
    assert verdict.entries >= 4 * 5
    assert main(["verify", str(folder)]) == 0
    # The server's word against the sites': what it tells of the survivors is theirs too.
    path = folder / "server.jsonl"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:-1]) + "\n")
    assert main(["verify", str(folder)]) == 1
    assert "server.jsonl: does not tell of round 4" in capsys.readouterr().err


def test_the_example_on_one_machine():
    done = subprocess.run(
        [sys.executable, "-m", "examples.federation.loopback"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    assert "hospital-2 is killed while it trains in round 2" in done.stdout
    assert re.search(r"survivors of the rounds: 5, 4, [45], [45]\n", done.stdout)
    assert re.search(r"evidence: 6 transcripts, \d+ entries, 0 problems", done.stdout)


@pytest.mark.parametrize("scheme", ["bonawitz", "fedopt"])
def test_evidence_survives_a_kill_of_the_server(tmp_path, scheme):
    with Deployment(tmp_path, {**SETTINGS, "scheme": scheme, "rounds": 3}) as deployed:
        deployed.start_all()
        deployed.wait_for("hospital-1", "round 2: training")
        deployed.kill("server")
        deployed.start_server()
        assert deployed.wait("server") == 0, deployed.logs()
        for name in deployed.names:
            assert deployed.wait(name) == 0, deployed.logs()
        folder = gathered(deployed, tmp_path / "evidence")
        transcripts = sorted(path.stem for path in folder.glob("*.jsonl"))
    assert transcripts == sorted(["server", *deployed.names])
    assert verify_folder(folder).problems == ()
    assert len((folder / "server.jsonl").read_text().splitlines()) == 3
    if scheme == "fedopt":
        entries = [json.loads(line) for line in (folder / "keeper.jsonl").read_text().splitlines()]
        told = [entry["entry"]["told"] for entry in entries]
        assert [one["round_id"] for one in told] == [1, 2, 3]
        assert all(any("decrypt" in name for name in one["sessions"]) for one in told)
        lines = (folder / "keeper.jsonl").read_text().splitlines(keepends=True)
        (folder / "keeper.jsonl").write_text("".join(lines[:-1]))
        (problem,) = verify_folder(folder).problems
        assert "keeper.jsonl: does not tell of round 3" in str(problem)
