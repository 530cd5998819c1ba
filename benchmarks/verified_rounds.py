"""Rounds in which clients check the sum beside rounds in which they do not.

Usage: python -m benchmarks.verified_rounds [--images=80000] [--clients 10 30]

The clients share the images and train the paper's network for one epoch; verified and unverified
rounds take turns in one run, and the ratio of the rounds of one turn is what counts. All clients
work on this machine, one after the other, and each of them checks the sum. Processor time is that
of this process and of TFF's worker; the clock also counts what else the machine does.
"""

import argparse
import dataclasses
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

from tff_health.quiet import silence_libraries

silence_libraries()

import psutil

from benchmarks.paper_task import packed_task, random_images, seconds
from benchmarks.scheme_rounds import SETTINGS, SchemeRounds
from tff_health.workers.context import concurrency_for
from tff_health.workers.pool import open_pool

VERIFIED = dataclasses.replace(SETTINGS, verify=True)


class Times:
    """Seconds of rounds, on the clock and of processors."""

    def __init__(self) -> None:
        self.clock: list[float] = []
        self.processor: list[float] = []

    def add(self, run: Callable[[], None]) -> None:
        before = _processor_seconds()
        self.clock.append(seconds(run))
        self.processor.append(_processor_seconds() - before)


def _processor_seconds() -> float:
    own = psutil.Process()
    return sum(sum(process.cpu_times()[:2]) for process in (own, *own.children(recursive=True)))


def compare(scheme: str, clients: int, images: int, turns: int) -> None:
    """Runs rounds of one scheme with and without, and prints what they took."""
    with (
        tempfile.TemporaryDirectory() as name,
        open_pool((), Path(name) / "worker.log", concurrency_for(clients)) as pool,
    ):
        task = packed_task(random_images(images), Path(name) / "task", clients)
        plain = SchemeRounds(scheme, task, pool, clients)
        verified = SchemeRounds(scheme, task, pool, clients, settings=VERIFIED)
        times = (Times(), Times())
        for turn in range(turns + 1):
            for one, taken in zip((plain, verified), times, strict=True):
                if turn:
                    taken.add(one.run_one)
                else:  # compiles, and makes keys
                    one.run_one()
    records = (plain.context.last_round, verified.context.last_round)
    assert records[0] is not None
    assert records[1] is not None
    assert records[1].verified_by == records[1].survivors == tuple(range(clients))
    print(f"\n{scheme}, {clients} clients, {images:,} images, {turns} turns")
    for kind in ("processor", "clock"):
        without, checked = (getattr(taken, kind) for taken in times)
        ratios = [a / b for a, b in zip(checked, without, strict=True)]
        print(
            f"  {kind + ' time':15} {statistics.median(without):6.2f} s, verified "
            f"{statistics.median(checked):6.2f} s, ratio {statistics.median(ratios):.3f} "
            f"({min(ratios):.3f} to {max(ratios):.3f})"
        )
    up = [record.costs.bytes_up / clients for record in records if record]
    down = [record.costs.bytes_down / clients for record in records if record]
    print(
        f"  bytes a client   up {up[0]:,.0f} and {up[1]:,.0f}, ratio {up[1] / up[0]:.4f}; down, "
        f"beside the model, {down[0]:,.0f} and {down[1]:,.0f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=80_000)
    parser.add_argument("--turns", type=int, default=4)
    parser.add_argument("--clients", type=int, nargs="*", default=[10, 30])
    parser.add_argument("--schemes", nargs="*", default=["bonawitz", "zhang_hardened"])
    asked = parser.parse_args()
    for scheme in asked.schemes:
        for clients in asked.clients:
            compare(scheme, clients, asked.images, asked.turns)


if __name__ == "__main__":
    main()
