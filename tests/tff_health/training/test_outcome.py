"""What summary.json says of a run, written and read back."""

import dataclasses
import json
import math

import pytest

from tests.tff_health.outcomes import outcome
from tff_health.reporting.files import read_json, write_json
from tff_health.training.outcome import PrivacySpent, PrivacyTerms, RunOutcome, Seconds

TERMS = PrivacyTerms(
    *(1e-5, 1.1, "RDP", "add or remove", "Poisson", "record"),
    *("updates", "nothing", "operating system"),
)
SPENT = PrivacySpent(2.0, (1.5, 2.0), TERMS)


@pytest.mark.parametrize("privacy", [None, SPENT], ids=["without privacy", "with privacy"])
def test_an_outcome_is_read_as_it_was_written(tmp_path, privacy):
    run = outcome(privacy=privacy)
    write_json(tmp_path / "run.json", run.as_json())
    assert RunOutcome.from_json(read_json(tmp_path / "run.json", "")) == run


def test_numbers_that_json_lacks_come_back_as_nan(tmp_path):
    run = outcome(recall=(math.nan, 0.5), auc=math.nan)
    write_json(tmp_path / "run.json", run.as_json())
    read = RunOutcome.from_json(json.loads((tmp_path / "run.json").read_text()))
    assert math.isnan(read.auc)
    assert math.isnan(read.recall[0])
    assert read.recall[1] == 0.5


def test_privacy_stands_beside_the_rest():
    entry = outcome(privacy=SPENT).as_json()
    assert entry["epsilon"] == 2.0
    assert entry["noise_multiplier"] == 1.1
    assert "privacy" not in entry
    assert "epsilon" not in outcome().as_json()


LATER = ("lost_rounds", "rounds_with_non_finite_updates", "verified", "virtual_seconds")
FIELDS = [field.name for field in dataclasses.fields(RunOutcome)[:-1] if field.name not in LATER]


def test_runs_of_version_0_1_0_are_read():
    entry = outcome(lost_rounds=0).as_json()
    for name in LATER:
        del entry[name]
    assert RunOutcome.from_json(entry) == outcome()


@pytest.mark.parametrize("name", FIELDS)
def test_an_entry_in_which_something_is_missing_is_refused(name):
    entry = outcome().as_json()
    del entry[name]
    with pytest.raises(KeyError, match=name):
        RunOutcome.from_json(entry)


def test_seconds_are_scaled_for_rounds_that_were_not_run():
    assert Seconds(4.0, 3.0, 0.5, 0.25).times(1.5) == Seconds(6.0, 4.5, 0.75, 0.375)
