"""Rounds of training between programs of their own, beside what the slowest site trained for."""

import csv
import os
import re
import subprocess
import tempfile
from pathlib import Path

from benchmarks.federation.secure_sum import ROOT, enrolled, free_port, processes
from tff_health.federation.consortium.digests import spoken
from tff_health.federation.consortium.registry import read_registry
from tff_health.federation.site.state import create_state
from tff_health.federation.study import read_study

_STUDY = """
[study]
name = "rounds"
server = "localhost:{port}"
clients = {clients}
stage_seconds = 60
training_seconds = 300

[settings]
scheme = "bonawitz"
dataset = "synthetic_lesions"
model = "paper_cnn"
rounds = {rounds}
eval_every = {rounds}
validation_fraction = 0.0
"""
_SITE = """
[site]
folder = "{name}"
registry = "ca/registry.json"
registry_digest = "{registry}"
study = "study.toml"
study_digest = "{study}"

[policy]
schemes = ["bonawitz"]
smallest_cohort = 3
smallest_threshold = 3
colluders = 0
epsilon_budget = inf
rounds_a_day = 1000
"""
_LIMIT = 500.0


def training_rounds(sites: int, rounds: int) -> list[tuple[float, float]]:
    """Runs a study whose parties are processes on this machine, with TLS between them.

    Args:
        sites: how many there are.
        rounds: of the study. The last is left out, as the model is evaluated in it, and so is the
            first, in which all compile.

    Returns:
        for each other round its seconds, and those for which the slowest site trained.

    Raises:
        ValueError: if the study came to no end, or a site was missing from a round.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        names, port = enrolled(folder, sites), free_port()
        _write_files(folder, names, port, rounds)
        with processes() as start:
            for site in names:
                _start(start, folder, site, "benchmarks.federation.timed_site", f"{site}.toml")
            server = _start(
                start,
                folder,
                "server",
                *("tff_health.federation", "server", "study.toml", "--keys=ca/server"),
                *("--registry=ca/registry.json", "--out_dir=results"),
                *(f"--listen=localhost:{port}", "--stay=0"),
            )
            try:
                code = server.wait(_LIMIT)
            except subprocess.TimeoutExpired:
                code = -1
            if code:
                logs = [(folder / f"{one}.log").read_text()[-500:] for one in ("server", *names)]
                raise ValueError("\n".join(logs))
        with (folder / "results" / "metrics.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        if any(int(row["survivors"]) < sites for row in rows):
            raise ValueError("a site was missing from a round")
        trained = [_trained((folder / f"{site}.log").read_text()) for site in names]
        return [
            (float(row["seconds_total"]), max(seconds[number] for seconds in trained))
            for number, row in enumerate(rows, 1)
            if 1 < number < rounds
        ]


def _write_files(folder: Path, names: list[str], port: int, rounds: int) -> None:
    clients = list(range(1, len(names) + 1))
    study = _STUDY.format(port=port, clients=clients, rounds=rounds)
    (folder / "study.toml").write_text(study)
    digests = {
        "registry": spoken(read_registry(folder / "ca" / "registry.json").digest),
        "study": spoken(read_study(folder / "study.toml").digest),
    }
    for name in names:
        create_state(folder / name)
        (folder / f"{name}.toml").write_text(_SITE.format(name=name, **digests))


def _start(start, folder: Path, name: str, *arguments: str) -> subprocess.Popen[str]:  # type: ignore[no-untyped-def]
    with (folder / f"{name}.log").open("ab") as log:
        started: subprocess.Popen[str] = start(
            *arguments,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        return started


def _trained(log: str) -> dict[int, float]:
    """Seconds from the first to the last moment of training, by round."""
    found: dict[int, list[float]] = {}
    for moment, number in re.findall(r"^([\d.]+) round (\d+): train(?:ing|ed)$", log, re.M):
        found.setdefault(int(number), []).append(float(moment))
    return {number: max(moments) - min(moments) for number, moments in found.items()}
