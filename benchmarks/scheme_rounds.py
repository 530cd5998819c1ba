"""Rounds of the schemes side by side: what secure sums add to training.

Usage: python -m benchmarks.scheme_rounds

All schemes train the paper's network on 80,000 images in one run and take turns; the ratio of the
rounds of one turn is what counts. The first rounds, which compile and set up keys, are left out.
"""

import statistics
import tempfile
from pathlib import Path

from tff_health.quiet import silence_libraries

silence_libraries()

import tensorflow_federated as tff

from benchmarks.paper_task import packed_task, random_images, seconds
from tff_health.data.client_data import client_keys
from tff_health.local.task import Task
from tff_health.schemes import SCHEMES
from tff_health.secure_aggregation.bindings import BINDINGS, ProtocolSettings
from tff_health.secure_aggregation.protocols import BoundProtocols
from tff_health.secure_aggregation.secure_context import SecureContext
from tff_health.training.scheme_training import build_process
from tff_health.workers.context import concurrency_for
from tff_health.workers.pool import WorkerPool, open_pool

IMAGES, TURNS = 80_000, 4
SETTINGS = ProtocolSettings(dropout_rate=0.0, value_bits=20)


class SchemeRounds:
    """One scheme, run a round at a time."""

    def __init__(
        self,
        scheme: str,
        task: Task,
        pool: WorkerPool,
        num_clients: int,
        num_dropouts: int = 0,
        settings: ProtocolSettings = SETTINGS,
    ) -> None:
        protocol = SCHEMES[scheme].protocol
        bound = BINDINGS[protocol].build(settings) if protocol else BoundProtocols()
        self.context = SecureContext(pool, bound)
        self._clients = list(range(num_clients))
        self._dropouts = dict.fromkeys(self._clients[-num_dropouts:], "masked input")
        if num_dropouts == 0:
            self._dropouts = {}
        self._number = 0
        self.overheads: list[float] = []
        with tff.framework.get_context_stack().install(self.context):
            self._process = build_process(scheme, task).training
            state = self._process.initialize()
            self.state = self._process.set_model_weights(state, task.initial_weights)

    def run_one(self) -> None:
        self._number += 1
        if self.context.stages:
            self.context.plan_round(self._clients, self._dropouts)
        with tff.framework.get_context_stack().install(self.context):
            keys = client_keys(self._clients, self._number)
            self.state = self._process.next(self.state, keys).state
        if record := self.context.last_round:
            self.overheads.append(
                record.seconds_total - record.seconds_training - record.seconds_crypto
            )


def take_turns(rounds: dict[str, SchemeRounds]) -> dict[str, list[float]]:
    """Runs a round of each, then again; returns the seconds of every round but the first."""
    times: dict[str, list[float]] = {name: [] for name in rounds}
    for turn in range(TURNS + 1):
        for name, scheme in rounds.items():
            taken = seconds(scheme.run_one)
            if turn:
                times[name].append(taken)
    return times


def ratio(times: dict[str, list[float]], above: str, below: str) -> str:
    pairs = [a / b for a, b in zip(times[above], times[below], strict=True)]
    label = f"{above} / {below}"
    return (
        f"  {label:42} {statistics.median(pairs):5.2f}   (median; {min(pairs):.2f} to "
        f"{max(pairs):.2f})"
    )


def report(title: str, rounds: dict[str, SchemeRounds], ratios: list[tuple[str, str]]) -> None:
    times = take_turns(rounds)
    print(f"\n{title}, {IMAGES:,} images, {TURNS} turns")
    for name, taken in times.items():
        line = f"  {name:42} {statistics.median(taken):5.2f} s"
        if overheads := rounds[name].overheads[1:]:
            record = rounds[name].context.last_round
            assert record is not None
            line += (
                f"   (cryptography {record.seconds_crypto:.2f} s, context "
                f"{statistics.median(overheads):.2f} s)"
            )
        print(line)
    for above, below in ratios:
        print(ratio(times, above, below), flush=True)


def main() -> None:
    images = random_images(IMAGES)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with open_pool((), folder / "worker.log", concurrency_for(10)) as pool:
            task = packed_task(images, folder / "ten", 10)
            names = ("fedavg", "bonawitz", "zhang", "zhang_hardened")
            report(
                "One round of 10 clients",
                {scheme: SchemeRounds(scheme, task, pool, 10) for scheme in names},
                [("bonawitz", "fedavg"), ("zhang", "bonawitz"), ("zhang_hardened", "zhang")],
            )
            task = packed_task(images, folder / "thirty", 30)
            thirty = {scheme: SchemeRounds(scheme, task, pool, 30) for scheme in names[1:]}
            dropped = "zhang, 9 of 30 dropped"
            thirty[dropped] = SchemeRounds("zhang", task, pool, 30, num_dropouts=9)
            report(
                "One round of 30 clients",
                thirty,
                [("zhang", "bonawitz"), (dropped, "zhang"), ("zhang_hardened", "zhang")],
            )


if __name__ == "__main__":
    main()
