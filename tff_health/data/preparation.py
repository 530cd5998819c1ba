"""What happens to images and their order on the way into training, beyond shuffling.

All of it is a function of the pixels, the labels and a seed, so that every scheme sees the same and
a run that was killed goes on with the same.
"""

from dataclasses import dataclass

import tensorflow as tf

from tff_health.data.scaling import TO_UNIT, Scaling


@dataclass(frozen=True)
class Preparation:
    """How training examples are prepared.

    Attributes:
        scaling: of the images.
        flips: whether each image is turned over at random: one of the eight symmetries of the
            square, or of the four of the rectangle if images are not square.
        class_balance: b, 0 to 1: a client goes through its examples with weights
            (examples of the class)^-b, as many in all as it has. 0 takes each once, 1 makes its
            classes equally frequent. A client knows its own labels alone.
    """

    scaling: Scaling = TO_UNIT
    flips: bool = False
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
        images = self.scaling.scale(pixels)
        return _turned(images, stream) if self.flips else images


AS_THEY_ARE = Preparation()
"""Every example once an epoch, in [0, 1]."""


def symmetries(images: tf.Tensor) -> list[tf.Tensor]:
    """Returns the images (n, height, width, channels) in all symmetries that `flips` draws from."""
    turned = [images, tf.reverse(images, [1])]
    turned += [tf.reverse(turn, [2]) for turn in turned]
    if images.shape[1] == images.shape[2]:
        turned += [tf.transpose(turn, (0, 2, 1, 3)) for turn in turned]
    return turned


def _turned(images: tf.Tensor, stream: tf.Tensor) -> tf.Tensor:
    count = tf.shape(images)[0]
    drawn = tf.random.stateless_uniform((3, count, 1, 1, 1), stream) < 0.5
    images = tf.where(drawn[0], tf.reverse(images, [1]), images)
    images = tf.where(drawn[1], tf.reverse(images, [2]), images)
    if images.shape[1] == images.shape[2]:
        images = tf.where(drawn[2], tf.transpose(images, (0, 2, 1, 3)), images)
    return images
