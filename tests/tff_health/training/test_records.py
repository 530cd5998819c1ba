"""Files, folder and metrics of a run: whole or not at all, and one run a folder."""

import json

import pytest

from tests.tff_health.outcomes import outcome
from tff_health import flags
from tff_health.atomic import atomic_write
from tff_health.errors import ConfigError, RunError
from tff_health.experiments import train
from tff_health.reporting.files import read_json, write_json
from tff_health.reporting.results_folder import ResultsFolder, refuse_inside_of_a_run
from tff_health.reporting.tables import Table
from tff_health.training.metrics_log import MetricsLog, read_rows

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
    assert read_json(tmp_path / "x.json", "")["b"][1] == 1.5


def test_metrics_are_read_back_exactly(tmp_path):
    log = MetricsLog(tmp_path / "m.csv", ("scheme", "round", "loss", "accuracy"))
    rows = [
        {"scheme": "fedavg", "round": number, "loss": 1 / (3 + number), "accuracy": None}
        for number in range(1, 5)
    ]
    log.add(rows)
    log.write()
    assert read_rows(tmp_path / "m.csv") == log.rows == rows
    again = MetricsLog(tmp_path / "m.csv", ("scheme", "round", "loss", "accuracy"))
    again.restore(log.text)
    assert again.rows == rows


@pytest.mark.parametrize("damage", ["missing", "cut", "empty", "garbled", "edited"])
def test_metrics_are_repaired_from_what_was_kept_with_the_state(tmp_path, damage):
    path = tmp_path / "m.csv"
    log = MetricsLog(path, ("round", "loss"))
    log.add({"round": number, "loss": 1 / number} for number in range(1, 4))
    log.write()
    whole = path.read_bytes()
    spoilt = {
        "cut": whole[:-9],
        "empty": b"",
        "garbled": b"\xff\x00,1\n",
        "edited": b"round,loss\n",
    }
    path.unlink()
    if damage != "missing":
        path.write_bytes(spoilt[damage])
    MetricsLog(path, ("round", "loss")).restore(whole.decode())
    assert path.read_bytes() == whole


def test_metrics_of_a_run_whose_state_is_gone_are_not_overwritten(tmp_path):
    path = tmp_path / "m.csv"
    MetricsLog(path, ("round",)).restore("")
    MetricsLog(path, ("round",)).restore("")  # no round was trained: nothing to lose
    path.write_text("round\n1\n")
    with pytest.raises(RunError, match="no state of the run is left"):
        MetricsLog(path, ("round",)).restore("")
    assert path.read_text() == "round\n1\n"


@pytest.mark.parametrize(
    "content", [b"", b"round,lo", b"round,loss\n1", b"round,loss\n1,2,3\n", b"\xff"]
)
def test_damaged_metrics_are_not_read(tmp_path, content):
    (tmp_path / "m.csv").write_bytes(content)
    if content == b"round,lo":
        assert read_rows(tmp_path / "m.csv") == []
        return
    with pytest.raises(ValueError):
        read_rows(tmp_path / "m.csv")


