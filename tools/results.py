"""Writes the generated parts of README and docs: result tables, figures, examples, settings.

Usage: python -m tools.results write             writes all of them
       python -m tools.results keep NAME FOLDER  keeps a finished run as docs/results/data/NAME.json

Pages are written by hand but for what stands between `<!-- table: NAME -->` and `<!-- end -->`,
which comes from docs/results/data/NAME.json, code blocks below `<!-- example: FILE -->`, and
what `--help` prints below `<!-- help -->`.
"""

import contextlib
import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from tff_health import flags

ROOT = Path(__file__).parent.parent
DATA = ROOT / "docs/results/data"
_TABLE = re.compile(r"(<!-- table: ([\w-]+) -->\n).*?(<!-- end -->)", re.S)
_EXAMPLE = re.compile(r"(<!-- example: ([\w/]+\.py) -->\n```python\n).*?(```)", re.S)
_HELP = re.compile(r"(<!-- help -->\n```text\n).*?(```)", re.S)
_DROPPED = ("figures", "history", "survivors", "recall")
_USAGE = "usage: python -m tools.results write | keep NAME FOLDER"


def pages() -> list[Path]:
    """Returns the pages whose parts are generated: README and everything below docs/."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def rendered(page: Path) -> str:
    """Returns the text of a page with its generated parts as they should be."""
    text = _TABLE.sub(
        lambda found: found[1] + _block(found[2], page) + found[3], page.read_text(encoding="utf-8")
    )
    text = _HELP.sub(lambda found: found[1] + _help() + found[2], text)
    return _EXAMPLE.sub(lambda found: found[1] + _code(found[2]) + found[3], text)


def table(name: str) -> str:
    """Returns the table of a data file in Markdown.

    Raises:
        KeyError, FileNotFoundError: if the data do not hold what the table shows.
    """
    data = _load(name)
    rows = [data["columns"], ["---"] * len(data["columns"]), *_rows(data)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def write() -> list[Path]:
    """Brings every page up to date; returns those that were not."""
    changed = [page for page in pages() if rendered(page) != page.read_text(encoding="utf-8")]
    for page in changed:
        page.write_text(rendered(page), encoding="utf-8")
    return changed


def keep(name: str, folder: Path) -> Path:
    """Keeps what a finished run found, small enough for the repository.

    Args:
        name: of the data file.
        folder: of the run, with summary.json and config.json.

    Returns:
        the data file; what its table shows (`columns`, `fields`) is taken over from the old one.
    """
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    old = _load(name) if (DATA / f"{name}.json").exists() else {}
    commit = subprocess.run(
        ["git", "rev-parse", "--short=10", "HEAD"],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    ).stdout.strip()
    data = {
        "kind": "run",
        "command": old.get("command", ""),
        "commit": commit,
        "machine": old.get("machine", ""),
        "columns": old.get("columns", []),
        "list": old.get("list", "runs"),
        "fields": old.get("fields", []),
        "config": config.get("config", {}),
        "summary": _small(summary),
    }
    path = DATA / f"{name}.json"
    path.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def _load(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))
    return data


def _rows(data: dict[str, Any]) -> list[list[str]]:
    if data["kind"] == "transcribed":
        rows: list[list[str]] = data["rows"]
        return rows
    entries = [e for e in data["summary"][data["list"]] if not e.get("problem")]
    return [[_value(entry, field) for field in data["fields"]] for entry in entries]


def _value(entry: dict[str, Any], field: str) -> str:
    """Formats one value: "path.to.value:FORMAT", or "path/path:FORMAT" for a ratio."""
    paths, _, form = field.partition(":")
    values = [_at(entry, path) for path in paths.split("/")]
    value = values[0] / values[1] if len(values) > 1 else values[0]
    return format(value, form) if form else str(value)


def _at(entry: dict[str, Any], path: str) -> Any:
    """Returns what lies at a path; numbers by name stand for their sum."""
    value: Any = entry
    for part in path.split("."):
        value = value[part]
    return sum(value.values()) if isinstance(value, dict) else value


def _block(name: str, page: Path) -> str:
    data = _load(name)
    path = "../" * len(page.relative_to(ROOT / "docs").parent.parts) if page.parent != ROOT else ""
    prefix = "docs/results/data" if page.parent == ROOT else f"{path}results/data"
    origin = (
        "Kept from a run" if data["kind"] == "run" else "Transcribed from a run that is not kept"
    )
    facts = [f"[{origin}]({prefix}/{name}.json)"]
    facts += [f"`{data['command']}`"] if data.get("command") else []
    facts += [f"commit {data['commit']}"] if data.get("commit") else []
    facts += [data["machine"]] if data.get("machine") else []
    return f"\n{table(name)}\n*{'; '.join(facts)}.*\n\n"


def _code(name: str) -> str:
    text = (ROOT / name).read_text(encoding="utf-8")
    return re.sub(r'\A""".*?"""\n+', "", text, flags=re.S)


def _help() -> str:
    """Returns what `--help` prints, as the flags define it."""
    with contextlib.redirect_stdout(io.StringIO()):  # else as wide as a terminal is
        text = str(flags.parse(["run_experiments.py", "--help"], {}))
    return "".join(f"{line.rstrip()}\n" for line in text.strip().splitlines())


def _small(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _small(item) for key, item in value.items() if key not in _DROPPED}
    return [_small(item) for item in value] if isinstance(value, list) else value


def main(arguments: list[str]) -> int:
    """Runs one command; returns the exit code."""
    match arguments:
        case ["write"]:
            for page in write():
                print(f"wrote {page.relative_to(ROOT)}")
        case ["keep", name, folder]:
            print(f"kept {keep(name, Path(folder)).relative_to(ROOT)}")
        case _:
            print(_USAGE, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
