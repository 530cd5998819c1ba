"""Sums and rounds between programs of their own, beside one process, training, and Flower.

    python -m benchmarks.federation [--install=no] [--sites 10] [--parts small ...]

Every sum is checked against that of the vectors in the clear before a time is told.
"""

import argparse
import os
import platform
import statistics

from benchmarks.federation.flower import FLOWER, flower_round
from benchmarks.federation.secure_sum import BITS, compare, deployed
from benchmarks.federation.training_rounds import training_rounds

PAPER, RESNET = 306_063, 11_000_000
PARTS = ("small", "large", "memory", "rounds", "flower")
_FLOWER_LIMIT = 300.0


def main() -> None:
    """Run the parts, and print what came of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--install", choices=["yes", "no"], default="yes", help="install Flower")
    parser.add_argument("--sites", type=int, default=10)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    options = parser.parse_args()
    load = os.getloadavg()[0]
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, load {load:.1f}")
    print(f"double masking, {options.sites} sites, modulus 2^{BITS}, TLS on both ends, loopback\n")
    if "small" in options.parts:
        _compared(options.sites, PAPER, options.pairs, 5)
    if "large" in options.parts:
        _compared(options.sites, RESNET, 1, 2)
    if "memory" in options.parts:
        _memory(options.sites, RESNET // 2)
    if "rounds" in options.parts:
        _rounds(sites=5, rounds=8)
    if "flower" in options.parts:
        _flower(options.sites, PAPER, options.install == "yes")


def _compared(sites: int, length: int, pairs: int, sessions: int) -> None:
    found = compare(sites, length, pairs, sessions)
    low, high = found["range"]
    print(f"{length:,} coordinates, medians of {pairs} x {sessions} sessions, clock time")
    print(f"  deployed       {found['deployed']:7.3f} s")
    print(f"  one process    {found['one process']:7.3f} s")
    print(f"  ratio          {found['ratio']:7.2f}   ({low:.2f} to {high:.2f})")
    print(f"  server holds   {found['memory'] / 1e6:7.1f} MB more at its peak than before,")
    print(f"                 {found['vectors']:7.1f} vectors of 8 bytes a coordinate\n")


def _memory(sites: int, length: int) -> None:
    print(f"{length:,} coordinates, what the server holds more at its peak than before")
    for number in (sites // 2, sites, 2 * sites):
        memory = deployed(number, length, 2)["memory"]
        print(f"  {number:3} sites      {memory / 1e6:7.1f} MB, {memory / 8 / length:.1f} vectors")
    print()


def _rounds(sites: int, rounds: int) -> None:
    found = training_rounds(sites, rounds)
    ratios = [whole / own for whole, own in found]
    print(f"rounds of the paper's network, {sites} sites that train at once on drawn lesions")
    print(f"  a round        {statistics.median(whole for whole, _ in found):7.3f} s")
    print(f"  slowest site   {statistics.median(own for _, own in found):7.3f} s of training")
    low, high = min(ratios), max(ratios)
    print(f"  ratio          {statistics.median(ratios):7.2f}   ({low:.2f} to {high:.2f})\n")


def _flower(sites: int, length: int, install: bool) -> None:
    theirs = flower_round(sites, length, install, _FLOWER_LIMIT)
    if theirs is None:
        return
    ours = statistics.median(deployed(sites, length, 4)["seconds"][1:])
    print(f"{length:,} coordinates, beside {FLOWER} SecAgg+ between its SuperLink and SuperNodes")
    print(f"  Flower         {theirs['seconds']:7.1f} s   largest error {theirs['error']:.1e}")
    print(f"  here           {ours:7.3f} s   exact")
    print(f"  Flower / here  {theirs['seconds'] / ours:7.0f}\n")


if __name__ == "__main__":
    main()
