"""Breaks modules of crypto/ line by line with Cosmic Ray, and tells which breaks no test noticed.

Usage: make mutation MODULES="primitives/shamir" [SAMPLE=20]

It works on a clone of the last commit in a temporary folder, in one process. mutation.toml says
which tests guard a module and which mutants are made; docs/testing.md what was found. With SAMPLE,
only so many mutants of each module are made, drawn at random but always the same ones.
"""

import argparse
import ast
import os
import random
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from pathlib import Path

from cosmic_ray.work_db import use_db
from cosmic_ray.work_item import WorkerOutcome, WorkResult

ROOT = Path(__file__).parents[2]
CONFIG = tomllib.loads(Path(__file__).with_suffix(".toml").read_text())
TIMEOUT = 60.0
TOOL = Path(sys.executable).with_name("cosmic-ray")
SERVER = Path(__file__).with_name("warm_tests.py")
ENDS = ("toml", "sqlite", "socket")
ENVIRONMENT = {**os.environ, "CI": "true"}  # Hypothesis then tries the same examples every time


def idle_places(source):
    """Return the places (line, column) at which a mutant says nothing.

    Annotations are read by the type checker, not by Python; an abstract method has no behaviour;
    and `strict` of a `zip` over lists that were checked before guards against nothing but mistakes
    of our own.
    """
    parts = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            arguments = node.args
            every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
            parts += [*(each.annotation for each in every), node.returns]
            parts += [d for d in node.decorator_list if getattr(d, "id", "") == "abstractmethod"]
        elif isinstance(node, ast.AnnAssign):
            parts.append(node.annotation)
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "zip":
            parts += [keyword.value for keyword in node.keywords]
    places = set()
    for part in filter(None, parts):
        for line in range(part.lineno, part.end_lineno + 1):
            first = part.col_offset - 1 if line == part.lineno else 0  # a decorator's own sign
            last = part.end_col_offset if line == part.end_lineno else 200
            places.update((line, column) for column in range(first, last))
    return places


def skip_idle_mutants(session, source, sample=None):
    """Skip what says nothing and, if only a sample is wanted, all that was not drawn."""
    excluded = re.compile("|".join(f"(?:{pattern})" for pattern in CONFIG["exclude-operators"]))
    idle = idle_places(source)
    with use_db(session) as db:
        wanted = []
        for item in db.pending_work_items:
            (mutation,) = item.mutations
            if excluded.match(mutation.operator_name) or tuple(mutation.start_pos) in idle:
                db.set_result(item.job_id, WorkResult(WorkerOutcome.SKIPPED))
            else:
                order = *mutation.start_pos, mutation.operator_name, mutation.occurrence
                wanted.append((order, item.job_id))
        jobs = [job for _, job in sorted(wanted)]
        if sample is not None:
            random.Random(source).shuffle(jobs)
            for job in jobs[sample:]:
                db.set_result(job, WorkResult(WorkerOutcome.SKIPPED))
        print(f"{len(jobs)} mutants, {len(jobs[:sample])} run", flush=True)


def run_module(module, folder, clone, passed, sample=None):
    file = f"crypto/{module}.py"
    tests = [f"tests/crypto/{test}" for test in [*CONFIG["tests"][module], *CONFIG["everywhere"]]]
    python = ROOT / ".venv/bin/python"
    if untried := [test for test in tests if test not in passed]:
        unbroken = [python, "-m", "pytest", "-xq", "-p", "no:cacheprovider", *untried]
        subprocess.run(unbroken, cwd=clone, check=True, env=ENVIRONMENT, stdout=subprocess.DEVNULL)
        passed.update(untried)
    config, session, door = (folder / f"{module.replace('/', '.')}.{end}" for end in ENDS)
    command = shlex.join([sys.executable, "-S", str(SERVER), str(door)])
    config.write_text(
        f'[cosmic-ray]\nmodule-path = "{file}"\ntimeout = {TIMEOUT}\nexcluded-modules = []\n'
        f'test-command = "{command}"\n[cosmic-ray.distributor]\nname = "local"\n'
    )
    subprocess.run([TOOL, "init", config, session], cwd=clone, check=True)
    skip_idle_mutants(session, (clone / file).read_text(), sample)
    server = subprocess.Popen([python, SERVER, door, *tests], cwd=clone, env=ENVIRONMENT)
    try:
        subprocess.run([TOOL, "exec", config, session], cwd=clone, check=True)
    finally:
        server.terminate()
        server.wait()
    report(module, session)


def report(module, session):
    counts = Counter()
    with use_db(session) as db:
        results = dict(db.results)
        items = {item.job_id: item.mutations[0] for item in db.work_items}
    for job, result in results.items():
        if result.worker_outcome == WorkerOutcome.SKIPPED:
            continue
        counts["killed" if result.is_killed else "survived"] += 1
        if not result.is_killed:
            mutation = items[job]
            print(f"\n{module}:{mutation.start_pos[0]} {mutation.operator_name}")
            lines = (result.diff or "").splitlines()
            print("\n".join(line for line in lines if re.match(r"[+-](?![+-])", line)))
    total = sum(counts.values())
    share = 100 * counts["killed"] / total if total else 100.0
    print(f"\n{module}: {counts['killed']} of {total} killed, {share:.1f} %", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("modules", nargs="+", choices=CONFIG["tests"], metavar="MODULE")
    parser.add_argument("--sample", type=int, metavar="N", help="of each module; default: all")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # end the server of tests, too
    with tempfile.TemporaryDirectory() as name:
        clone = Path(name) / "clone"
        subprocess.run(["git", "clone", "-q", ROOT, clone], check=True)
        passed = set()
        for module in arguments.modules:
            run_module(module, Path(name), clone, passed, arguments.sample)


if __name__ == "__main__":
    main()
