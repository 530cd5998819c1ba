"""The clients' data as TFF sees it: a computation from client and round to batches.

Only three integers travel to the worker each round. It reads the client's packed files itself, so
memory stays flat and nothing is serialised into the request.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_health.data.part_reading import PixelsAt, read_part
from tff_health.data.preparation import AS_THEY_ARE, Preparation
from tff_health.data.scaling import TO_UNIT, Scaling

_OF_LAYERS = np.int64(3)  # `Preparation` folds in smaller numbers


def element_spec(image_shape: tuple[int, int, int]) -> tuple[tf.TensorSpec, tf.TensorSpec]:
    """Type of one batch: float32 images in [0, 1] and int32 labels."""
    return tf.TensorSpec((None, *image_shape), tf.float32), tf.TensorSpec((None,), tf.int32)


KEY_TYPE: OrderedDict[str, type] = OrderedDict(client=np.int32, round=np.int64, remembered=np.int64)
"""What chooses a client's data of one round; `remembered` is the last round that counted for the
client, and 0 if none did or the scheme gives clients no memory."""


def client_keys(
    clients: list[int], round_number: int, remembered: Sequence[int] = ()
) -> list[OrderedDict[str, object]]:
    """The arguments that choose the clients' data of one round, of `KEY_TYPE`."""
    rounds = remembered or [0] * len(clients)
    return [
        OrderedDict(
            client=np.int32(client), round=np.int64(round_number), remembered=np.int64(last)
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
) -> tff.Computation:
    """Returns the computation from a client's key to its batches of one round.

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
        a `tff.Computation` from `KEY_TYPE` to `<float32[?,height,width,channels], int32[?]>*`.
    """

    @tff.tensorflow.computation(KEY_TYPE)
    def read(key):  # type: ignore[no-untyped-def]
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

        return tf.data.Dataset.range(epochs).flat_map(
            tf.autograph.experimental.do_not_convert(epoch_batches)
        )

    return read


def validation_data(
    folder: Path,
    image_shape: tuple[int, int, int],
    batch_size: int,
    scaling: Scaling = TO_UNIT,
    in_pieces: bool = False,
) -> tff.Computation:
    """Returns the computation from a client's key to its validation batches, in file order.

    Arguments and type are those of `training_data`; the key's round is not used.
    """

    @tff.tensorflow.computation(KEY_TYPE)
    def read(key):  # type: ignore[no-untyped-def]
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
