"""The clipped sum of per-example gradients against the plain gradient, and against others' ways.

Usage: python -m benchmarks.dp_step [--install=no]

All take the gradients of one batch of 256 images, none adds noise or changes the model. They are
first checked against each other, then they take turns in one run; the ratio of each turn is what
counts. Opacus is installed, once, into an environment of its own in the user's cache folder; where
that cannot be done it is left out with a note.
"""

import argparse
import contextlib
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tff_health.quiet import silence_libraries

silence_libraries()

import numpy as np
import tensorflow as tf
from tensorflow_privacy.privacy.fast_gradient_clipping import clip_grads

import models
from benchmarks.environments import python_with
from tff_health.privacy.clipped_sum import fast_clipped_sum, tfp_clipped_sum
from tff_health.privacy.layer_rules import layer_registry

BATCH = 256
CLIPPING_NORM = 0.1
TURNS, SLOW_TURNS = 30, 3
REST = 0.1  # seconds, in which PyTorch's threads stop waiting for work
NETWORKS = {
    "mnist_cnn": ((28, 28, 1), 10),
    "tanh_cnn": ((28, 28, 1), 10),
    "paper_cnn": ((28, 28, 3), 7),
}
OPACUS = "opacus==1.6.0"
CPU_TORCH = ["--extra-index-url", "https://download.pytorch.org/whl/cpu", "torch==2.13.0+cpu"]

Step = Callable[[], float]


def losses(labels: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, outputs)


def plain_gradient(model, images, labels):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(losses(labels, model(images, training=True)))
    return tape.gradient(loss, model.trainable_variables)


def two_passes(model, images, labels):
    """Norms by TF Privacy's walk with our rules, then a second pass with weighted losses."""
    norms = clip_grads.compute_gradient_norms(
        model,
        layer_registry(),
        images,
        labels,
        per_example_loss_fn=lambda labels, outputs, _weights: losses(labels, outputs),
    )
    weights = clip_grads.compute_clip_weights(CLIPPING_NORM, norms)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(weights * losses(labels, model(images, training=True)))
    return tape.gradient(loss, model.trainable_variables)


def ours(model, images, labels):
    return fast_clipped_sum(model, losses, images, labels, CLIPPING_NORM)


def tfp_whole(model, images, labels):
    return tfp_clipped_sum(model, losses, images, labels, CLIPPING_NORM, chunk=BATCH)


def tfp_chunks(model, images, labels):
    return tfp_clipped_sum(model, losses, images, labels, CLIPPING_NORM)


class Opacus:
    """Opacus in its own process, with the same weights and images."""

    def __init__(self, python: Path, name: str, folder: Path, model, images, labels) -> None:
        self._checked, batch = folder / "sums.npz", folder / "batch.npz"
        weights = {f"weight{i}": w for i, w in enumerate(model.get_weights())}
        np.savez(
            batch,
            images=images,
            labels=labels,
            clipping_norm=CLIPPING_NORM,
            classes=model.output_shape[1],
            **weights,
        )
        script = Path(__file__).with_name("opacus_step.py")
        self._process = subprocess.Popen(
            [str(python), str(script), name, str(batch)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE"},
        )

    def step(self, what: str) -> float:
        self._process.stdin.write(f"{what}\n")
        self._process.stdin.flush()
        seconds = float(self._process.stdout.readline())
        time.sleep(REST)
        return seconds

    def sums(self) -> list[np.ndarray]:
        self.step(f"check {self._checked}")
        with np.load(self._checked) as found:
            return [found[f"arr_{i}"] for i in range(len(found))]

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait()


def timed(function: Callable) -> Step:
    def step() -> float:
        start = time.perf_counter()
        tf.nest.map_structure(lambda tensor: tensor.numpy(), function())
        return time.perf_counter() - start

    return step


def check(name: str, found, expected) -> None:
    error = sum(np.sum((a - b) ** 2) for a, b in zip(found, expected, strict=True))
    size = sum(np.sum(np.square(b)) for b in expected)
    assert error <= 1e-8 * size, f"{name} differs by {(error / size) ** 0.5:.1e}"


@contextlib.contextmanager
def groups_of(name: str, opacus: Path | None) -> Iterator[list[tuple[int, dict[str, Step]]]]:
    """Yields the steps of a network, which agree, as groups that take so many turns together."""
    shape, classes = NETWORKS[name]
    model = models.load(name, shape, classes)()
    rng = np.random.default_rng(0)
    images = tf.constant(rng.random((BATCH, *shape)), tf.float32)
    labels = tf.constant(rng.integers(0, classes, BATCH), tf.int32)
    signature = [tf.TensorSpec((None, *shape), tf.float32), tf.TensorSpec((None,), tf.int32)]

    def compiled(function: Callable) -> Callable:
        graph = tf.function(lambda x, y: function(model, x, y), input_signature=signature)
        return lambda: graph(images, labels)

    ways = {
        "plain": compiled(plain_gradient),
        "ours": compiled(ours),
        "two passes": compiled(two_passes),
        "TF Privacy's optimizer": compiled(tfp_whole),
        "the same in chunks": compiled(tfp_chunks),
    }
    expected = [total.numpy() for total in ways["ours"]()]
    for way in list(ways)[2:]:
        check(way, [total.numpy() for total in ways[way]()], expected)
    steps = {way: timed(function) for way, function in ways.items()}
    slow = {way: steps.pop(way) for way in ("TF Privacy's optimizer", "the same in chunks")}
    groups = [(TURNS, steps), (SLOW_TURNS, {"ours": steps["ours"], **slow})]
    with tempfile.TemporaryDirectory() as folder:
        if opacus is None:
            yield groups
            return
        other = Opacus(opacus, name, Path(folder), model, images.numpy(), labels.numpy())
        try:
            check("Opacus", other.sums(), expected)
            theirs = {
                "plain PyTorch": lambda: other.step("plain"),
                "Opacus, ghost": lambda: other.step("ghost"),
            }
            yield [*groups, (TURNS, {"ours": steps["ours"], **theirs})]
        finally:
            other.close()


def take_turns(steps: dict[str, Step], turns: int) -> dict[str, list[float]]:
    for step in steps.values():
        step()
    rounds = [{way: step() for way, step in steps.items()} for _ in range(turns)]
    return {way: [seconds[way] for seconds in rounds] for way in steps}


def report(name: str, opacus: Path | None) -> None:
    print(f"\n{name}, {BATCH} images          ms   / plain    / ours   (medians)")
    with groups_of(name, opacus) as groups:
        for turns, steps in groups:
            times = take_turns(steps, turns)
            for way, seconds in times.items():
                if way == "ours" and "plain" not in times:
                    continue
                plain = times.get("plain")
                print(
                    f"  {way:24} {1e3 * statistics.median(seconds):8.1f}  "
                    f"{ratio(seconds, plain) if plain else '':>8}  {ratio(seconds, times['ours'])}",
                    flush=True,
                )


def ratio(of: list[float], to: list[float]) -> str:
    return f"{statistics.median(a / b for a, b in zip(of, to, strict=True)):8.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--install", choices=["yes", "no"], default="yes")
    install = parser.parse_args().install == "yes"
    tf.get_logger().setLevel("ERROR")
    tf.config.threading.set_intra_op_parallelism_threads(2)
    opacus = python_with(OPACUS, [CPU_TORCH, [OPACUS]], install)
    for name in NETWORKS:
        report(name, opacus)


if __name__ == "__main__":
    main()
