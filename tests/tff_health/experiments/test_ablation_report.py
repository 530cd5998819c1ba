"""Differences that experiment `ablation` tells."""

import csv
import json

from tests.tff_health.outcomes import outcome
from tff_health import flags
from tff_health.experiments import ablation_report
from tff_health.reporting.results_folder import ResultsFolder
from tff_health.studies.comparison import ComparedRun

GIVEN = ["run", "--experiment=ablation", "--dataset=ham10000", "--preset=tuned", "--split=paper"]
CONFIG = flags.parse([*GIVEN, "--seeds=0,1"], {}).config


def compared(group, seed, accuracy, balanced):
    run = outcome(seed=seed, final_accuracy=accuracy, balanced_accuracy=balanced)
    return ComparedRun(group, CONFIG, [], run, 5)


def test_differences_are_taken_seed_by_seed(tmp_path):
    runs = [
        compared("as given", 0, 0.80, 0.50),
        compared("without flips", 0, 0.78, 0.51),
        compared("as given", 1, 0.70, 0.40),
        compared("without flips", 1, 0.67, 0.42),
    ]
    with ResultsFolder(tmp_path / "out", CONFIG.as_dict()) as folder:
        folder.describe({"config": CONFIG.as_dict()})
        text = ablation_report.write(folder, CONFIG, 2500, runs)
    with (tmp_path / "out" / "tables" / "ablation.csv").open() as file:
        given, without, majority = csv.DictReader(file)
    assert given["accuracy"] == "75.0 ± 7.1"
    assert given["accuracy: difference"] == ""
    assert without["accuracy: difference"] == "-2.5 ± 0.7"
    assert without["balanced accuracy: difference"] == "+1.5 ± 0.7"
    assert majority["accuracy"] == "64.0"
    report = (tmp_path / "out" / "report.html").read_text()
    assert "-2.5 ± 0.7 points" in report
    assert "standard error of 0.9 points" in report  # sqrt(0.75 * 0.25 / 2500)
    assert "leaks" in report
    assert "without flips" in text
    assert len(json.loads((tmp_path / "out" / "summary.json").read_text())["runs"]) == 4
