"""Commitments to vectors beside the hash of vectors on an elliptic curve, and verified sums.

Usage: python -m benchmarks.crypto.commitments [--runs=5]

The curve's hash is that of papers on verifiable aggregation (VeriFL, Guo et al. 2021): the sum of
multiples x_i G_i of fixed points, here of secp256k1 by libsecp256k1, a multiplication and an
addition for each. It is run on a sample, and its time for all coordinates extrapolated.
"""

import argparse
import itertools
import os
import statistics
import time
import tracemalloc

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is imported: one core

import numpy as np

from benchmarks.crypto.report import median_and_range, print_machine, print_table
from crypto.commitments.commitment import Commitment, Opening, check_opening, commit
from crypto.commitments.parameters import CommitmentParameters
from crypto.groups.secp256k1 import SECP256K1
from crypto.protocols.masking.session import DoubleMasking
from crypto.protocols.verified_sum.masking import VerifiedDoubleMasking

LENGTH, LARGE, SAMPLE = 306_063, 11_000_000, 3_000
CLIENTS = 30
BITS = (24, 32, 40)  # the default encoding for 30 clients; 32; and the longest level


def timed(run):
    start = time.process_time()
    made = run()
    return time.process_time() - start, made


def vectors(bits, clients=CLIENTS, length=LENGTH):
    rng = np.random.default_rng(bits)
    share = (2 ** (bits - 1) - 1) // clients
    return [rng.integers(-share, share + 1, length) for _ in range(clients)]


class Commitments:
    """One commitment, and the check of the sum of 30, for one number of bits."""

    def __init__(self, bits):
        self.bits, self.vectors = bits, vectors(bits)
        self.parameters = CommitmentParameters.choose(LENGTH, 2 ** (bits - 1), CLIENTS)
        made = [commit(vector, self.parameters) for vector in self.vectors]
        self.encoded = [commitment.to_bytes() for commitment, _ in made]
        self.opening = Opening(sum(opening.secret for _, opening in made))
        self.total = sum(self.vectors)
        self.commit, self.check = [], []

    def run(self):
        self.commit.append(timed(self.commit_one)[0])
        self.check.append(timed(self.check_sum)[0])

    def commit_one(self):
        return commit(self.vectors[0], self.parameters)[0].to_bytes()

    def check_sum(self):
        total = Commitment.sum_of_encoded(self.encoded, self.parameters)
        check_opening(total, self.total, self.opening)

    def row(self):
        level = self.parameters.level
        return (
            f"{self.bits} bits, N = {level.degree}, {len(level.primes)} primes",
            level.commitment_bytes,
            median_and_range(self.commit),
            median_and_range(self.check),
        )


class Curve:
    """The sum of multiples of fixed points, on a sample."""

    def __init__(self, vector):
        tags = (index.to_bytes(4, "little") for index in range(SAMPLE))
        points = [SECP256K1.hash_to_element(tag) for tag in tags]
        self.factors = list(zip(points, vector[:SAMPLE].tolist(), strict=True))
        self.seconds = []

    def run(self):
        seconds, _ = timed(lambda: SECP256K1.multi_power(self.factors))
        self.seconds.append(seconds * LENGTH / SAMPLE)


class Sessions:
    """Whole sessions with and without, in turns: the seconds and bytes of all roles."""

    def __init__(self, clients, bits):
        self.clients, self.bits = clients, bits
        self.given = dict(enumerate(vectors(bits, clients)))
        self.plain = DoubleMasking(clock=time.process_time)
        self.verified = VerifiedDoubleMasking(clock=time.process_time)
        self.seconds, self.rounds = [], itertools.count()

    def run(self):
        plain, without = timed(lambda: self.sum_by(self.plain))
        verified, checked = timed(lambda: self.sum_by(self.verified))
        assert np.array_equal(without.sum, checked.sum)
        assert checked.verification.receipts == tuple(range(self.clients))
        self.seconds.append((plain, verified))
        self.results = without, checked

    def sum_by(self, protocol):
        return protocol.sum(self.given, self.bits, round_id=next(self.rounds))

    def row(self):
        del self.seconds[0]  # it makes what is kept
        plain, checked = self.results
        more = statistics.median(verified - plain for plain, verified in self.seconds)
        return (
            self.clients,
            statistics.median(plain for plain, _ in self.seconds),
            statistics.median(verified for _, verified in self.seconds),
            more / self.clients,
            f"{checked.costs.bytes_up / plain.costs.bytes_up:.4f}",
            checked.costs.bytes_down // self.clients,
            len(checked.verification.transcript),
        )


def large():
    """Print what a long vector takes beside the paper's, and how much memory."""
    rows = []
    for length in (LENGTH, LARGE // 4, LARGE):
        (vector,) = vectors(24, 1, length)
        vector //= CLIENTS
        parameters = CommitmentParameters.choose(length, 2**23, CLIENTS)
        seconds = min(timed(lambda v=vector, p=parameters: commit(v, p))[0] for _ in range(2))
        tracemalloc.start()
        commit(vector, parameters)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        rows.append((length, seconds, 1e9 * seconds / length, peak / vector.nbytes))
    print_table(("coordinates", "commit s", "ns/coordinate", "memory/vector"), rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    print_machine()
    measured = [Commitments(bits) for bits in BITS]
    curve = Curve(measured[0].vectors[0])
    for _ in range(runs):
        for one in (*measured, curve):
            one.run()
    print(f"{LENGTH:,} coordinates, {CLIENTS} clients\n")
    header = ("commitment", "bytes", "one vector s", "check of the sum of 30 s")
    print_table(
        header,
        [
            *(one.row() for one in measured),
            (
                f"secp256k1, extrapolated from {SAMPLE:,}",
                SECP256K1.element_bytes,
                median_and_range(curve.seconds),
                "",
            ),
        ],
    )
    ratios = [slow / fast for slow, fast in zip(curve.seconds, measured[0].commit, strict=True)]
    print(f"the curve's hash / a commitment at {BITS[0]} bits: {median_and_range(ratios)}\n")
    print("Whole sessions by double masking, all roles in this process:\n")
    tables = [Sessions(10, 23), Sessions(30, 24)]
    for _ in range(runs + 1):
        for table in tables:
            table.run()
    header = ("clients", "session s", "verified s", "more s/client", "bytes up, ratio")
    columns = (*header, "bytes down/client", "transcript bytes")
    print_table(columns, [table.row() for table in tables])
    print("Long vectors at 24 bits; pieces are made anew, and none is kept:\n")
    large()


if __name__ == "__main__":
    main()
