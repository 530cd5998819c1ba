"""docs/field-notes.md and findings/: every row names versions, and tests that are there."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/field-notes.md"
FINDINGS = sorted((ROOT / "findings").glob("*"))
VERSION = re.compile(r"\b\d+\.\d+(\.\d+)*\b")
PATH = re.compile(r"`((?:tests|findings|benchmarks)/[\w/]+\.(?:py|sh))`")


def rows(text):
    """The cells of each row of the page's tables, heads aside."""
    for line in text.splitlines():
        if line.startswith("|") and not line.startswith(("| seen |", "|---")):
            yield [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def faults(cells):
    """What is wrong with a row."""
    if len(cells) != 3 or not all(cells):
        return ["it has not three cells"]
    paths = PATH.findall(cells[2])
    wrong = [f"{path} is gone" for path in paths if not (ROOT / path).is_file()]
    if not paths:
        wrong.append("nothing shows it")
    if not VERSION.search(cells[0]) and not cells[0].startswith("The same"):
        wrong.append("it names no version")
    return wrong


@pytest.mark.parametrize("cells", rows(PAGE.read_text()), ids=lambda cells: cells[0][:40])
def test_a_row_names_versions_and_what_shows_it(cells):
    assert faults(cells) == []


def test_faulty_rows_are_found():
    good = ["Library 1.2", "refused", "`tests/test_docs.py`"]
    assert faults(good) == []
    assert faults(good[:2]) == faults([*good[:2], ""]) == ["it has not three cells"]
    assert faults(["Library", "refused", "`tests/none.py`"]) == [
        "tests/none.py is gone",
        "it names no version",
    ]
    assert faults([*good[:2], "by hand"]) == ["nothing shows it"]


def test_there_are_findings():
    assert len(FINDINGS) >= 8


@pytest.mark.parametrize("path", FINDINGS, ids=lambda path: path.name)
def test_a_finding_stands_by_itself(path):
    text = path.read_text()
    assert path.suffix == ".sh"
    subprocess.run(["bash", "-n", str(path)], check=True)
    assert "set -euo pipefail" in text
    assert "mktemp -d" in text
    assert "trap" in text
    head = text[: text.index("set -euo")]
    assert VERSION.search(head)
    assert "Output seen:" in head
    installed = " ".join(re.findall(r"pip\" install((?:[^\n]|\\\n)+)", text))
    packages = re.findall(r"(?<= )[A-Za-z][\w.-]*(?:==[\w.]+)?(?= |$|\n|\\)", installed)
    assert packages
    assert all("==" in package for package in packages), packages
    assert not re.search(r"\b(tff_health|crypto|models)\b", text)
