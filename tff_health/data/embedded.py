"""`digits`: scikit-learn's handwritten digits, which come with the library."""

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from tff_health.data.images import LabelledImages

SIDE = 28
BRIGHTEST = 16


def read_digits() -> LabelledImages:
    """The 1,797 digits, scaled from 8x8 to 28x28 and from 0..16 to 0..255; each call the same.

    Returns:
        Images (1797, 28, 28, 1). Nothing is known of who wrote which digit, so there are no
        groups, sites or test part.
    """
    bunch = load_digits()
    bright = np.rint(bunch.images * (255 / BRIGHTEST)).astype(np.uint8)
    size = (SIDE, SIDE)
    scaled = [
        np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))
        for image in bright
    ]
    return LabelledImages(
        name="digits",
        form="embedded in scikit-learn",
        pixels=np.stack(scaled)[..., None],
        labels=bunch.target.astype(np.uint8),
        class_names=tuple("0123456789"),
    )
