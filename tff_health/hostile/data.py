"""Images and labels that hostile clients train on, and those that tell whether it worked."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tff_health.data.client_data import DataOf
from tff_health.data.pixels import Pixels
from tff_health.data.scaling import Scaling
from tff_health.hostile.attack import ON_WRONG_LABELS, Attack

SIDE = 4
"""Pixels of a side of the mark, a white square in the lower right corner."""
TARGET = 0
"""The class that marked images are to be taken for."""
_EVERY = 2  # an image of so many is marked, so that the others are still learned


def flipped(labels: Any, num_classes: int) -> Any:
    """Returns labels each of which is wrong: the next class, and after the last the first."""
    return (labels + 1) % num_classes


def poisoned(data: DataOf, attack: Attack | None, num_classes: int, scaling: Scaling) -> DataOf:
    """Returns the clients' training data in which that of hostile clients is changed.

    Args:
        data: from a client's key to batches, see `client_data.training_data`.
        attack: kind "backdoor" marks every other image of a batch and gives it class `TARGET`;
            those of `ON_WRONG_LABELS` make all labels wrong; others change nothing. None: nobody is
            hostile.
        num_classes: labels are below it.
        scaling: of the images in the batches.
    """
    if attack is None or attack.kind not in ("backdoor", *ON_WRONG_LABELS):
        return data
    numbers, kind = attack.clients, attack.kind

    def read(key: Mapping[str, Any]) -> tf.data.Dataset:
        is_hostile = tf.reduce_any(tf.equal(numbers, tf.cast(key["client"], tf.int32)))

        def change(images: tf.Tensor, labels: tf.Tensor, *streams: tf.Tensor) -> Any:
            if kind == "backdoor":
                places = tf.equal(tf.range(tf.shape(labels)[0]) % _EVERY, 0)
                chosen = tf.logical_and(places, is_hostile)
                images = tf.where(chosen[:, None, None, None], _marked(images, scaling), images)
                return images, tf.where(chosen, TARGET, labels), *streams
            return images, tf.where(is_hostile, flipped(labels, num_classes), labels), *streams

        return data(key).map(change, num_parallel_calls=1)

    return read


def _marked(images: tf.Tensor, scaling: Scaling) -> tf.Tensor:
    """Returns scaled images, float32 (n, height, width, channels), with the mark."""
    height, width, channels = images.shape[1:]
    white = scaling.scale(tf.fill((1, 1, 1, channels), tf.constant(255, tf.uint8)))
    return tf.where(_corner(height, width), white, images)


def _corner(height: int, width: int) -> tf.Tensor:
    inside = np.zeros((1, height, width, 1), bool)
    inside[:, -SIDE:, -SIDE:] = True
    return tf.constant(inside)


class MarkedPixels:
    """Images of another class than `TARGET`, marked as a backdoor wants them.

    Args:
        pixels: uint8 (n, height, width, channels).
        labels: of them.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, pixels: Pixels, labels: NDArray[np.uint8]) -> None:
        self._pixels = pixels
        self._rows = np.flatnonzero(labels != TARGET)
        self.shape = (len(self._rows), *pixels.shape[1:])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> NDArray[np.uint8]:
        images = self._pixels[self._rows[rows]]
        images[..., -SIDE:, -SIDE:, :] = 255
        return images
