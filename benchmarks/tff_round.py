"""A TFF round against the same work in a plain Keras loop, and memory over many rounds.

Usage: python -m benchmarks.tff_round

Both sides train the paper's network on the same images: 10 clients x 8,000, batches of 100, one
epoch, reshuffled. They take turns in one run; the ratio of each pair is what counts.
"""

import multiprocessing
import statistics
import tempfile
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

from tff_health.quiet import silence_libraries

silence_libraries()

import numpy as np
import psutil
import tensorflow as tf
import tensorflow_federated as tff

from benchmarks.paper_task import (
    BATCH,
    CLIENTS,
    RATE,
    build_model,
    packed_task,
    random_images,
    seconds,
)
from tff_health.data.client_data import client_keys
from tff_health.data.images import LabelledImages
from tff_health.local.task import Task
from tff_health.training.scheme_training import build_process
from tff_health.workers.context import concurrency_for, create_context
from tff_health.workers.worker import LocalWorker

PAIRS = 5


def tff_rounds(task: Task) -> Callable[[], None]:
    process = build_process("fedavg", task).training
    state = process.set_model_weights(process.initialize(), task.initial_weights)
    number = 0

    def run_one() -> None:
        nonlocal state, number
        number += 1
        state = process.next(state, client_keys(list(range(CLIENTS)), number)).state

    return run_one


def keras_rounds(images: LabelledImages) -> Callable[[], None]:
    """The loop that one writes without TFF: `fit` each client from the same weights, average."""
    model = build_model()
    model.compile(
        tf.keras.optimizers.SGD(RATE),
        tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    parts = np.array_split(np.arange(len(images)), CLIENTS)
    clients = [
        tf.data.Dataset.from_tensor_slices((images.pixels[rows], images.labels[rows]))
        .shuffle(len(rows))
        .batch(BATCH)
        .map(lambda x, y: (tf.cast(x, tf.float32) / 255.0, tf.cast(y, tf.int32)))
        .prefetch(1)
        for rows in parts
    ]
    weights = model.get_weights()

    def run_one() -> None:
        nonlocal weights
        trained = []
        for client in clients:
            model.set_weights(weights)
            model.fit(client, verbose=0)
            trained.append(model.get_weights())
        weights = [np.mean(arrays, axis=0) for arrays in zip(*trained, strict=True)]

    return run_one


def serve_keras_rounds(connection: Connection) -> None:
    """Runs a round whenever it is asked to, and answers with its seconds."""
    run_one = keras_rounds(random_images(CLIENTS * 8000))
    while True:
        connection.recv()
        connection.send(seconds(run_one))


def compare_times(folder: Path) -> None:
    # Keras declares a model invalid once TFF has made one in this process: it gets its own.
    here, there = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    other = context.Process(target=serve_keras_rounds, args=(there,), daemon=True)
    other.start()

    def seconds_in_keras() -> float:
        here.send(True)
        return float(here.recv())

    in_tff = tff_rounds(packed_task(random_images(CLIENTS * 8000), folder / "large"))
    seconds_in_keras()  # the first round of each compiles
    in_tff()
    pairs = [(seconds(in_tff), seconds_in_keras()) for _ in range(PAIRS)]
    other.terminate()
    other.join()
    ratios = [ours / plain for ours, plain in pairs]
    print(f"\nOne round, {CLIENTS} clients x 8,000 images, paper's CNN, {PAIRS} pairs")
    print(f"  TFF          {statistics.median(p[0] for p in pairs):6.2f} s (median)")
    print(f"  Keras loop   {statistics.median(p[1] for p in pairs):6.2f} s (median)")
    print(
        f"  TFF / Keras  {statistics.median(ratios):6.2f}   (median; {min(ratios):.2f} to "
        f"{max(ratios):.2f})",
        flush=True,
    )


def watch_memory(folder: Path, worker: LocalWorker) -> None:
    run_one = tff_rounds(packed_task(random_images(CLIENTS * 400), folder / "small"))
    processes = {"this process": psutil.Process(), "TFF worker": psutil.Process(worker.pid)}
    resident: dict[int, dict[str, float]] = {}
    for number in range(1, 101):
        run_one()
        if number in (5, 100):
            resident[number] = {
                name: process.memory_info().rss / 2**20 for name, process in processes.items()
            }
    print(f"\nResident memory, {CLIENTS} clients x 400 images")
    for name in processes:
        early, late = resident[5][name], resident[100][name]
        print(
            f"  {name:13} {early:7.1f} MiB after 5 rounds, {late:7.1f} after 100 "
            f"({100 * (late / early - 1):+.1f} %)"
        )


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with LocalWorker(folder / "worker.log", concurrency_for(CLIENTS)) as worker:
            tff.framework.set_default_context(create_context(worker))
            watch_memory(folder, worker)
            compare_times(folder)


if __name__ == "__main__":
    main()