def damage(path, how):
    """Spoils a file in one of the ways that happen to files."""
    whole = path.read_bytes()
    path.unlink()
    if how == "folder":
        path.mkdir()
    elif how != "missing":
        spoilt = {
            "cut": whole[: len(whole) // 2],
            "empty": b"",
            "garbled": b"\xff{",
            "other": b"[1]",
        }
        path.write_bytes(spoilt[how])


HOWS = ("missing", "cut", "empty", "garbled", "other", "folder")


@pytest.mark.parametrize("how", HOWS)
def test_a_folder_whose_settings_are_damaged_is_refused_untouched(tmp_path, how):
    with ResultsFolder(tmp_path, SETTINGS) as folder:
        folder.describe(DESCRIPTION)
    (tmp_path / "metrics.csv").write_text("round\n1\n")
    damage(tmp_path / "config.json", how)
    with (
        pytest.raises(RunError, match=r"config\.json (is|cannot be).*: start anew"),
        ResultsFolder(tmp_path, SETTINGS),
    ):
        pass
    assert (tmp_path / "metrics.csv").exists()


def test_states_without_their_settings_are_not_gone_on_with(tmp_path):
    (tmp_path / "work" / "checkpoints").mkdir(parents=True)
    (tmp_path / "work" / "checkpoints" / "round-000001.npz").write_bytes(b"")
    with (
        pytest.raises(RunError, match=r"config\.json is missing"),
        ResultsFolder(tmp_path, SETTINGS),
    ):
        pass


@pytest.mark.parametrize("how", HOWS[1:])
def test_damaged_results_do_not_pass_for_a_finished_run(tmp_path, how):
    with ResultsFolder(tmp_path, SETTINGS) as folder:
        folder.describe(DESCRIPTION)
        write_json(folder.summary_path, {"runs": []})
        assert folder.is_finished
        damage(folder.summary_path, how)
        with pytest.raises(RunError, match=r"summary\.json (is|cannot be).*: start anew"):
            folder.is_finished  # noqa: B018


@pytest.mark.parametrize("how", HOWS)
def test_a_finished_run_without_its_report_does_not_pass_for_whole(tmp_path, how):
    with ResultsFolder(tmp_path, SETTINGS) as folder:
        folder.describe(DESCRIPTION)
        (tmp_path / "report.html").write_text("<html>found</html>\n")
        assert folder.finished_text() == f"already finished: {tmp_path / 'report.html'}"
        damage(tmp_path / "report.html", how)
        with pytest.raises(RunError, match=r"report\.html of this .* or damaged: start anew"):
            folder.finished_text()


@pytest.mark.parametrize("how", HOWS)
def test_a_finished_run_without_its_metrics_does_not_pass_for_whole(tmp_path, how):
    arguments = ["x", "--dataset=digits", f"--out_dir={tmp_path}"]
    invocation = flags.parse(arguments, {})
    with ResultsFolder(tmp_path, invocation.config.as_dict()) as folder:
        folder.describe({"config": invocation.config.as_dict()})
        write_json(folder.summary_path, {"runs": [outcome(rounds=1).as_json()]})
    (tmp_path / "report.html").write_text("<html>found</html>\n")
    (tmp_path / "metrics.csv").write_text("round\n1\n")
    train.run(invocation)
    damage(tmp_path / "metrics.csv", how)
    with pytest.raises(RunError, match=r"metrics\.csv is missing or damaged .*: start anew"):
        train.run(invocation)


@pytest.mark.parametrize("runs", [[], [{}], [{"rounds": 1}], [1], {}, None])
def test_a_finished_run_whose_summary_lacks_something_does_not_pass_for_whole(tmp_path, runs):
    invocation = flags.parse(["x", "--dataset=digits", f"--out_dir={tmp_path}"], {})
    with ResultsFolder(tmp_path, invocation.config.as_dict()) as folder:
        folder.describe({"config": invocation.config.as_dict()})
        write_json(folder.summary_path, {"runs": runs})
    (tmp_path / "metrics.csv").write_text("round\n1\n")
    with pytest.raises(RunError, match=r"summary\.json is damaged .*: start anew"):
        train.run(invocation)


def test_metrics_refuse_unknown_columns(tmp_path):
    log = MetricsLog(tmp_path / "m.csv", ("round",))
    with pytest.raises(ValueError, match="loss"):
        log.add([{"round": 1, "loss": 2.0}])
    log.add([{"round": 1}])
    with pytest.raises(ValueError, match="columns"):
        MetricsLog(tmp_path / "m.csv", ("round", "loss")).restore(log.text)


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


def test_a_folder_inside_of_another_run_is_refused_but_not_a_part_of_a_study(tmp_path):
    outer, part = tmp_path / "run", tmp_path / "run" / "runs" / "part"
    (tmp_path / "config.json").write_text('{"config": {"theme": "dark"}}')  # somebody else's
    refuse_inside_of_a_run(outer)
    part.mkdir(parents=True)
    for folder in (outer, part):
        write_json(folder / "config.json", {"config": SETTINGS | {"experiment": "train"}})
    refuse_inside_of_a_run(outer)
    refuse_inside_of_a_run(part)
    with pytest.raises(ConfigError, match=f"folder of another run, {outer}: choose one outside"):
        refuse_inside_of_a_run(outer / "work" / "mine")


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
