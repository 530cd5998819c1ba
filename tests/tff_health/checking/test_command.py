"""`python -m tff_health.data check`, and a reader that goes away."""

import json
import os
import subprocess
import sys

import pytest

from tests.tff_health.data.own.drawn import write_folder
from tff_health.data.__main__ import main


@pytest.fixture
def told(tmp_path, capsys):
    def run(*arguments):
        code = main(["check", *map(str, arguments)], {"XDG_CACHE_HOME": str(tmp_path / "cache")})
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def test_a_folder_of_own_images_is_checked_and_written_down(told, tmp_path):
    root = write_folder(tmp_path / "skin", each=20)
    (root / "benign" / "copy.png").write_bytes((root / "malignant" / "03.png").read_bytes())
    (root / "benign" / "bad.png").write_text("no picture")
    page, file = tmp_path / "page.html", tmp_path / "facts.json"
    code, out, err = told(root, f"--html={page}", f"--json={file}", "--num_clients=3")
    assert (code, err) == (0, "")
    assert "benign 21, malignant 20" in out
    assert "bad.png: " in out
    facts = json.loads(file.read_text())
    assert sum(facts["unreadable"].values()) == len(facts["unreadable_files"]) == 1
    assert facts["same"]["with_several_labels"] == 1
    assert facts["clients"] == 3
    text = page.read_text()
    assert "1 sets of equal images have several labels." in text
    assert text.count("<svg") == 3  # images, clients, and the pair under two labels
    assert "data:image/png;base64" in text  # the first images of each class


def test_settings_of_a_run_are_used_or_refused(told):
    code, out, _ = told("synthetic_lesions", "--partition=site", "--num_clients=4", "--split=paper")
    assert code == 0
    assert "split          paper" in out
    assert "4 clients share the rest (site)" in out
    assert " 2,140 in training and test" in out  # of groups, as that split divides them
    assert told("digits", "--partition=age")[0] == 2
    assert "--age: no setting has this name" in told("digits", "--age=3")[2]
    assert "/proc/x/facts.json cannot be written" in told("digits", "--json=/proc/x/facts.json")[2]


@pytest.mark.parametrize("arguments", [["show", "digits"], ["check", "digits"]], ids=" ".join)
def test_a_reader_that_goes_away_ends_it_quietly(arguments, tmp_path):
    with subprocess.Popen(
        [sys.executable, "-m", "tff_health.data", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"XDG_CACHE_HOME": str(tmp_path)},
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141
