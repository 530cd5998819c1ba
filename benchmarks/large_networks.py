"""Rounds of large networks beside the loop that one writes in Keras, and the memory they take.

Usage: python -m benchmarks.large_networks [--network=dense|resnet18] [--turns=3]

Three clients train a dense network of 25.5 million weights on scikit-learn's digits, or ResNet-18
on random images of 64x64, in batches of 20. Keras's loop runs in a process of its own, from the
same weights. First the models after one round are compared; then all take turns in one run, and the
ratios of each turn are what counts. Memory is what this process takes at most above what it had
before the first round, in copies of the model; the worker that trains is not counted.
"""

import argparse
import multiprocessing
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

from tff_health.quiet import silence_libraries

silence_libraries()

import numpy as np
import psutil
import tensorflow as tf
from sklearn.datasets import load_digits

import models
from benchmarks.paper_task import seconds
from benchmarks.scheme_rounds import SchemeRounds
from tff_health.data.augment import Augmenter
from tff_health.data.client_data import client_keys, training_data, validation_data
from tff_health.data.examples import Examples
from tff_health.data.federated import ClientExamples, FederatedImages
from tff_health.data.images import LabelledImages
from tff_health.data.pack import pack_clients
from tff_health.learning.process import weights_of
from tff_health.local.evaluation import Evaluator
from tff_health.local.model_weights import ModelWeights
from tff_health.local.task import Optimizer, QualitySettings, SumSettings, Task
from tff_health.workers.context import concurrency_for
from tff_health.workers.pool import open_pool

CLIENTS, BATCH, RATE = 3, 20, 0.01
SCHEMES = ("fedavg", "bonawitz")
WANTED = {"fedavg": 1.15, "bonawitz": 1.4, "evaluation": 1.2}


def dense(shape: tuple[int, int, int], classes: int) -> tf.keras.Model:
    layers = tf.keras.layers
    hidden = [layers.Dense(width, "relu") for width in (4620, 4720)]
    return tf.keras.Sequential(
        [layers.InputLayer(shape), layers.Flatten(), *hidden, layers.Dense(classes)]
    )


def digits() -> tuple[np.ndarray, np.ndarray]:
    found = load_digits()
    small = (found.images * (255 / 16)).astype(np.uint8)[..., np.newaxis]
    return tf.image.resize(small, (28, 28)).numpy().astype(np.uint8), found.target.astype(np.uint8)


def random_images() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (240, 64, 64, 3), np.uint8)
    return pixels, rng.integers(0, 7, len(pixels)).astype(np.uint8)


NETWORKS = {"dense": (digits, 10), "resnet18": (random_images, 7)}


def builder(network: str, shape: tuple[int, int, int]) -> Callable[[], tf.keras.Model]:
    classes = NETWORKS[network][1]
    if network == "dense":
        return lambda: dense(shape, classes)
    return models.load(network, shape, classes).build


def shared_out(number: int) -> list[np.ndarray]:
    """Rows of the clients' images, and of the test images."""
    return np.array_split(np.arange(number), CLIENTS + 1)


