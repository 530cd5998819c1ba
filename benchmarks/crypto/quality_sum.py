"""Joint sessions of 306,063 coordinates modulo 2^32 beside plain double masking.

Usage: python -m benchmarks.crypto.quality_sum [--runs=5]
"""

import argparse
import itertools
import statistics
import time

import numpy as np

from benchmarks.crypto.report import median_and_range, print_machine, print_table
from crypto.groups.ffdhe import FFDHE2048
from crypto.protocols.masking.session import DoubleMasking
from crypto.protocols.quality_sum.session import HardenedQualitySum, QualitySum

LENGTH, BITS = 306_063, 32
MAX_QUALITY = 10_000  # 0.00 to 100.00
UPLOAD = "masked input"


class Variant:
    """One protocol with one number of clients and of dropouts; its key is made beforehand."""

    def __init__(self, name, make, vectors, dropped=0):
        self.name = name
        self.vectors = vectors
        self.dropouts = dict.fromkeys(list(vectors)[:dropped], UPLOAD)
        rng = np.random.default_rng(len(vectors))
        self.qualities = {c: int(rng.integers(0, MAX_QUALITY + 1)) for c in vectors}
        self.protocol, self.rounds = make(), itertools.count(1)
        self.seconds, self.client, self.server, self.costs = [], [], [], []
        self.setup = self.run()
        self.seconds.clear(), self.client.clear(), self.server.clear(), self.costs.clear()

    def run(self):
        start, round_id = time.process_time(), next(self.rounds)
        if isinstance(self.protocol, DoubleMasking):
            result = self.protocol.sum(
                self.vectors, BITS, round_id=round_id, dropouts=self.dropouts
            )
        else:
            result = self.protocol.sum(
                self.vectors,
                self.qualities,
                BITS,
                max_quality=MAX_QUALITY,
                round_id=round_id,
                dropouts=self.dropouts,
            )
            assert result.quality_sum == sum(self.qualities[c] for c in result.survivors)
        self.seconds.append(time.process_time() - start)
        expected = sum(self.vectors[c] for c in result.survivors) & np.uint64(2**BITS - 1)
        assert len(result.survivors) == len(self.vectors) - len(self.dropouts)
        assert np.array_equal(result.sum, expected), "the secure sum differs from the plain one"
        assert result.refusals == ()
        self.client.append(result.costs.client_seconds)
        self.server.append(result.costs.server_seconds)
        self.costs.append(result.costs)
        return self.seconds[-1]

    def setup_seconds(self):
        """What the first session took longer: the system key, and the table of logarithms."""
        return self.setup - statistics.median(self.seconds)

    def row(self):
        costs = self.costs[-1]
        return (
            self.name,
            len(self.vectors),
            len(self.dropouts),
            "-" if isinstance(self.protocol, DoubleMasking) else self.setup_seconds(),
            median_and_range(self.seconds),
            statistics.median(self.client),
            statistics.median(self.server),
            costs.bytes_up // len(self.vectors),
            costs.bytes_down // len(self.vectors),
        )


def variants():
    clock = {"clock": time.process_time}
    rng = np.random.default_rng(0)
    everyone = {c: rng.integers(0, 2**BITS, LENGTH, dtype=np.uint64) for c in range(30)}
    few = {c: everyone[c] for c in range(10)}
    for vectors in (few, everyone):
        yield Variant("DoubleMasking", lambda: DoubleMasking(**clock), vectors)
        yield Variant(
            "DoubleMasking unsigned", lambda: DoubleMasking(signed=False, **clock), vectors
        )
        yield Variant("QualitySum", lambda: QualitySum(**clock), vectors)
        yield Variant("HardenedQualitySum", lambda: HardenedQualitySum(**clock), vectors)
    yield Variant("QualitySum, own keys", lambda: QualitySum(key_setup="dkg", **clock), everyone)
    yield Variant("QualitySum, proofs", lambda: QualitySum(proofs=True, **clock), everyone)
    yield Variant("QualitySum, ffdhe2048", lambda: QualitySum(group=FFDHE2048, **clock), everyone)
    yield Variant("QualitySum", lambda: QualitySum(**clock), everyone, dropped=9)
    yield Variant("HardenedQualitySum", lambda: HardenedQualitySum(**clock), everyone, dropped=9)


RATIOS = [
    (("QualitySum", 10, 0), ("DoubleMasking", 10, 0)),
    (("QualitySum", 30, 0), ("DoubleMasking", 30, 0)),
    (("QualitySum", 10, 0), ("DoubleMasking unsigned", 10, 0)),
    (("QualitySum", 30, 0), ("DoubleMasking unsigned", 30, 0)),
    (("QualitySum", 30, 9), ("QualitySum", 30, 0)),
    (("HardenedQualitySum", 30, 9), ("HardenedQualitySum", 30, 0)),
    (("HardenedQualitySum", 10, 0), ("QualitySum", 10, 0)),
    (("HardenedQualitySum", 30, 0), ("QualitySum", 30, 0)),
    (("HardenedQualitySum", 30, 0), ("DoubleMasking", 30, 0)),
    (("QualitySum, proofs", 30, 0), ("QualitySum", 30, 0)),
    (("QualitySum, ffdhe2048", 30, 0), ("QualitySum", 30, 0)),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    print_machine()
    print("Every run is checked against the plain sums; key set-up is apart.\n")
    measured = {(v.name, len(v.vectors), len(v.dropouts)): v for v in variants()}
    for _ in range(runs):  # the variants take turns, so that a busy machine hits all alike
        for variant in measured.values():
            variant.run()
    header = (
        "protocol",
        "clients",
        "dropped",
        "set-up s",
        "session s",
        "clients s",
        "server s",
        "bytes up/client",
        "bytes down/client",
    )
    print_table(header, [variant.row() for variant in measured.values()])
    rows = []
    for ours, other in RATIOS:
        a, b = measured[ours], measured[other]
        pairs = [x / y for x, y in zip(a.seconds, b.seconds, strict=True)]
        difference = statistics.median(a.seconds) - statistics.median(b.seconds)
        names = [
            f"{name}, {clients} clients, {gone} dropped" for name, clients, gone in (ours, other)
        ]
        rows.append((*names, median_and_range(pairs), difference))
    print_table(("session", "over", "ratio", "difference s"), rows)
    print("Where the time goes, HardenedQualitySum, 30 clients, nobody dropped:\n")
    work = measured["HardenedQualitySum", 30, 0].costs[-1].work
    print_table(
        ("stage", "role", "steps", "seconds"),
        [(row.stage, row.role, row.steps, row.seconds) for row in work],
    )


if __name__ == "__main__":
    main()
