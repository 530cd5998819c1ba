"""From pixels to what a network is given."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Scaling:
    """From pixels to what the network is given, in training and in evaluation.

    Attributes:
        means: of the channels of images in [0, 1], public constants; none to leave them there.
        deviations: standard deviations of the channels.
    """

    means: tuple[float, ...] = ()
    deviations: tuple[float, ...] = ()

    def scale(self, pixels: Any) -> Any:
        """Returns uint8 (n, height, width, channels) as float32, standardised or in [0, 1]."""
        # Imported here, as settings need this module and not the seconds that TensorFlow takes.
        import tensorflow as tf

        images = tf.cast(pixels, tf.float32) / 255.0
        if not self.means:
            return images
        return (images - tf.constant(self.means)) / tf.constant(self.deviations)


TO_UNIT = Scaling()
"""Leaves images in [0, 1]."""
