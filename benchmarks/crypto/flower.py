"""The 30-client session beside the same work with Flower's SecAgg+ functions.

Usage: python -m benchmarks.crypto.flower [--install=no]

Flower is installed, once, into an environment of its own in the user's cache folder; where that
cannot be done the comparison is skipped with a note.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.crypto.report import print_machine, print_table
from benchmarks.crypto.secure_sum import BITS, CLIENTS, DROPPED, LENGTH, run
from benchmarks.environments import python_with
from crypto.encoding.residues import ResidueSum
from crypto.primitives.shamir import Reconstructor, split_secret

FLOWER = "flwr==1.42.0"
THRESHOLD = CLIENTS // 2 + 1


def flower(python, dropped):
    script = Path(__file__).with_name("flower_session.py")
    arguments = [str(value) for value in (CLIENTS, LENGTH, BITS, THRESHOLD, dropped)]
    command = [str(python), str(script), *arguments]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def median_seconds(function, runs=20):
    times = []
    for _ in range(runs):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return statistics.median(times)


def ours(dropped):
    rng = np.random.default_rng(0)
    vectors = {c: rng.integers(0, 2**BITS, LENGTH, dtype=np.uint64) for c in range(CLIENTS)}
    costs = [run(vectors, True, dropped) for _ in range(3)]
    total, seed, points = ResidueSum(LENGTH, BITS), os.urandom(32), range(1, CLIENTS + 1)
    shares = dict(zip(points, split_secret(seed, THRESHOLD, points), strict=True))
    return {
        "client_seconds": statistics.median(c.client_seconds for c in costs),
        "server_seconds": statistics.median(c.server_seconds for c in costs),
        "mask": median_seconds(lambda: total.add_mask(seed)),
        "share": median_seconds(lambda: split_secret(seed, THRESHOLD, points)),
        "combine": median_seconds(lambda: Reconstructor().reconstruct(shares, THRESHOLD)),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--install", choices=["yes", "no"], default="yes")
    python = python_with(FLOWER, [[FLOWER]], parser.parse_args().install == "yes")
    if python is None:
        return 0
    print_machine()
    print("Both sides are checked against the plain sum. Ours is signed; Flower's has neither")
    print("signatures nor a consistency check, and folds its mask seeds to 32 bits.\n")
    rows = []
    for dropped in (0, DROPPED):
        theirs, mine = flower(python, dropped), ours(dropped)
        for figures in (theirs, mine):
            figures["together"] = figures["client_seconds"] + figures["server_seconds"]
        parts = {
            "client_seconds": "all clients",
            "server_seconds": "server",
            "together": "together",
        }
        if not dropped:
            parts |= {"mask": "one mask", "share": "32 bytes into 30 shares"}
            parts |= {"combine": f"back from {THRESHOLD} shares"}
        for key, name in parts.items():
            rows.append(
                (
                    f"{name}, {dropped} dropped",
                    f"{theirs[key]:.6f}",
                    f"{mine[key]:.6f}",
                    f"{theirs[key] / mine[key]:.1f}",
                )
            )
    print_table(("what", "Flower s", "ours s", "ratio"), rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
