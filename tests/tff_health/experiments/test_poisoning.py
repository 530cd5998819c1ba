"""Experiment `poisoning`: its runs, what its report says, and how it goes on after a kill."""

import csv
import json

import pytest

from tests.tff_health.outcomes import outcome
from tests.tff_health.runs import rows, run, start, wait_for_rounds
from tests.tff_health.test_settings import parse, told
from tff_health.experiments import poisoning, poisoning_report
from tff_health.reporting.results_folder import ResultsFolder
from tff_health.settings.checks import validate
from tff_health.settings.groups.study import DEFENCES
from tff_health.studies.comparison import ComparedRun
from tff_health.training.hostility import attack_of

WHOLE = parse("--experiment=poisoning", "--seeds=0,1", "--update_norm=0.7").config
SMALL = (
    *("--experiment=poisoning", "--num_clients=10", "--rounds=2", "--partition=iid"),
    *("--attacks=scale", "--hostile_shares=0.3", "--defences=groups,bound", "--seeds=0"),
    "--update_norm=1.0",
)


def parts():
    return {part.name: part.config for part in poisoning.plan(WHOLE)}


def test_every_attack_meets_every_defence_and_every_defence_peace():
    names = set(parts())
    assert len(names) == 2 * (5 + 4 * 2 * 6 + 2)
    assert {"mean-none-0-seed1", "quality-lie-0.3-seed0", "kept_bound-noise-0.1-seed1"} <= names
    assert "kept_bound-none-0-seed0" not in names
    assert "mean-lie-0.3-seed0" not in names
    for config in parts().values():
        validate(config)


def test_defences_are_what_they_say():
    found = {d: parts().get(f"{d}-scale-0.3-seed0") for d in DEFENCES}
    for config in found.values():
        assert (config.attack.kind, config.attack.hostile_share) == ("scale", 0.3)
        assert config.attack.strength == WHOLE.study.strength
    schemes = {d: config.run.scheme for d, config in found.items()}
    assert schemes == dict.fromkeys(DEFENCES, "bonawitz") | {"quality": "zhang"}
    norms = {d: (c.robust.update_norm, c.attack.enforced_norm) for d, c in found.items()}
    assert norms["mean"] == norms["quality"] == (0, 0)
    assert norms["clipping"] == norms["groups"] == (0.7, 0)
    assert norms["bound"] == norms["kept_bound"] == (0.7, 0.7)
    assert [d for d, c in found.items() if c.has_groups] == ["groups"]
    assert [d for d, c in found.items() if c.attack.keeps_norm] == ["kept_bound"]


def test_the_same_clients_are_hostile_whatever_they_do_and_others_with_another_seed():
    def hostile(name):
        return attack_of(parts()[name]).clients

    assert hostile("mean-scale-0.3-seed0") == hostile("groups-noise-0.3-seed0")
    assert hostile("mean-scale-0.3-seed0") != hostile("mean-scale-0.3-seed1")
    assert len(hostile("mean-scale-0.3-seed0")) == 3
    assert set(hostile("mean-scale-0.1-seed0")) < set(hostile("mean-scale-0.3-seed0"))
    assert attack_of(parts()["mean-none-0-seed0"]) is None
    assert attack_of(parts()["bound-none-0-seed0"]).clients == ()


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--attacks=bribe",), "--attacks=bribe: allowed are label_flip"),
        (("--defences=krum",), "--defences=krum: allowed are mean"),
        (("--hostile_shares=1.5",), "--hostile_shares=1.5: must be"),
        (("--hostile_shares=0.1,0.1",), "none twice"),
        (("--attacks=",), "must be one or more"),
        (("--update_norm=0",), "--update_norm=0.0: experiment poisoning needs"),
        (("--scheme=zhang",), "--scheme has no effect with --experiment=poisoning"),
        (("--robust=groups",), "--robust has no effect with --experiment=poisoning"),
    ],
)
def test_what_is_refused(arguments, problem):
    assert problem in told("--experiment=poisoning", *arguments)


