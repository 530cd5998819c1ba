"""Runs that experiment `stragglers` plans, and what it tells of them."""

import csv
import dataclasses
import json

import numpy as np
import pytest

from tests.tff_health.outcomes import outcome
from tff_health import flags
from tff_health.errors import ConfigError
from tff_health.experiments import stragglers_report
from tff_health.experiments.stragglers import plan
from tff_health.experiments.stragglers_report import Stragglers, newest_rows, seconds_to
from tff_health.reporting.results_folder import ResultsFolder
from tff_health.studies.comparison import ComparedRun
from tff_health.studies.study import validate


def config_of(*given):
    return flags.parse(["run", "--experiment=stragglers", *given], {}).config


def test_every_share_and_mode_is_run_with_every_seed_on_settings_that_go_together():
    config = config_of("--seeds=0,1", "--rounds=8")
    parts = plan(config)
    validate(parts)
    assert len({part.name for part in parts}) == len(parts) == 2 * 3 * 4
    by_name = {part.name: part.config for part in parts}
    waiting = by_name["slow30-all-seed1"]
    assert waiting.clock.slow_clients == 0.3
    assert (waiting.clock.deadline_share, waiting.clock.buffer_size) == (0.0, 0)
    assert by_name["slow10-deadline-seed0"].clock.deadline_share == 0.7
    assert by_name["slow0-partial_work-seed0"].clock.partial_work == "fednova"
    assert by_name["slow30-asynchronous-seed0"].clock.buffer_size == 5
    rounds = {name.split("-")[1]: part.training.rounds for name, part in by_name.items()}
    assert rounds == {"all": 8, "deadline": 16, "partial_work": 16, "asynchronous": 32}
    for part in parts:  # the same data whatever is compared
        assert part.config.partition == waiting.partition
        assert part.config.partition.kind == "rare"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--modes=deadline",), "others are held against it: add 'all'"),
        (("--slow_shares=0.1,0.1",), "none twice"),
        (("--slow_shares=2",), "--slow_shares"),
        (("--modes=all,waiting",), "--modes"),
    ],
)
def test_studies_that_compare_nothing_are_refused(given, said):
    with pytest.raises(ConfigError, match=said):
        config_of(*given)


def rows_of(accuracies, seconds, rare):
    return [
        {
            **{"round": number, "test_accuracy": accuracy, "balanced_accuracy": accuracy / 2},
            **{"virtual_seconds": number * seconds, "recall_df": rare, "recall_nv": 1.0},
            "recall_vasc": rare / 2,
        }
        for number, accuracy in enumerate(accuracies, start=1)
    ]


CONFIG = config_of("--seeds=0,1", "--slow_shares=0.3")


def compared(mode, seed, accuracies, seconds, rare=0.5):
    rows = rows_of(accuracies, seconds, rare)
    config = dataclasses.replace(CONFIG, run=dataclasses.replace(CONFIG.run, seed=seed))
    done = outcome(
        seed=seed, final_accuracy=accuracies[-1], virtual_seconds=rows[-1]["virtual_seconds"]
    )
    notes = {"slow_clients": 0.3, "mode": mode}
    return ComparedRun(f"30 % slow: {mode}", config, rows, done, len(rows), notes)


@pytest.fixture
def found():
    return Stragglers(
        [
            compared("all wait", 0, [0.5, 0.74, 0.8], 10.0),
            compared("deadline", 0, [0.5, 0.8, 0.7, 0.7], 2.0, rare=0.0),
            compared("all wait", 1, [0.5, 0.78, 0.78], 10.0),
            compared("deadline", 1, [0.5, 0.7, 0.7, 0.7], 2.0, rare=0.0),
        ],
        ["df", "vasc"],
    )


def test_times_are_held_against_those_of_waiting_seed_by_seed(found):
    group = "30 % slow: deadline"
    assert found.notes(group, "share_of_waiting")[0] == pytest.approx(4 / 30)
    assert found.notes(group, "seconds_to_waiting").tolist() == [4.0, np.inf]
    waiting = "30 % slow: all wait"
    # Waiting reached the accuracy that it ended with before it ended.
    assert found.notes(waiting, "seconds_to_waiting").tolist() == [30.0, 20.0]
    assert found.notes(waiting, "share_of_waiting").tolist() == [1.0, 1.0]
    assert found.notes(waiting, "recall_of_rare_classes") == pytest.approx([0.375, 0.375])


def test_an_accuracy_is_reached_when_it_was_first_seen():
    rows = rows_of([0.5, 0.8, 0.7, 0.8], 3.0, 0.0)
    rows[1]["test_accuracy"] = None  # not evaluated
    assert seconds_to(rows, 0.75) == 12.0
    assert seconds_to(rows, 0.9) == np.inf
    shown = newest_rows(rows, np.array([0.0, 3.0, 8.9, 9.0, 50.0]))
    assert [row["round"] for row in shown] == [1, 1, 1, 3, 4]


def test_table_and_report_tell_who_reached_it(found, tmp_path):
    with ResultsFolder(tmp_path / "out", CONFIG.as_dict()) as folder:
        folder.describe({"config": CONFIG.as_dict()})
        text = stragglers_report.write(folder, CONFIG, found)
    with (tmp_path / "out" / "tables" / "stragglers.csv").open() as file:
        waiting, deadline = csv.DictReader(file)
    assert waiting["accuracy"] == "79.0 ± 1.4"
    assert waiting["recall of rare classes"] == "37.5 ± 0.0"
    assert deadline["recall of rare classes"] == "0.0 ± 0.0"
    assert deadline["as a share of waiting"] == "1 of 2 seeds"
    assert waiting["as a share of waiting"] == "1.00 ± 0.00"
    assert deadline["seconds to 75 %"] == "1 of 2 seeds"
    report = (tmp_path / "out" / "report.html").read_text()
    assert "all images of df, vasc" in report
    assert (tmp_path / "out" / "figures" / "over_virtual_time.svg").exists()
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["rare_classes"] == ["df", "vasc"]
    assert summary["runs"][1]["seconds_to_waiting"] == 4.0
    assert summary["runs"][3]["seconds_to_waiting"] is None
    assert "30 % slow: deadline" in text
