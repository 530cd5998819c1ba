"""A picture of a few images of each class, to look at before anything is trained."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tff_health.data.images import LabelledImages

MARGIN = 1
_CELL = 84  # pixels of an image's height in the picture, or nearly


def contact_sheet(images: LabelledImages, per_class: int = 16) -> Image.Image:
    """Draws a row of images for each class, in the order of the labels.

    Args:
        images: the data set.
        per_class: most images of a class; the first ones in the data set are taken.

    Returns:
        An RGB picture, small images enlarged and large ones reduced, on white; an absent class is
        an empty row.
    """
    classes = range(images.num_classes)
    return sheet(
        images, [np.flatnonzero(images.labels == c)[:per_class] for c in classes], per_class
    )


def sheet(images: LabelledImages, rows: Sequence[NDArray[np.int64]], most: int) -> Image.Image:
    """Draws chosen images.

    Args:
        images: the data set.
        rows: for each row of the picture, which images stand in it.
        most: places in a row.

    Returns:
        As `contact_sheet`.
    """
    height, width, channels = images.image_shape
    zoom = max(1, _CELL // height)
    if height > _CELL:
        height, width = _CELL, max(1, round(width * _CELL / height))
    row_height, column_width = height + MARGIN, width + MARGIN
    shape = (len(rows) * row_height + MARGIN, most * column_width + MARGIN, 3)
    drawn = np.full(shape, 255, np.uint8)
    for number, chosen in enumerate(rows):
        top = MARGIN + number * row_height
        for column, row in enumerate(chosen):
            left = MARGIN + column * column_width
            image = images.pixels[row]
            if image.shape[:2] != (height, width):
                reduced = Image.fromarray(image.squeeze()).resize((width, height))
                image = np.asarray(reduced).reshape(height, width, channels)
            drawn[top : top + height, left : left + width] = image
    size = (drawn.shape[1] * zoom, drawn.shape[0] * zoom)
    return Image.fromarray(drawn).resize(size, Image.Resampling.NEAREST)