def test_nobody_else_can_have_hostile_clients():
    for flag in ("--attack=scale", "--hostile_share=0.3", "--enforced_norm=1"):
        assert "no setting has this name" in told(flag)


def compared(case, seed, accuracy, success=None):
    config = poisoning.case_config(WHOLE, case, seed)
    made = outcome(seed=seed, final_accuracy=accuracy, balanced_accuracy=accuracy / 2)
    return ComparedRun(case.name, config, [{"attack_success": success}], made, 5, vars(case))


def test_the_report_says_what_is_borne(tmp_path):
    chosen = ("--attacks=scale,noise", "--defences=mean,bound", "--hostile_shares=0.3")
    config = parse("--experiment=poisoning", "--seeds=0,1", *chosen).config
    accuracy = {
        **{"mean-none": 0.75, "bound-none": 0.74, "mean-scale": 0.1, "bound-scale": 0.73},
        **{"mean-noise": 0.70, "bound-noise": 0.74},
    }
    runs = [
        compared(case, seed, accuracy[f"{case.defence}-{case.attack}"] + 0.01 * seed, success)
        for seed in (0, 1)
        for case in poisoning.cases(config)
        for success in [0.4 if case.attack == "scale" else None]
    ]
    with ResultsFolder(tmp_path / "out", config.as_dict()) as folder:
        folder.describe({"config": config.as_dict()})
        text = poisoning_report.write(folder, config, 2500, runs)
    assert "mean of one secure sum, 30% hostile: does not bear scaled updates (-65.0 points" in text
    assert "enforced bound, 30% hostile: bears scaled updates (-2.0 points" in text
    assert "bears noise (-1.0 points)" in text
    with (tmp_path / "out" / "tables" / "accuracy.csv").open() as file:
        table = list(csv.reader(file))
    assert table[1] == ["nobody hostile", "75.5 ± 0.7", "74.5 ± 0.7"]
    assert table[2][1] == "10.5 ± 0.7"
    with (tmp_path / "out" / "tables" / "attack_success.csv").open() as file:
        assert list(csv.reader(file))[1:] == [
            ["scaled updates, 30% hostile", "40.0 ± 0.0", "40.0 ± 0.0"]
        ]
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())["runs"]
    assert {"defence": "bound", "attack": "noise", "share": 0.3}.items() <= summary[-1].items()
    assert "the proof itself is not run" in (tmp_path / "out" / "report.html").read_text()


def test_a_killed_experiment_goes_on(tmp_path):
    process = start(tmp_path / "out", *SMALL)
    runs = tmp_path / "out" / "runs"
    wait_for_rounds(process, runs / "bound-none-0-seed0", 1)
    process.kill()
    process.communicate()
    finished = (runs / "groups-none-0-seed0" / "summary.json").stat().st_mtime_ns
    assert not (tmp_path / "out" / "summary.json").exists()
    result = run(tmp_path / "out", *SMALL)
    assert result.returncode == 0, result.stderr
    # What was done is not done again, and what was begun is gone on with.
    assert (runs / "groups-none-0-seed0" / "summary.json").stat().st_mtime_ns == finished
    assert [row["round"] for row in rows(runs / "bound-none-0-seed0")] == ["1", "2"]
    for name in ("groups-none-0-seed0", "groups-scale-0.3-seed0"):
        grouped = rows(runs / name)
        assert {row["groups"] for row in grouped} == {"3"}
        assert all(row["dealing"].count(";") == 2 for row in grouped)
        assert all(("norm" in row["dealing"]) == ("scale" in name) for row in grouped)
    assert [row["survivors"] for row in rows(runs / "bound-none-0-seed0")] == ["10"] * 2
    attacked = rows(runs / "bound-scale-0.3-seed0")
    assert [row["survivors"] for row in attacked] == ["7"] * 2
    assert 0 <= float(attacked[-1]["attack_success"]) <= 1
    told = (runs / "bound-scale-0.3-seed0" / "report.html").read_text()
    assert "Simulated attack scale: clients" in told
    assert "as if each came with a proof" in told
    assert "bound-scale-0.3" in result.stdout
