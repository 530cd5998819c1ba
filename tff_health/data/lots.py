"""Lots: what a client draws from its data for the steps of private training.

A step takes each of the client's units with the same probability, independently of the others
(Poisson sampling), as accountants of differential privacy assume; so lots vary in size, and may be
empty. A unit is one image; or all images of one group, of which a step takes one at random.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from tff_health.data.client_data import DataOf, element_spec
from tff_health.data.pack import UNITS_FILE
from tff_health.data.part_reading import read_part
from tff_health.data.preparation import AS_THEY_ARE, Preparation
from tff_health.data.streams import fold

_CHOICE, _UNIT, _PREPARATION, _NOISE = range(4)


def lot_spec(
    image_shape: tuple[int, int, int],
) -> tuple[tf.TensorSpec, tf.TensorSpec, tf.TensorSpec]:
    """Type of one lot: images, labels, and the seed of the step's noise, int64 (2,)."""
    return *element_spec(image_shape), tf.TensorSpec((2,), tf.int64)


def lots(
    folder: Path,
    image_shape: tuple[int, int, int],
    lot_size: int,
    steps: int,
    key: tuple[int, int],
    preparation: Preparation = AS_THEY_ARE,
    by_group: bool = False,
    in_pieces: bool = False,
) -> DataOf:
    """Returns the function from a client's key to its lots of one round.

    Args:
        folder: where `pack_clients` wrote the files, as the workers see it.
        image_shape: (height, width, channels).
        lot_size: the expected number of units in a lot; all of them if the client has fewer.
        steps: lots a round.
        key: two int64 that everything random follows from, with client, round and step.
        preparation: what happens to images; it must not balance classes.
        by_group: whether a unit is a group.
        in_pieces: how the files were packed, as `packed_in_pieces` says.

    Returns:
        what gives a data set of `lot_spec`.

    Raises:
        ValueError: if classes are to be balanced, which Poisson sampling cannot.
    """
    if preparation.class_balance:
        raise ValueError("class_balance: lots are drawn without looking at labels")

    def read(client_key: Mapping[str, Any]) -> tf.data.Dataset:
        labels, pixels = read_part(folder, "training", client_key["client"], image_shape, in_pieces)
        starts, counts = _units(folder, client_key["client"], labels, by_group)
        rate = lot_size / tf.maximum(tf.size(counts), lot_size)
        stream = tf.constant(key, tf.int64)
        for part in (client_key["client"], client_key["round"]):
            stream = fold(stream, part)

        def lot(step: tf.Tensor) -> tuple[tf.Tensor, ...]:
            own = fold(stream, step)
            drawn = tf.random.stateless_uniform(
                tf.shape(counts), fold(own, _CHOICE), dtype=tf.float64
            )
            units = tf.where(drawn < rate)[:, 0]
            shares = tf.random.stateless_uniform(
                tf.shape(units), fold(own, _UNIT), dtype=tf.float64
            )
            sizes = tf.cast(tf.gather(counts, units), tf.float64)
            which = tf.gather(starts, units) + tf.cast(shares * sizes, tf.int64)
            images = preparation.images(pixels(which), fold(own, _PREPARATION))
            return images, tf.cast(tf.gather(labels, which), tf.int32), fold(own, _NOISE)

        return (
            tf.data.Dataset.range(steps)
            .map(tf.autograph.experimental.do_not_convert(lot))
            .prefetch(1)
        )

    return read


def _units(
    folder: Path, client: tf.Tensor, labels: tf.Tensor, by_group: bool
) -> tuple[tf.Tensor, tf.Tensor]:
    """First example and number of examples of each unit, int64 however few there are."""
    if not by_group:
        return tf.range(tf.size(labels, tf.int64)), tf.ones_like(labels, tf.int64)
    path = tf.strings.join([str(folder / UNITS_FILE), tf.strings.as_string(client)])
    counts = tf.cast(tf.io.decode_raw(tf.io.read_file(path), tf.int32), tf.int64)
    return tf.cumsum(counts, exclusive=True), counts
