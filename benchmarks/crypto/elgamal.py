"""The sum of 30 clients' qualities by threshold ElGamal, per group, and by Paillier.

Then discrete logarithms of sums up to 2^32: table, time to make it, time to search. And one
distributed key generation.

Usage: python -m benchmarks.crypto.elgamal [--runs=3]
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.crypto.report import median_and_range, print_machine, print_table
from crypto.elgamal.discrete_log import DiscreteLog
from crypto.groups.edwards25519 import EDWARDS25519
from crypto.groups.ffdhe import FFDHE2048, FFDHE3072
from crypto.groups.secp256k1 import SECP256K1
from crypto.protocols.dkg.session import generate_key
from crypto.protocols.elgamal_sum.session import ElGamalSum
from crypto.protocols.paillier_sum.session import PaillierSum
from crypto.session.thresholds import plan_threshold

CLIENTS, MAX_QUALITY = 30, 10_000  # qualities 0 to 100 with two decimals
GROUPS = (SECP256K1, EDWARDS25519, FFDHE2048, FFDHE3072)


def sums(runs, tables):
    rng = np.random.default_rng(0)
    qualities = {c: rng.integers(0, MAX_QUALITY + 1, 1, dtype=np.uint64) for c in range(CLIENTS)}
    expected = sum(int(q[0]) for q in qualities.values())
    variants = {}
    for group in GROUPS:
        for proofs in (False, True):
            protocol = ElGamalSum(group, proofs=proofs, cache_dir=tables, clock=time.process_time)
            variants[f"ElGamal {group.name}", "yes" if proofs else "no"] = protocol
    variants["Paillier 2048", "-"] = PaillierSum(clock=time.process_time)
    for protocol in variants.values():  # keys and tables are made once, not every round
        protocol.sum_up_to(qualities, MAX_QUALITY, round_id=0)
    costs = {name: [] for name in variants}
    for run in range(runs):
        for name, protocol in variants.items():
            result = protocol.sum_up_to(qualities, MAX_QUALITY, round_id=run + 1)
            assert result.sum[0] == expected, "the secure sum differs from the plain one"
            assert not result.refusals
            costs[name].append(result.costs)
    rows = []
    for (name, proofs), measured in costs.items():
        rows.append(
            (
                name,
                proofs,
                median_and_range([c.client_seconds + c.server_seconds for c in measured]),
                statistics.median(c.server_seconds for c in measured),
                1000 * statistics.median(max(r.seconds for r in c.clients) for c in measured),
                measured[0].bytes_up // CLIENTS,
                measured[0].bytes_down // CLIENTS,
            )
        )
    columns = "all roles s", "server s", "slowest client ms", "up/client", "down/client"
    header = ("scheme", "proofs", *columns)
    print_table(header, rows)


def logarithms(runs, tables):
    rng = np.random.default_rng(1)
    rows = []
    for group in GROUPS:
        start = time.process_time()
        solver = DiscreteLog(group, 2**32)
        made = time.process_time() - start
        DiscreteLog(group, 2**32, tables)
        start = time.process_time()
        DiscreteLog(group, 2**32, tables)
        read = time.process_time() - start
        times = []
        for value in [2**32, *map(int, rng.integers(0, 2**32, 5 * runs))]:
            element = group.generator_power(value)
            start = time.process_time()
            assert solver.solve(element) == value
            times.append(time.process_time() - start)
        size = solver.table.words.nbytes / 1e6
        rows.append((group.name, size, made, read, statistics.median(times), max(times)))
    print_table(("group", "table MB", "made s", "read s", "search s", "longest s"), rows)


def key_generation():
    rows = []
    for group, clients in ((SECP256K1, 10), (SECP256K1, 30), (FFDHE2048, 10)):
        made = generate_key(range(clients), clients // 2 + 1, group, clock=time.process_time)
        assert len(made.shares) == clients
        costs = made.costs
        rows.append(
            (
                group.name,
                clients,
                1000 * costs.client_seconds / clients,
                costs.server_seconds,
                costs.bytes_up // clients,
                costs.bytes_down // clients,
            )
        )
    print_table(("group", "clients", "ms/client", "server s", "up/client", "down/client"), rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    runs = parser.parse_args().runs
    print_machine()
    print(
        f"{CLIENTS} clients, threshold {plan_threshold(CLIENTS)}, signed, one value 0 to "
        f"{MAX_QUALITY}"
    )
    print("each; every sum is checked. The system key is there already.\n")
    with tempfile.TemporaryDirectory() as folder:
        sums(runs, Path(folder))
        print("Discrete logarithms of sums up to 2^32:\n")
        logarithms(runs, Path(folder))
    print("Distributed key generation, signed, majority threshold:\n")
    key_generation()


if __name__ == "__main__":
    main()
