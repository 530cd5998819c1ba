"""Rounds of 50 clients drawn from 1,000 against rounds of 50 from 50, and memory over many rounds.

Usage: python -m benchmarks.many_clients [ROUNDS]

Both sides run the rounds of a run with virtual time, drawn clients and a deadline, on 20 images a
client and a linear network, so that what rounds cost by themselves shows. They take turns in one
run; the ratio of each pair is what counts. Then 1,000 clients go on for 500 rounds, or ROUNDS.
"""

import os
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tff_health.quiet import silence_libraries

silence_libraries()

import numpy as np
import psutil
import tensorflow_federated as tff

from benchmarks.paper_task import seconds
from tff_health import flags
from tff_health.data.federated import federate
from tff_health.data.images import LabelledImages
from tff_health.data.pack import pack_clients
from tff_health.measurements.plain_traffic import Traffic
from tff_health.secure_aggregation.protocols import BoundProtocols
from tff_health.secure_aggregation.secure_context import SecureContext
from tff_health.training.clock import Measured, clock_of
from tff_health.training.pace import Pace, Shares
from tff_health.training.round_runner import RoundRunner
from tff_health.training.scheme_training import build_process
from tff_health.training.task import build_task
from tff_health.workers.pool import open_pool

MANY, TAKEN, IMAGES, PAIRS, ROUNDS = 1000, 50, 20, 15, 500
LINEAR = "--model=tests.tff_health.learning.test_client_training:linear"


def images_of(clients: int) -> LabelledImages:
    rng, number = np.random.default_rng(0), clients * (IMAGES + 1) * 5 // 4
    return LabelledImages(
        name="digits",
        form="made by a benchmark",
        pixels=rng.integers(0, 256, (number, 8, 8, 1), np.uint8),
        labels=rng.integers(0, 10, number).astype(np.uint8),
        class_names=tuple("0123456789"),
    )


def rounds_of(clients: int, folder: Path, context: SecureContext) -> Callable[[], None]:
    """Returns what runs one round of `TAKEN` clients drawn from so many."""
    given = ("--client_times=drawn", "--deadline_share=0.8", "--batch_size=20", LINEAR)
    sizes = (f"--num_clients={clients}", f"--clients_per_round={TAKEN}", "--dataset=digits")
    config = flags.parse(["run", *sizes, *given], {}).config
    federated = federate(images_of(clients), "clean", 0, config.partition_spec, seed=0)
    pack_clients(federated, folder / "clients", lambda *_: None)
    task = build_task(config, federated, folder)
    process = build_process("fedavg", task)
    traffic = Traffic.of(task.initial_weights)
    clock = clock_of(config, Measured(0.01, ()), traffic)
    pace = Pace(config, clock, Shares.of(config, federated), lambda _: 1, {})
    runner = RoundRunner(process, config, context, traffic, goes_on=False, pace=pace)
    training: Any = process.training
    state = training.set_model_weights(training.initialize(), task.initial_weights)
    number = 0

    def run_one() -> None:
        nonlocal state, number
        number += 1
        state = runner.run(state, number).state

    return run_one


def megabytes() -> float:
    """Memory of this process and of its workers."""
    process = psutil.Process(os.getpid())
    found = (process, *process.children(recursive=True))
    return sum(one.memory_full_info().pss for one in found) / 1e6


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    with tempfile.TemporaryDirectory() as name, open_pool((), Path(name) / "worker.log", 2) as pool:
        context = SecureContext(pool, BoundProtocols())
        tff.framework.set_default_context(context)
        many, few = (
            rounds_of(clients, Path(name) / str(clients), context) for clients in (MANY, TAKEN)
        )
        for warm_up in (many, few):
            warm_up()
        pairs = [(seconds(many), seconds(few)) for _ in range(PAIRS)]
        ratios = sorted(ours / others for ours, others in pairs)
        ours, others = (statistics.median(column) for column in zip(*pairs, strict=True))
        print(
            f"{TAKEN} of {MANY} clients: {ours:.3f} s a round; {TAKEN} of {TAKEN}: {others:.3f} s"
        )
        print(f"ratio: {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")
        for number in range(PAIRS + 2, rounds + 1):
            many()
            if number % max(1, rounds // 10) == 0:
                print(f"round {number}: {megabytes():.0f} MB", flush=True)


if __name__ == "__main__":
    main()
