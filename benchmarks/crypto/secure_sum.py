"""One double-masking session of 30 clients and 306,063 coordinates modulo 2^32.

Usage: python -m benchmarks.crypto.secure_sum [--runs=5]
"""

import argparse
import statistics
import time

import numpy as np

from benchmarks.crypto.report import median_and_range, print_machine, print_table
from crypto.protocols.masking.session import DoubleMasking
from crypto.protocols.masking.stages import Stage

CLIENTS, LENGTH, BITS = 30, 306_063, 32
DROPPED = 9


def run(vectors, signed, dropped):
    protocol = DoubleMasking(signed=signed, clock=time.process_time)
    dropouts = dict.fromkeys(range(dropped), Stage.MASKED_INPUT.value)
    result = protocol.sum(vectors, BITS, round_id=1, dropouts=dropouts)
    expected = sum(vectors[c] for c in result.survivors) & np.uint64(2**BITS - 1)
    assert len(result.survivors) == CLIENTS - dropped
    assert np.array_equal(result.sum, expected), "the secure sum differs from the plain one"
    return result.costs


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    rng = np.random.default_rng(0)
    vectors = {c: rng.integers(0, 2**BITS, LENGTH, dtype=np.uint64) for c in range(CLIENTS)}
    print_machine()
    print("Every run is checked against the plain sum.\n")
    variants = [(signed, dropped) for signed in (True, False) for dropped in (0, DROPPED)]
    costs = {variant: [] for variant in variants}
    for _ in range(runs):  # the variants take turns, so that a busy machine hits all alike
        for variant in variants:
            costs[variant].append(run(vectors, *variant))
    rows = []
    for (signed, dropped), measured in costs.items():
        rows.append(
            (
                "yes" if signed else "no",
                dropped,
                median_and_range([c.client_seconds for c in measured]),
                median_and_range([c.server_seconds for c in measured]),
                statistics.median(c.client_seconds + c.server_seconds for c in measured),
                measured[0].bytes_up // (CLIENTS - dropped),
            )
        )
    header = ("signed", "dropped", "all clients s", "server s", "together s", "bytes up/survivor")
    print_table(header, rows)
    for signed in (True, False):
        base, more = (
            statistics.median(c.server_seconds for c in costs[signed, dropped])
            for dropped in (0, DROPPED)
        )
        print(f"signed={signed}: 30 % dropped cost the server {more - base:+.3f} s")
    print("\nWhere the time goes, signed, nobody dropped:\n")
    stages = [(row.stage, row.role, row.steps, row.seconds) for row in costs[True, 0][-1].work]
    print_table(("stage", "role", "steps", "seconds"), stages)


if __name__ == "__main__":
    main()
