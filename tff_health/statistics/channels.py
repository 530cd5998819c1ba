"""Mean and deviation of the channels of all clients' images, which standardise them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tff_health.data.images import LabelledImages
from tff_health.data.pixels import images_within
from tff_health.data.scaling import Scaling

_MOST = 256  # images at a time
_LEAST_DEVIATION = 1 / 255
"""Of a channel that is the same everywhere."""


def channel_sums(images: LabelledImages, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns a client's part: number of pixels, then sums and sums of squares by channel.

    Args:
        images: the data set.
        rows: the client's images, int64 (n,); they are read a few at a time.

    Returns:
        int64 (1 + 2 * channels,), of pixels from 0 to 255; exact.
    """
    height, width, channels = images.image_shape
    total = np.zeros(1 + 2 * channels, np.int64)
    total[0] = len(rows) * height * width
    step = images_within(images.image_shape, 8, _MOST)
    for start in range(0, len(rows), step):
        pixels = np.asarray(images.pixels[rows[start : start + step]])
        values = pixels.reshape(-1, channels).astype(np.int64)
        total[1:] += np.r_[values.sum(axis=0), np.square(values).sum(axis=0)]
    return total


def scaling_of(total: Sequence[int] | NDArray[np.int64]) -> Scaling:
    """Returns what standardises images whose parts add up to `total`."""
    count, *sums = map(int, total)
    half = len(sums) // 2
    means = [value / count for value in sums[:half]]
    squares = [value / count for value in sums[half:]]
    deviations = [
        max(max(0.0, square - mean**2) ** 0.5 / 255, _LEAST_DEVIATION)
        for mean, square in zip(means, squares, strict=True)
    ]
    return Scaling(tuple(mean / 255 for mean in means), tuple(deviations))
