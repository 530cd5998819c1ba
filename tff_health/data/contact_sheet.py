"""A picture of a few images of each class, to look at before anything is trained."""

import numpy as np
from PIL import Image

from tff_health.data.images import LabelledImages

MARGIN = 1
ZOOM = 3


def contact_sheet(images: LabelledImages, per_class: int = 16) -> Image.Image:
    """Draws a row of images for each class, in the order of the labels.

    Args:
        images: the data set.
        per_class: most images of a class; the first ones in the data set are taken.

    Returns:
        An RGB picture, each image enlarged three times on white; an absent class is an empty row.
    """
    height, width, _ = images.image_shape
    row_height, column_width = height + MARGIN, width + MARGIN
    shape = (images.num_classes * row_height + MARGIN, per_class * column_width + MARGIN, 3)
    sheet = np.full(shape, 255, np.uint8)
    for label in range(images.num_classes):
        top = MARGIN + label * row_height
        for column, row in enumerate(np.flatnonzero(images.labels == label)[:per_class]):
            left = MARGIN + column * column_width
            sheet[top : top + height, left : left + width] = images.pixels[row]
    size = (sheet.shape[1] * ZOOM, sheet.shape[0] * ZOOM)
    return Image.fromarray(sheet).resize(size, Image.Resampling.NEAREST)
