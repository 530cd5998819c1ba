"""One real session of 1,000 clients, 10,000 coordinates, 10 % dropouts, on the sparse graph.

Usage: python -m benchmarks.crypto.thousand [--clients=1000] [--collusion_rate=0.1]
"""

import argparse
import resource
import time

import numpy as np

from benchmarks.crypto.report import print_machine, print_table
from crypto.protocols.masking.session import DoubleMasking
from crypto.protocols.masking.stages import Stage
from crypto.protocols.masking.topology import RegularGraph

LENGTH, BITS, DROPOUT_RATE = 10_000, 32, 0.1


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--collusion_rate", type=float, default=0.1)
    options = parser.parse_args()
    count = options.clients
    topology = RegularGraph(DROPOUT_RATE, options.collusion_rate)
    print_machine()
    print(topology.plan(count).reason, "\n")
    rng = np.random.default_rng(0)
    vectors = {c: rng.integers(0, 2**BITS, LENGTH, dtype=np.uint64) for c in range(count)}
    gone = rng.choice(count, int(DROPOUT_RATE * count), replace=False).tolist()
    dropouts = dict.fromkeys(gone, Stage.MASKED_INPUT.value)
    start = time.perf_counter()
    protocol = DoubleMasking(topology, clock=time.process_time)
    result = protocol.sum(vectors, BITS, round_id=1, dropouts=dropouts)
    wall = time.perf_counter() - start
    expected = sum(vectors[c] for c in result.survivors) & np.uint64(2**BITS - 1)
    assert len(result.survivors) == count - len(gone)
    assert np.array_equal(result.sum, expected), "the secure sum differs from the plain one"
    stages = [(row.stage, row.role, row.steps, row.seconds) for row in result.costs.work]
    print_table(("stage", "role", "steps", "seconds"), stages)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    together = result.costs.client_seconds + result.costs.server_seconds
    print(f"equal to the plain sum; {wall:.1f} s wall, {together:.1f} s of work, {memory:.2f} GB")
    up, down = result.costs.bytes_up // count, result.costs.bytes_down // count
    print(f"bytes a client: {up:,} up, {down:,} down")


if __name__ == "__main__":
    main()
