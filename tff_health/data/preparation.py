"""What happens to images and their order on the way into training, beyond shuffling.

All of it is a function of the pixels, the labels and a seed, so that every scheme sees the same and
a run that was killed goes on with the same.
"""

import math
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tff_health.data.scaling import TO_UNIT, Scaling

MAX_ROTATION_DEGREES = 45.0  # with flips, any angle
MAX_SCALE = 0.15  # of the natural logarithm


@dataclass(frozen=True)
class Preparation:
    """How training examples are prepared.

    Attributes:
        scaling: of the images.
        flips: whether each image is turned over at random: one of the eight symmetries of the
            square, or of the four of the rectangle if images are not square.
        rotations: whether each image is rotated about its centre by up to 45 degrees either way,
            and made up to exp(0.15) times larger or smaller; bilinearly, and what comes in
            from outside mirrors the border.
        colours: c: each scaled image is multiplied by a factor from 1 - c to 1 + c, and each of
            its channels shifted by up to c; 0 leaves them. With standardised channels the unit
            is their standard deviation.
        class_balance: b, 0 to 1: a client goes through its examples with weights
            (examples of the class)^-b, as many in all as it has. 0 takes each once, 1 makes its
            classes equally frequent. A client knows its own labels alone.
    """

    scaling: Scaling = TO_UNIT
    flips: bool = False
    rotations: bool = False
    colours: float = 0.0
    class_balance: float = 0.0

    def order(self, labels: tf.Tensor, num_classes: int, stream: tf.Tensor) -> tf.Tensor:
        """Returns the positions of an epoch's examples, int64 (n,), in random order.

        Args:
            labels: uint8 (n,), of all examples of the client.
            num_classes: labels are below it.
            stream: int64 (2,), the seed of the epoch.
        """
        count = tf.size(labels, tf.int64)
        chosen = tf.range(count)
        if self.class_balance:
            chosen = self._balanced(labels, num_classes, stream)
        return tf.random.experimental.stateless_shuffle(chosen, stream)

    def _balanced(self, labels: tf.Tensor, num_classes: int, stream: tf.Tensor) -> tf.Tensor:
        """Systematic sampling: an example of weight w stands there floor(w) or ceil(w) times."""
        by_class = tf.argsort(labels, stable=True)  # so that classes come to their shares exactly
        kinds = tf.cast(tf.gather(labels, by_class), tf.int32)
        counts = tf.cast(tf.math.bincount(kinds, minlength=num_classes), tf.float64)
        weights = tf.gather(tf.pow(tf.maximum(counts, 1.0), -self.class_balance), kinds)
        ends = tf.cumsum(weights)
        size = tf.cast(tf.size(labels), tf.float64)
        start = tf.random.stateless_uniform((), stream, dtype=tf.float64)
        places = (tf.range(size) + start) / size * ends[-1]
        found = tf.searchsorted(ends, places, side="right", out_type=tf.int64)
        found = tf.minimum(found, tf.size(labels, tf.int64) - 1)
        return tf.cast(tf.gather(by_class, found), tf.int64)

    def images(self, pixels: tf.Tensor, stream: tf.Tensor) -> tf.Tensor:
        """Returns one batch as the network is given it.

        Args:
            pixels: uint8 (n, height, width, channels).
            stream: int64 (2,), the seed of the batch.
        """
        images = self.scaling.scale(_turned(pixels, stream) if self.flips else pixels)
        if self.rotations:
            images = _rotated(images, stream)
        return _recoloured(images, self.colours, stream) if self.colours else images


AS_THEY_ARE = Preparation()
"""Every example once an epoch, in [0, 1]."""


def symmetries(images: tf.Tensor) -> list[tf.Tensor]:
    """Returns the images (n, height, width, channels) in all symmetries that `flips` draws from."""
    turned = [images, tf.reverse(images, [1])]
    turned += [tf.reverse(turn, [2]) for turn in turned]
    if images.shape[1] == images.shape[2]:
        turned += [tf.transpose(turn, (0, 2, 1, 3)) for turn in turned]
    return turned


def views(images: tf.Tensor, flips: bool, rotations: bool) -> list[tf.Tensor]:
    """Returns the images (n, height, width, channels) in all ways that an answer is averaged over.

    Args:
        images: scaled.
        flips: whether with each view in all its symmetries.
        rotations: whether rotated by 45 degrees, and 10 % larger and smaller, as well.
    """
    seen = [images]
    if rotations:
        zero = tf.zeros(tf.shape(images)[:1])
        seen.append(_warped(images, zero + math.radians(MAX_ROTATION_DEGREES), zero))
        seen += [_warped(images, zero, zero + log_scale) for log_scale in (-0.1, 0.1)]
    return [turn for view in seen for turn in symmetries(view)] if flips else seen


def _turned(images: tf.Tensor, stream: tf.Tensor) -> tf.Tensor:
    count, (height, width, channels) = tf.shape(images)[0], images.shape[1:]
    drawn = tf.random.stateless_uniform((3, count), stream) < 0.5
    # One gather: reversing the whole batch and choosing takes several times as long.
    tables = _symmetry_tables(height, width)
    which = tf.tensordot([1, 2, 4], tf.cast(drawn, tf.int32), 1) % len(tables)
    places = tf.gather(tf.constant(tables), which)
    flat = tf.reshape(images, (count, height * width, channels))
    return tf.reshape(tf.gather(flat, places, batch_dims=1), tf.shape(images))


def _symmetry_tables(height: int, width: int) -> NDArray[np.int32]:
    """For each symmetry, where each pixel comes from: int (symmetries, height * width)."""
    turned = [np.arange(height * width, dtype=np.int32).reshape(height, width)]
    turned += [turn[::-1] for turn in turned]
    turned += [turn[:, ::-1] for turn in turned]
    if height == width:
        turned += [turn.T for turn in turned]
    return np.stack([turn.ravel() for turn in turned])


def _rotated(images: tf.Tensor, stream: tf.Tensor) -> tf.Tensor:
    stream = tf.random.experimental.stateless_fold_in(stream, 1)  # flips draw from it as it is
    drawn = tf.random.stateless_uniform((2, tf.shape(images)[0]), stream, -1.0, 1.0)
    return _warped(images, drawn[0] * math.radians(MAX_ROTATION_DEGREES), drawn[1] * MAX_SCALE)


def _warped(images: tf.Tensor, angles: tf.Tensor, log_scales: tf.Tensor) -> tf.Tensor:
    cosine, sine = tf.exp(log_scales) * tf.cos(angles), tf.exp(log_scales) * tf.sin(angles)
    height, width = images.shape[1:3]
    x, y = (width - 1) / 2, (height - 1) / 2  # the centre, which stays where it is
    zero = tf.zeros_like(angles)
    first = [cosine, -sine, x - cosine * x + sine * y]
    second = [sine, cosine, y - sine * x - cosine * y]
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.stack([*first, *second, zero, zero], axis=1),
        output_shape=(height, width),
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="REFLECT",
    )


def _recoloured(images: tf.Tensor, amount: float, stream: tf.Tensor) -> tf.Tensor:
    stream = tf.random.experimental.stateless_fold_in(stream, 2)
    shape = (tf.shape(images)[0], 1, 1, 1 + images.shape[3])
    drawn = tf.random.stateless_uniform(shape, stream, -amount, amount)
    return images * (1 + drawn[..., :1]) + drawn[..., 1:]