def keras_side(
    network: str, folder: Path, weights: list[np.ndarray], connection: Connection
) -> None:
    """Trains and evaluates as one does without TFF: `fit` each client, average, `evaluate`."""
    pixels, labels = NETWORKS[network][0]()
    model = builder(network, pixels.shape[1:])()
    model.compile(
        tf.keras.optimizers.SGD(RATE),
        tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    *clients, test = (
        tf.data.Dataset.from_tensor_slices((pixels[rows], labels[rows]))
        .batch(BATCH)
        .map(lambda x, y: (tf.cast(x, tf.float32) / 255.0, tf.cast(y, tf.int32)))
        .prefetch(1)
        for rows in shared_out(len(pixels))
    )
    rows = shared_out(len(pixels))

    def train() -> None:
        train_on([client.shuffle(1) for client in clients])

    def train_in_our_order() -> None:
        ours = training_data(folder, pixels.shape[1:], BATCH, epochs=1, seed=0)
        train_on([ours(key) for key in client_keys(list(range(CLIENTS)), 1)])

    def train_on(batches: list[tf.data.Dataset]) -> None:
        nonlocal weights
        total = [np.zeros_like(w) for w in weights]
        for client, own in zip(batches, rows, strict=False):
            model.set_weights(weights)
            model.fit(client, epochs=1, verbose=0)
            share = len(own) / sum(map(len, rows[:-1]))
            total = [t + share * w for t, w in zip(total, model.get_weights(), strict=True)]
        weights = total

    def evaluate() -> None:
        model.set_weights(weights)
        model.evaluate(test.unbatch().batch(1000), verbose=0)

    steps: dict[str, Callable[[], None]] = {
        "train in our order": train_in_our_order,
        "train": train,
        "evaluate": evaluate,
    }
    while (asked := connection.recv()) != "end":
        connection.send(weights if asked == "weights" else seconds(steps[asked]))


def task_of(network: str, folder: Path) -> tuple[Task, Evaluator]:
    pixels, labels = NETWORKS[network][0]()
    classes, build = NETWORKS[network][1], builder(network, pixels.shape[1:])
    names = tuple(map(str, range(classes)))
    images = LabelledImages(
        name="benchmark", form="numbers", pixels=pixels, labels=labels, class_names=names
    )
    *parts, test = shared_out(len(images))
    nothing = Examples.originals(images, np.arange(0))
    clients = tuple(ClientExamples(Examples.originals(images, rows), nothing) for rows in parts)
    federated = FederatedImages(images, Augmenter(len(images), 0), clients, nothing, "none")
    pack_clients(federated, folder, lambda *_: None)
    tf.keras.utils.set_random_seed(0)
    task = Task(
        build_model=tf.autograph.experimental.do_not_convert(build),
        initial_weights=ModelWeights.of(build()),
        image_shape=images.image_shape,
        training_data=training_data(folder, images.image_shape, BATCH, epochs=1, seed=0),
        validation_data=validation_data(folder, images.image_shape, BATCH),
        client_optimizer=Optimizer(RATE),
        server_optimizer=Optimizer(1.0),
        sums=SumSettings(16, 4.0, CLIENTS, max(map(len, parts)), secure_metrics=True),
        quality=QualitySettings("squares", decimals=2, largest=1e6),
        sparsity=0.01,
        memory_folder=folder / "memory",
    )
    return task, Evaluator(build(), pixels[test], labels[test], classes)


class Memory:
    """The most memory of this process, sampled while it is watched."""

    def __init__(self) -> None:
        self._process = psutil.Process(os.getpid())
        self.before = self.now()

    def now(self) -> int:
        return int(self._process.memory_info().rss)

    @contextmanager
    def watched(self, peaks: list[int]) -> Iterator[None]:
        over, most = threading.Event(), [self.now()]

        def sample() -> None:
            while not over.wait(0.02):
                most.append(self.now())

        thread = threading.Thread(target=sample)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            peaks.append(max(most) - self.before)


def check(keras: list[np.ndarray], ours: list[np.ndarray], start: list[np.ndarray]) -> None:
    """The same batches give the same model, but for rounding, and for how clients are weighted."""
    moved = sum(float(np.sum((a - s) ** 2)) for a, s in zip(keras, start, strict=True)) ** 0.5
    apart = sum(float(np.sum((a - b) ** 2)) for a, b in zip(keras, ours, strict=True)) ** 0.5
    assert apart < 0.03 * moved, f"models are {apart:.3g} apart, and moved {moved:.3g}"


def compare(network: str, turns: int, folder: Path) -> None:
    task, evaluator = task_of(network, folder / "clients")
    start = [np.asarray(w) for w in task.initial_weights.trainable]
    model_bytes = sum(w.nbytes for w in start)
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    child = multiprocessing.get_context("spawn").Process(
        target=keras_side, args=(network, folder / "clients", start, theirs), daemon=True
    )
    child.start()

    def keras(what: str) -> float:
        ours.send(what)
        return float(ours.recv())

    with open_pool((), folder / "worker.log", concurrency_for(CLIENTS)) as pool:
        memory = Memory()
        peaks: dict[str, list[int]] = {}
        rounds = {}
        for scheme in SCHEMES:
            rounds[scheme] = SchemeRounds(scheme, task, pool, CLIENTS)
        keras("train in our order")
        ours.send("weights")
        kept = ours.recv()
        for scheme, one in rounds.items():
            peaks[scheme] = []
            with memory.watched(peaks[scheme]):
                one.run_one()
            check(kept, [np.asarray(w) for w in weights_of(one.state).trainable], start)
        evaluator.evaluate(weights_of(rounds["fedavg"].state))
        keras("train")
        keras("evaluate")
        times: dict[str, list[float]] = {}
        for turn in range(turns):
            print(f"turn {turn + 1} of {turns}", file=sys.stderr, flush=True)
            times.setdefault("Keras", []).append(keras("train"))
            times.setdefault("model.evaluate", []).append(keras("evaluate"))
            for scheme, one in rounds.items():
                with memory.watched(peaks[scheme]):
                    times.setdefault(scheme, []).append(seconds(one.run_one))
            last = weights_of(rounds["fedavg"].state)
            taken = seconds(lambda last=last: evaluator.evaluate(last))
            times.setdefault("evaluation", []).append(taken)
        record = rounds["bonawitz"].context.last_round
    ours.send("end")
    child.join()
    print(f"\n{network}, {model_bytes / 4e6:.1f} million weights, {CLIENTS} clients, {turns} turns")
    for name, values in times.items():
        print(f"  {name:16} {statistics.median(values):6.2f} s")
    assert record is not None
    print(f"  of bonawitz cryptography {record.seconds_crypto:.2f} s")
    for name, most in WANTED.items():
        other = "model.evaluate" if name == "evaluation" else "Keras"
        ratios = [a / b for a, b in zip(times[name], times[other], strict=True)]
        print(
            f"  {name + ' / ' + other:28} {statistics.median(ratios):5.2f}   "
            f"({min(ratios):.2f} to {max(ratios):.2f}; wanted {most})"
        )
    for scheme, found in peaks.items():
        print(
            f"  memory in {scheme:10} {max(found) / model_bytes:5.1f} copies of the model   "
            f"(wanted {4 + 2 * CLIENTS})",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", choices=list(NETWORKS), action="append")
    parser.add_argument("--turns", type=int, default=3)
    given = parser.parse_args()
    started = time.monotonic()
    for network in given.network or NETWORKS:
        with tempfile.TemporaryDirectory() as folder:
            compare(network, given.turns, Path(folder))
    print(f"\n{time.monotonic() - started:.0f} s in all")


if __name__ == "__main__":
    main()
