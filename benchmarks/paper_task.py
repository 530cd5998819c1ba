"""The task that round benchmarks train: the paper's network on random images.

10 clients hold 8,000 images each, in batches of 100; a round is one epoch, reshuffled.
"""

import time
from collections.abc import Callable
from pathlib import Path

from tff_health.quiet import silence_libraries

silence_libraries()

import numpy as np
import tensorflow as tf

from models import paper_cnn
from tff_health.data.augment import Augmenter
from tff_health.data.client_data import training_data, validation_data
from tff_health.data.examples import Examples
from tff_health.data.federated import ClientExamples, FederatedImages
from tff_health.data.images import LabelledImages
from tff_health.data.pack import pack_clients
from tff_health.local.model_weights import ModelWeights
from tff_health.local.task import Optimizer, QualitySettings, SumSettings, Task

CLIENTS, BATCH, RATE = 10, 100, 0.01
SHAPE, CLASSES = paper_cnn.PAPER_INPUT_SHAPE, paper_cnn.PAPER_NUM_CLASSES


def build_model() -> tf.keras.Model:
    return paper_cnn.build(SHAPE, CLASSES)


def random_images(number: int) -> LabelledImages:
    rng = np.random.default_rng(0)
    return LabelledImages(
        name="random",
        form="random numbers",
        pixels=rng.integers(0, 256, (number, *SHAPE), np.uint8),
        labels=rng.integers(0, CLASSES, number).astype(np.uint8),
        class_names=tuple(map(str, range(CLASSES))),
    )


def packed_task(images: LabelledImages, folder: Path, num_clients: int = CLIENTS) -> Task:
    parts = np.array_split(np.arange(len(images)), num_clients)
    nothing = Examples.originals(images, np.arange(0))
    clients = tuple(ClientExamples(Examples.originals(images, rows), nothing) for rows in parts)
    federated = FederatedImages(images, Augmenter(len(images), 0), clients, nothing, "none")
    pack_clients(federated, folder, lambda *_: None)
    return Task(
        build_model=tf.autograph.experimental.do_not_convert(build_model),
        initial_weights=ModelWeights.of(build_model()),
        image_shape=SHAPE,
        training_data=training_data(folder, SHAPE, BATCH, epochs=1, seed=0),
        validation_data=validation_data(folder, SHAPE, BATCH),
        client_optimizer=Optimizer(RATE),
        server_optimizer=Optimizer(1.0),
        sums=SumSettings(
            fraction_bits=16,
            clip_range=4.0,
            max_clients=num_clients,
            max_examples=max(map(len, parts)),
            secure_metrics=True,
        ),
        quality=QualitySettings("squares", decimals=2, largest=1e6),
        sparsity=0.01,
        memory_folder=folder / "memory",
    )


def seconds(function: Callable[[], None]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start
