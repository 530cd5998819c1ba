"""Experiment `costs` as a user runs it."""

import json
import sys

from tests.tff_health import warm
from tests.tff_health.runs import user_environment

GIVEN = ("--vector_length=500", "--client_counts=4,6", "--dropout_rates=0,0.25")


def run(out_dir, *given):
    command = [sys.executable, "run_experiments.py", "--experiment=costs", f"--out_dir={out_dir}"]
    return warm.run([*command, *given], user_environment())


def test_formulas_stand_beside_what_was_found(tmp_path):
    out_dir = tmp_path / "run"
    result = run(out_dir, *GIVEN)
    assert result.returncode == 0, result.stderr
    summary = json.loads((out_dir / "summary.json").read_text())
    sizes = [(r["task"]["num_clients"], r["task"]["num_dropped"]) for r in summary["runs"]]
    assert sizes == [(4, 0), (4, 1), (6, 0), (6, 2)]
    for one in summary["runs"]:
        for term, wanted in one["client_formula"].items():
            assert one["client"][term] == wanted
        assert sum(one["client"].values()) == one["client_bytes"]
    assert "byte for byte" in (out_dir / "report.html").read_text()
    names = {path.name for path in (out_dir / "tables").iterdir()}
    assert {
        f"{who}_{what}.md" for who in ("client", "server") for what in ("bytes", "operations")
    } <= names
    assert run(out_dir, *GIVEN).stdout.startswith("already finished")


def test_what_cannot_be_survived_is_refused(tmp_path):
    result = run(tmp_path / "run", "--client_counts=4", "--dropout_rates=0.5")
    assert result.returncode == 2
    assert "must survive a round" in result.stderr
    assert not (tmp_path / "run").exists()
