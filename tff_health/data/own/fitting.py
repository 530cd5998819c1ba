"""Plain images of any size as those of one size, and as arrays."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_RESAMPLING = Image.Resampling.BICUBIC  # antialiased by Pillow where it reduces


def squared(
    image: Image.Image, side: int, fit: str, extent: tuple[float, float] | None = None
) -> Image.Image:
    """Makes an image square and gives it its size.

    Args:
        image: of mode L or RGB.
        side: height and width of the result, in pixels.
        fit: "crop" cuts the longer sides off evenly, "pad" adds black evenly to the shorter ones.
        extent: (width, height) of what counts, from the top left; None for all.
    """
    width, height = extent or image.size
    if fit == "crop":
        x, y = (width - min(width, height)) / 2, (height - min(width, height)) / 2
        return image.resize((side, side), _RESAMPLING, (x, y, width - x, height - y))
    scale = side / max(width, height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    black = Image.new(image.mode, (side, side))
    resized = image.resize(size, _RESAMPLING, (0, 0, width, height))
    black.paste(resized, ((side - size[0]) // 2, (side - size[1]) // 2))
    return black


def with_channels(image: Image.Image, channels: int) -> NDArray[np.uint8]:
    """Returns an image of mode L or RGB as uint8 (height, width, channels); 0 for its own."""
    if channels and channels != len(image.getbands()):
        image = image.convert("L" if channels == 1 else "RGB")
    pixels = np.asarray(image)
    return pixels[..., None] if pixels.ndim == 2 else pixels


def to_bytes(values: NDArray[Any], darkest: float, brightest: float) -> NDArray[np.uint8]:
    """Returns values as uint8, from 0 for `darkest` to 255 for `brightest`; others are cut off."""
    if darkest == brightest:
        return np.zeros(values.shape, np.uint8)
    scaled = (values.astype(np.float64) - darkest) * (255 / (brightest - darkest))
    return np.rint(np.clip(scaled, 0, 255)).astype(np.uint8)
