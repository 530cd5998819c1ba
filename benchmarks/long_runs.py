"""Memory, time and bytes of each scheme over 1,000 rounds.

    python -m benchmarks.long_runs FOLDER                    # hours; run it again to go on
    python -m benchmarks.long_runs FOLDER --schemes bonawitz zhang --minutes 30
    python -m benchmarks.long_runs FOLDER --report           # what there is so far

Each scheme trains `tanh_cnn` on drawn lesions with five clients, by the command of any run, which
resumes from its last round. Meanwhile memory (proportional set size), open files and threads of the
main process and of its worker are written to FOLDER/SCHEME.csv every few seconds, beside the round.
The report compares the first tenth of the rounds, the first fifty left out, with the last tenth.
"""

import argparse
import csv
import re
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tff_health.schemes import SCHEMES

FLAGS = (
    *("--dataset=synthetic_lesions", "--model=tanh_cnn", "--num_clients=5", "--augment_copies=0"),
    *("--validation_fraction=0.1", "--batch_size=100", "--eval_every=100", "--seed=1"),
)
_SECONDS = 5.0  # between two looks
_SETTLED = 50  # rounds in which caches fill
_COLUMNS = ("time", "round", "main_mb", "worker_mb", "files", "threads")


def look(process: int, rounds: int) -> dict[str, float] | None:
    """One line of the record; None if the process is gone."""
    children = [
        int(stat.parent.name)
        for stat in Path("/proc").glob("[0-9]*/stat")
        if _is_child(stat, process)
    ]
    try:
        return {
            "time": time.time(),
            "round": rounds,
            "main_mb": _pss(process),
            "worker_mb": sum(map(_pss, children)),
            "files": sum(len(list(Path(f"/proc/{p}/fd").iterdir())) for p in (process, *children)),
            "threads": sum(
                len(list(Path(f"/proc/{p}/task").iterdir())) for p in (process, *children)
            ),
        }
    except OSError:
        return None


def _is_child(stat: Path, parent: int) -> bool:
    try:
        return int(stat.read_text().rpartition(")")[2].split()[1]) == parent
    except OSError:
        return False


def _pss(process: int) -> float:
    text = Path(f"/proc/{process}/smaps_rollup").read_text()
    found = re.search(r"^Pss: +(\d+) kB$", text, re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


def table(path: Path) -> list[dict[str, str]]:
    """The lines of a CSV file; none if it is not there."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def train(folder: Path, scheme: str, rounds: int, ends: float) -> bool:
    """Runs a scheme until its last round or until `ends`; returns whether it is finished."""
    run, record = folder / scheme, folder / f"{scheme}.csv"
    if len(table(run / "metrics.csv")) >= rounds:
        return True
    command = [sys.executable, "run_experiments.py", f"--scheme={scheme}", f"--rounds={rounds}"]
    begun = record.exists()
    with record.open("a", newline="") as file:
        writer = csv.DictWriter(file, _COLUMNS)
        if not begun:
            writer.writeheader()
        process = subprocess.Popen(
            [*command, f"--out_dir={run}", *FLAGS], stderr=subprocess.DEVNULL
        )
        try:
            while process.poll() is None and time.time() < ends:
                time.sleep(_SECONDS)
                if line := look(process.pid, len(table(run / "metrics.csv"))):
                    writer.writerow({name: round(value, 1) for name, value in line.items()})
                    file.flush()
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)  # it keeps its last round
            process.wait()
    return process.returncode == 0


def report(folder: Path, schemes: Sequence[str]) -> str:
    """What was found so far, a line for each scheme."""
    lines = [
        "| scheme | rounds | seconds a round, first and last tenth | bytes up a round, least and "
        "most | main process, MB | worker, MB | open files | threads |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for scheme in schemes:
        rounds = table(folder / scheme / "metrics.csv")
        looks = [
            row for row in table(folder / f"{scheme}.csv") if int(float(row["round"])) >= _SETTLED
        ]
        if len(rounds) < 2 * _SETTLED or not looks:
            continue
        tenth = len(rounds) // 10
        seconds = [float(row["seconds_total"]) - float(row["seconds_evaluation"]) for row in rounds]
        sent = [int(row["bytes_up"] or 0) for row in rounds[1:]]
        first = [row for row in looks if float(row["round"]) < _SETTLED + tenth]
        last = [row for row in looks if float(row["round"]) >= len(rounds) - tenth]
        cells = [
            scheme,
            f"{len(rounds):,}",
            _pair(seconds[_SETTLED : _SETTLED + tenth], seconds[-tenth:], ".2f"),
            f"{min(sent):,} to {max(sent):,}",
            *(
                _pair([float(r[name]) for r in first], [float(r[name]) for r in last], ".0f")
                for name in ("main_mb", "worker_mb", "files", "threads")
            ),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _pair(first: Sequence[float], last: Sequence[float], form: str) -> str:
    if not first or not last:
        return "too few looks"
    return f"{statistics.median(first):{form}}, {statistics.median(last):{form}}"


def main() -> None:
    """Trains, or goes on training, and prints the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--schemes", nargs="*", choices=tuple(SCHEMES), default=list(SCHEMES))
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="then it stops")
    parser.add_argument("--report", action="store_true", help="train nothing")
    options = parser.parse_args()
    ends = time.time() + 60 * options.minutes
    options.folder.mkdir(parents=True, exist_ok=True)
    for scheme in options.schemes:
        if not options.report and not train(options.folder, scheme, options.rounds, ends):
            print(f"{scheme}: not finished; the same command goes on")
            break
    print(report(options.folder, options.schemes))


if __name__ == "__main__":
    main()
