"""A client's data in a round: from client and round to batches, read from its packed files.

Only a few numbers travel to a worker of TFF each round. It reads the client's packed files itself,
so memory stays flat and nothing is serialised into the request.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf

from tff_health.data.part_reading import PixelsAt, read_part
from tff_health.data.preparation import AS_THEY_ARE, Preparation
from tff_health.data.scaling import TO_UNIT, Scaling

_ALL = np.int64(-1)  # batches, as `take` has it
NOTHING: Mapping[int, Any] = MappingProxyType({})
_OF_LAYERS = np.int64(3)  # `Preparation` folds in smaller numbers


def element_spec(image_shape: tuple[int, int, int]) -> tuple[tf.TensorSpec, tf.TensorSpec]:
    """Type of one batch: float32 images in [0, 1] and int32 labels."""
    return tf.TensorSpec((None, *image_shape), tf.float32), tf.TensorSpec((None,), tf.int32)


def batch_spec(image_shape: tuple[int, int, int], with_stream: bool) -> tuple[tf.TensorSpec, ...]:
    """Type of one batch of `training_data`: of `element_spec`, and perhaps a stream, int64 (2,)."""
    streams = [tf.TensorSpec((2,), tf.int64)] if with_stream else []
    return *element_spec(image_shape), *streams


KEY_TYPE: OrderedDict[str, type] = OrderedDict(
    client=np.int32, round=np.int64, remembered=np.int64, steps=np.int64, scale=np.float32
)
"""What chooses a client's data of one round. `remembered` is the last round that counted for the
client, and 0 if none did or the scheme gives clients no memory; `steps` is the most batches that it
trains on, 0 for all; `scale` is what its update is multiplied with, if the task scales updates."""

DataOf: TypeAlias = Callable[[Mapping[str, Any]], tf.data.Dataset]
"""From a key of `KEY_TYPE`, numbers or tensors, to a client's data of one round."""


def client_keys(
    clients: list[int],
    round_number: int,
    remembered: Sequence[int] = (),
    steps: Mapping[int, int] = NOTHING,
    scales: Mapping[int, float] = NOTHING,
    ages: Mapping[int, int] = NOTHING,
) -> list[OrderedDict[str, object]]:
    """The arguments that choose the clients' data of one round, of `KEY_TYPE`.

    Args:
        clients: whose.
        round_number: of the round.
        remembered: the last round that counted, in the order of `clients`.
        steps: by client; all batches where it has no entry.
        scales: by client; 1 where it has no entry.
        ages: by client, how many rounds ago the round was whose data it trains on; 0 where it has
            no entry.
    """
    rounds = remembered or [0] * len(clients)
    return [
        OrderedDict(
            client=np.int32(client),
            round=np.int64(round_number - ages.get(client, 0)),
            remembered=np.int64(last),
            steps=np.int64(steps.get(client, 0)),
            scale=np.float32(scales.get(client, 1.0)),
        )
        for client, last in zip(clients, rounds, strict=True)
    ]


def training_data(
    folder: Path,
    image_shape: tuple[int, int, int],
    batch_size: int,
    epochs: int,
    seed: int,
    preparation: Preparation = AS_THEY_ARE,
    num_classes: int = 256,
    with_streams: bool = False,
    in_pieces: bool = False,
) -> DataOf:
    """Returns the function from a client's key to its batches of one round.

    The order is a fresh one in every epoch of every round, and depends on seed, client, round and
    epoch alone: a permutation of all the client's examples, unless classes are to be balanced. The
    last batch of an epoch may be smaller.

    Args:
        folder: where `pack_clients` wrote the files, as the workers see it.
        image_shape: (height, width, channels).
        batch_size: examples a step.
        epochs: passes over the client's examples.
        seed: the experiment's seed.
        preparation: what happens to order and images.
        num_classes: labels are below it.
        with_streams: whether a batch has a third element, int64 (2,): the seed of what the model
            draws at random with it.
        in_pieces: how the files were packed, as `packed_in_pieces` says.

    Returns:
        what gives a data set of `batch_spec`.
    """

    def read(key: Mapping[str, Any]) -> tf.data.Dataset:
        def epoch_batches(epoch: tf.Tensor) -> tf.data.Dataset:
            labels, pixels = read_part(folder, "training", key["client"], image_shape, in_pieces)
            stream = tf.stack([tf.cast(key["client"], tf.int64) + (seed << 32), key["round"]])
            stream = tf.random.experimental.stateless_fold_in(stream, epoch)
            order = preparation.order(labels, num_classes, stream)

            def images(chosen: tf.Tensor, start: tf.Tensor) -> tf.Tensor:
                batch_stream = tf.random.experimental.stateless_fold_in(stream, start)
                return preparation.images(chosen, batch_stream)

            def layers(start: tf.Tensor) -> tf.Tensor:
                batch_stream = tf.random.experimental.stateless_fold_in(stream, start)
                return tf.random.experimental.stateless_fold_in(batch_stream, _OF_LAYERS)

            streams = layers if with_streams else None
            return batches_of(labels, pixels, order, batch_size, images, streams)

        batches = tf.data.Dataset.range(epochs).flat_map(
            tf.autograph.experimental.do_not_convert(epoch_batches)
        )
        return batches.take(tf.where(key["steps"] > 0, key["steps"], _ALL))

    return read


def validation_data(
    folder: Path,
    image_shape: tuple[int, int, int],
    batch_size: int,
    scaling: Scaling = TO_UNIT,
    in_pieces: bool = False,
) -> DataOf:
    """Returns the function from a client's key to its validation batches, in file order.

    Arguments are those of `training_data`, batches of `element_spec`; the key's round is not used.
    """

    def read(key: Mapping[str, Any]) -> tf.data.Dataset:
        def batches(_: tf.Tensor) -> tf.data.Dataset:
            labels, pixels = read_part(folder, "validation", key["client"], image_shape, in_pieces)
            order = tf.range(tf.size(labels, tf.int64))
            return batches_of(labels, pixels, order, batch_size, lambda x, _: scaling.scale(x))

        return tf.data.Dataset.range(1).flat_map(tf.autograph.experimental.do_not_convert(batches))

    return read


def batches_of(
    labels: tf.Tensor,
    pixels: PixelsAt,
    order: tf.Tensor,
    batch_size: int,
    prepare: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
    streams: Callable[[tf.Tensor], tf.Tensor] | None = None,
) -> tf.data.Dataset:
    """Returns batches of images and labels (see `element_spec`), the last one perhaps smaller.

    Args:
        labels: uint8 (n,).
        pixels: gives them by position.
        order: int64 (m,), positions.
        batch_size: examples a batch.
        prepare: from the pixels of a batch and the place of its first example in `order` to images.
        streams: from that place to a third element of the batch.
    """

    def batch(start: tf.Tensor) -> tuple[tf.Tensor, ...]:
        chosen = order[start : start + batch_size]
        images = prepare(pixels(chosen), start)
        made = images, tf.cast(tf.gather(labels, chosen), tf.int32)
        return (*made, streams(start)) if streams else made

    starts = tf.data.Dataset.range(0, tf.size(order, tf.int64), batch_size)
    # One batch is made while the last one is trained on; the order stays fixed.
    return starts.map(batch).prefetch(1)
