"""Secure sums of this build beside those of an older commit of the same repository, in one run.

The older commit is checked out into a temporary folder, which is removed at the end. Either build
does the same work in a process of its own, in turns, on the same vectors, and both sums must be the
same before times are compared.

Usage: python -m benchmarks.crypto.before_after [--commit=18d7e3a] [--parts=fang,...] [--runs=3]
    [--cores=2] [--scale=1.0]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

from benchmarks.crypto import before_after_work
from benchmarks.crypto.report import median_and_range, print_table

ROOT = Path(__file__).parents[2]
WORK = Path(before_after_work.__file__)


@contextmanager
def checked_out(commit):
    """A folder with the commit's files."""
    git = ["git", "-C", str(ROOT), "worktree"]
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        subprocess.run([*git, "add", "--quiet", "--detach", tree, commit], check=True)
        try:
            yield tree
        finally:
            subprocess.run([*git, "remove", "--force", tree], check=True)


def measure(tree, part, cores, scale):
    """One run of a part in one build: its numbers, as `before_after_work` prints them."""
    command = [sys.executable, WORK, part, str(cores), str(scale)]
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def compare(part, older, options):
    """Rows of one part; both builds take turns, so that a busy machine hits them alike."""
    runs = [
        (
            measure(older, part, 1, options.scale),
            measure(ROOT, part, options.cores, options.scale),
        )
        for _ in range(options.runs)
    ]
    for before, after in runs:
        assert before.pop("sum") == after.pop("sum"), f"{part}: the builds' sums differ"
    for name in runs[0][1]:
        after = statistics.median(new[name] for _, new in runs)
        if name not in runs[0][0]:
            yield part, name, "-", after, "-"
            continue
        before = statistics.median(old[name] for old, _ in runs)
        ratios = [new[name] / old[name] for old, new in runs]
        yield part, name, before, after, median_and_range(ratios)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--commit", default="18d7e3a")
    parser.add_argument("--parts", default=",".join(before_after_work.PARTS))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--cores", type=int, default=os.cpu_count())
    parser.add_argument("--scale", type=float, default=1.0, help="of the vectors' lengths")
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; medians of the runs")
    print(f"before: {options.commit}, in one process; after: this build, cores={options.cores}.")
    print("Equal sums were checked. wall: seconds on the clock; processor: of all processes;")
    print(
        "chain: processor time if workers share it evenly, the least that idle cores could take.\n"
    )
    rows = []
    with checked_out(options.commit) as older:
        for part in options.parts.split(","):
            rows += compare(part, older, options)
    print_table(("part", "what", "before", "after", "after / before"), rows)


if __name__ == "__main__":
    main()
