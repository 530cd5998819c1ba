"""What README.md shows, as it is printed there."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def example(containing):
    """The one Python example of the README that contains a text."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (found,) = (
        code for code in re.findall(r"```python\n(.*?)```", text, re.S) if containing in code
    )
    return found


def test_secure_sums_behind_a_process_say_what_they_did_and_nothing_else():
    clean = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    result = subprocess.run(
        [sys.executable, "-c", example("with secure_sums(")],
        capture_output=True,
        text=True,
        check=False,
        env=clean,
        cwd=ROOT,
    )
    assert result.stderr == ""
    assert result.returncode == 0
    survivors = [line.partition(")")[0] + ")" for line in result.stdout.splitlines()]
    assert survivors == ["(1, 2, 3, 4)", "(0, 2, 3, 4)", "(0, 1, 3, 4)"]
