"""README and docs: links lead somewhere, words are the glossary's, generated parts are current."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tools import results

ROOT = Path(__file__).parents[1]
PAGES = [*results.pages(), ROOT / "CONTRIBUTING.md"]
GLOSSARY = ROOT / "docs/glossary.md"


def prose(text):
    """A page without its code."""
    return re.sub(r"`(?:[^`\n]|\n(?!\n))*`", "", re.sub(r"(?ms)^```.*?^```$", "", text))


def anchors(page):
    """The anchors of a page's headings, as GitHub and MkDocs make them."""
    text = re.sub(r"(?ms)^```.*?^```$", "", page.read_text(encoding="utf-8"))
    for heading in re.findall(r"(?m)^#+ (.*)$", text):
        yield re.sub(r"[\s]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower())


def broken_links(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page.read_text(encoding="utf-8"))):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            yield target


def forbidden():
    """The words of the glossary's last column."""
    rows = re.findall(r"(?m)^\|[^|]*\|[^|]*\|([^|]*)\|$", GLOSSARY.read_text(encoding="utf-8"))
    return [word.strip() for row in rows[2:] for word in row.split(",") if word.strip()]


def wrong_words(text):
    return [word for word in forbidden() if re.search(rf"\b{re.escape(word)}\b", prose(text))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_to_files_and_headings(page):
    assert not list(broken_links(page))


def test_broken_links_are_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# A b\n[1](page.md#a-b) [2](page.md#c) [3](none.md) `[4](code.md)` [5](#a-b)\n"
    )
    assert list(broken_links(page)) == ["page.md#c", "none.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_words_are_those_of_the_glossary(page):
    if page != GLOSSARY:
        assert not wrong_words(page.read_text(encoding="utf-8"))


def test_wrong_words_are_found_outside_of_code():
    assert len(forbidden()) >= 15
    assert wrong_words("A dataset under El Gamal, `Elgamal`.") == ["El Gamal", "dataset"]


@pytest.mark.parametrize("page", results.pages(), ids=lambda page: page.name)
def test_generated_parts_are_current(page):
    assert results.rendered(page) == page.read_text(encoding="utf-8"), (
        "run: python -m tools.results write"
    )


def test_generated_parts_follow_their_data(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "DATA", tmp_path)
    (tmp_path / "t.json").write_text(
        '{"kind": "run", "columns": ["a", "b"], "list": "runs", "fields": ["x.y:.1%", "n/m:.2f"],'
        ' "summary": {"runs": [{"x": {"y": 0.5}, "n": 3, "m": {"p": 1, "q": 1}}]}}'
    )
    assert results.table("t") == "| a | b |\n| --- | --- |\n| 50.0% | 1.50 |\n"


def test_every_data_file_says_where_it_comes_from_and_is_shown():
    shown = "".join(page.read_text(encoding="utf-8") for page in results.pages())
    for path in sorted(results.DATA.glob("*.json")):
        data = results._load(path.stem)
        assert data["kind"] in ("run", "transcribed"), path
        assert data["machine"], path
        if path.stem != "readme":
            assert data["command"] or path.stem == "overview", path
            assert re.fullmatch(r"[0-9a-f]{10}", data["commit"]), path
        assert f"<!-- table: {path.stem} -->" in shown, path


def test_every_python_block_is_an_example_file():
    for page in results.pages():
        text = page.read_text(encoding="utf-8")
        blocks = len(re.findall(r"(?m)^```python$", text))
        assert blocks == len(re.findall(r"<!-- example: [\w/]+\.py -->\n```python\n", text)), page


def test_every_page_is_in_the_navigation():
    listed = re.findall(r"(?:- |: )([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.M)
    docs = ROOT / "docs"
    assert sorted(listed) == sorted(p.relative_to(docs).as_posix() for p in docs.rglob("*.md"))


def test_the_command_says_how_it_is_used():
    result = subprocess.run(
        [sys.executable, "-m", "tools.results"],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert result.returncode == 2
    assert result.stderr.startswith("usage: python -m tools.results")
