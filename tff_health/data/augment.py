"""Augmented copies of images, as the paper makes them (section 7.1).

Rotation by up to 5 degrees, a vertical and a horizontal flip, each with probability 10 %.
"""

import numpy as np
from numpy.typing import NDArray

from tff_health.data.pixels import Pixels
from tff_health.data.seeds import generator
from tff_health.data.split_names import COPIES

MAX_ROTATION_DEGREES = 5.0
FLIP_PROBABILITY = 0.1


class Augmenter:
    """Draws the augmented copies of `num_images` images.

    The copy numbered c of an image is the same whenever and wherever it is drawn under one seed.
    """

    def __init__(self, num_images: int, seed: int) -> None:
        rng = generator(seed, "augment")
        shape = (num_images, COPIES)
        self._radians = np.deg2rad(rng.uniform(-MAX_ROTATION_DEGREES, MAX_ROTATION_DEGREES, shape))
        self._vertical = rng.random(shape) < FLIP_PROBABILITY
        self._horizontal = rng.random(shape) < FLIP_PROBABILITY

    def draw(
        self, pixels: Pixels, rows: NDArray[np.int64], copies: NDArray[np.uint8]
    ) -> NDArray[np.uint8]:
        """Returns copy `copies[i]` of image `rows[i]` (0: unchanged) at place i.

        Args:
            pixels: uint8 (num_images, height, width, channels).
            rows: int64 (n,), each below num_images.
            copies: uint8 (n,), each at most `COPIES`.

        Returns:
            uint8 (n, height, width, channels).
        """
        drawn = pixels[rows]
        for place in np.flatnonzero(copies):
            row, copy = rows[place], copies[place] - 1
            image = _rotate(drawn[place], self._radians[row, copy])
            if self._vertical[row, copy]:
                image = image[::-1]
            if self._horizontal[row, copy]:
                image = image[:, ::-1]
            drawn[place] = image
        return drawn


def _rotate(image: NDArray[np.uint8], radians: float) -> NDArray[np.uint8]:
    """Rotates about the centre, bilinearly; what comes in from outside mirrors the border."""
    from scipy import ndimage  # takes a moment, and few runs need it

    cosine, sine = np.cos(radians), np.sin(radians)
    matrix = np.array([[cosine, -sine], [sine, cosine]])
    centre = (np.array(image.shape[:2]) - 1) / 2
    offset = centre - matrix @ centre
    rotated = np.empty(image.shape, np.float32)
    for channel in range(image.shape[2]):
        ndimage.affine_transform(
            image[:, :, channel],
            matrix,
            offset,
            output=rotated[:, :, channel],
            order=1,
            mode="reflect",
        )
    return np.rint(rotated).astype(np.uint8)
