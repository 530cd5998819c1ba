"""Files, folder and metrics of a run: whole or not at all, and one run a folder."""

import json

import pytest

from tff_health.atomic import atomic_write
from tff_health.errors import ConfigError, RunError
from tff_health.reporting.files import read_json, write_json
from tff_health.reporting.metrics_log import MetricsLog
from tff_health.reporting.results_folder import ResultsFolder
from tff_health.reporting.tables import Table

SETTINGS = {"rounds": 3, "dataset": "digits"}
DESCRIPTION = {"config": SETTINGS, "data": {"data_sha256": "a", "split_sha256": "b"}}


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(OSError, match="full"), atomic_write(path) as file:
        file.write(b"new")
        raise OSError(28, "full")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_json_is_strict(tmp_path):
    write_json(tmp_path / "x.json", {"a": float("nan"), "b": [float("inf"), 1.5], "c": (1,)})
    text = (tmp_path / "x.json").read_text()
    assert json.loads(text, parse_constant=pytest.fail) == {"a": None, "b": [None, 1.5], "c": [1]}
    assert read_json(tmp_path / "x.json")["b"][1] == 1.5


def test_metrics_are_read_back_exactly(tmp_path):
    log = MetricsLog(tmp_path / "m.csv", ("scheme", "round", "loss", "accuracy"))
    rows = [
        {"scheme": "fedavg", "round": number, "loss": 1 / (3 + number), "accuracy": None}
        for number in range(1, 5)
    ]
    for row in rows:
        log.append(row)
    again = MetricsLog(tmp_path / "m.csv", ("scheme", "round", "loss", "accuracy"))
    assert again.rows == log.rows == rows
    again.drop_after(2)
    assert [row["round"] for row in again.rows] == [1, 2]


def test_metrics_refuse_unknown_columns(tmp_path):
    log = MetricsLog(tmp_path / "m.csv", ("round",))
    with pytest.raises(ValueError, match="loss"):
        log.append({"round": 1, "loss": 2.0})
    log.append({"round": 1})
    with pytest.raises(ValueError, match="columns"):
        MetricsLog(tmp_path / "m.csv", ("round", "loss"))


def test_a_folder_goes_on_with_the_same_settings_only(tmp_path):
    with ResultsFolder(tmp_path / "run", SETTINGS) as folder:
        folder.describe(DESCRIPTION)
        assert not folder.is_finished
    with ResultsFolder(tmp_path / "run", SETTINGS) as folder:
        folder.describe(DESCRIPTION)
    with (
        pytest.raises(ConfigError, match="rounds is 3, not 4"),
        ResultsFolder(tmp_path / "run", SETTINGS | {"rounds": 4}),
    ):
        pass


def test_a_folder_refuses_other_data(tmp_path):
    with ResultsFolder(tmp_path / "run", SETTINGS) as folder:
        folder.describe(DESCRIPTION)
        with pytest.raises(ConfigError, match="split_sha256 differs"):
            folder.describe({"config": SETTINGS, "data": {"data_sha256": "a", "split_sha256": "c"}})


def test_a_folder_has_one_writer(tmp_path):
    with (
        ResultsFolder(tmp_path / "run", SETTINGS),
        pytest.raises(RunError, match="in use"),
        ResultsFolder(tmp_path / "run", SETTINGS),
    ):
        pass


def test_a_folder_with_other_files_is_refused_untouched(tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")
    with (
        pytest.raises(ConfigError, match="not of a run"),
        ResultsFolder(tmp_path, SETTINGS),
    ):
        pass
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(ConfigError, match="File exists"), ResultsFolder(tmp_path / "run", SETTINGS):
        pass
    with (
        pytest.raises(ConfigError, match="Not a directory"),
        ResultsFolder(tmp_path / "run" / "below", SETTINGS),
    ):
        pass


def test_a_run_that_never_began_leaves_no_folder(tmp_path):
    with (
        pytest.raises(RuntimeError),
        ResultsFolder(tmp_path / "run", SETTINGS) as folder,
    ):
        folder.scratch.mkdir()
        raise RuntimeError
    assert not (tmp_path / "run").exists()


def test_tables_are_written_for_people_and_programs(tmp_path):
    Table(
        "t", "A table", ("name", "share", "count"), [("a", 0.12345, 1234), ("b", float("nan"), 5)]
    ).save(tmp_path)
    assert (tmp_path / "t.csv").read_text() == "name,share,count\na,0.12345,1234\nb,nan,5\n"
    assert (tmp_path / "t.md").read_text() == (
        "| name | share | count |\n| --- | ---: | ---: |\n| a | 0.1235 | 1,234 |\n| b | - | 5 |\n"
    )
