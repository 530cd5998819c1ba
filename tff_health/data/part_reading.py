"""Reads what `pack_clients` wrote, in TensorFlow: a client's labels at once, images on demand."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from tff_health.data.pack import part_file, part_folder

PixelsAt = Callable[[tf.Tensor], tf.Tensor]
"""From positions, int64 (m,), to the pixels of these images, uint8 (m, height, width, channels)."""


def read_part(
    folder: Path,
    part: str,
    client: tf.Tensor,
    image_shape: tuple[int, int, int],
    in_pieces: bool = False,
) -> tuple[tf.Tensor, PixelsAt]:
    """Reads what a client holds.

    Args:
        folder: where `pack_clients` wrote the files.
        part: "training" or "validation".
        client: its number.
        image_shape: (height, width, channels).
        in_pieces: whether images have files of their own, as `packed_in_pieces` says; each is read
            when it is asked for, so that those of a batch alone are in memory. Else all are read
            at once, which takes less time.

    Returns:
        labels, uint8 (n,), and what gives pixels by position.
    """
    raw = tf.io.decode_raw(tf.io.read_file(_path(folder, part_file(part, "\0"), client)), tf.uint8)
    if in_pieces:
        images = _path(folder, part_folder(part, "\0"), client)
        return raw, lambda positions: _read_images(images, positions, image_shape)
    count = tf.size(raw) // (1 + int(np.prod(image_shape)))
    return raw[:count], held(tf.reshape(raw[count:], (-1, *image_shape)))


def held(pixels: tf.Tensor) -> PixelsAt:
    """Gives pixels by position from those that are all in memory, uint8 (n, *image_shape)."""
    return lambda positions: tf.gather(pixels, positions)


def _path(folder: Path, pattern: str, client: tf.Tensor) -> tf.Tensor:
    start, end = str(folder / pattern).split("\0")
    return tf.strings.join([start, tf.strings.as_string(client), end])


def _read_images(
    folder: tf.Tensor, positions: tf.Tensor, image_shape: tuple[int, int, int]
) -> tf.Tensor:
    size = int(np.prod(image_shape))

    def read(path: tf.Tensor) -> tf.Tensor:
        return tf.ensure_shape(tf.io.decode_raw(tf.io.read_file(path), tf.uint8), (size,))

    paths = tf.strings.join([folder, "/", tf.strings.as_string(positions)])
    images = tf.map_fn(
        tf.autograph.experimental.do_not_convert(read), paths, fn_output_signature=tf.uint8
    )
    return tf.reshape(images, (-1, *image_shape))
