"""Plain images of any size as those of one size, and as arrays."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

_RESAMPLING = Image.Resampling.BICUBIC  # antialiased by Pillow where it reduces


def fitted(image: Image.Image, side: int, fit: str, channels: int) -> NDArray[np.uint8]:
    """Makes an image square and gives it its size.

    Args:
        image: of mode L or RGB.
        side: height and width of the result, in pixels.
        fit: "crop" cuts the longer sides off evenly, "pad" adds black evenly to the shorter ones.
        channels: 1 or 3; 0 for those of the image.

    Returns:
        uint8 (side, side, 1 or 3).
    """
    if image.size != (side, side):
        reduce = ImageOps.fit if fit == "crop" else ImageOps.pad
        image = reduce(image, (side, side), _RESAMPLING)
    return with_channels(image, channels)


def with_channels(image: Image.Image, channels: int) -> NDArray[np.uint8]:
    """Returns an image of mode L or RGB as uint8 (height, width, channels); 0 for its own."""
    if channels:
        image = image.convert("L" if channels == 1 else "RGB")
    pixels = np.asarray(image)
    return pixels[..., None] if pixels.ndim == 2 else pixels


def to_bytes(values: NDArray[Any], darkest: float, brightest: float) -> NDArray[np.uint8]:
    """Returns values as uint8, from 0 for `darkest` to 255 for `brightest`; others are cut off."""
    if darkest == brightest:
        return np.zeros(values.shape, np.uint8)
    scaled = (values.astype(np.float64) - darkest) * (255 / (brightest - darkest))
    return np.rint(np.clip(scaled, 0, 255)).astype(np.uint8)
