"""A picture of a few images of each class, to look at before anything is trained."""

import numpy as np
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
    height, width, channels = images.image_shape
    zoom = max(1, _CELL // height)
    if height > _CELL:
        height, width = _CELL, max(1, round(width * _CELL / height))
    row_height, column_width = height + MARGIN, width + MARGIN
    shape = (images.num_classes * row_height + MARGIN, per_class * column_width + MARGIN, 3)
    sheet = np.full(shape, 255, np.uint8)
    for label in range(images.num_classes):
        top = MARGIN + label * row_height
        for column, row in enumerate(np.flatnonzero(images.labels == label)[:per_class]):
            left = MARGIN + column * column_width
            image = images.pixels[row]
            if image.shape[:2] != (height, width):
                reduced = Image.fromarray(image.squeeze()).resize((width, height))
                image = np.asarray(reduced).reshape(height, width, channels)
            sheet[top : top + height, left : left + width] = image
    size = (sheet.shape[1] * zoom, sheet.shape[0] * zoom)
    return Image.fromarray(sheet).resize(size, Image.Resampling.NEAREST)
