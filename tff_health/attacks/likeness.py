"""How like reconstructed images are to the true ones."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

SMALLEST_SIDE = 11  # of the window that structural similarity looks through


@dataclass(frozen=True, eq=False)
class Similarity:
    """How like the found images are to the original ones, in the order of these.

    Attributes:
        psnr: float (k,), peak signal-to-noise ratio in dB; infinite for equal images. Smooth
            pictures of like brightness have up to 20 whatever they show: never judge by it alone.
        ssim: float (k,), structural similarity, -1 to 1; 1 for equal images, near 0 for unrelated
            ones (Wang et al. 2004, "Image quality assessment").
        order: int (k,): the found image that was matched with each original one.
    """

    psnr: NDArray[np.float64]
    ssim: NDArray[np.float64]
    order: NDArray[np.int64]


def similarity(original: NDArray[np.float32], found: NDArray[np.float32]) -> Similarity:
    """Compares images; several are matched so that their squared errors are least in sum.

    Args:
        original: float32 (k, height, width, channels) in [0, 1], sides of 11 pixels or more.
        found: of the same shape.

    Raises:
        ValueError: if shapes differ or are too small, or if a value is not in [0, 1].
    """
    if original.shape != found.shape or original.ndim != 4:
        raise ValueError(f"images of shape {found.shape} to compare with {original.shape}")
    if min(original.shape[1:3]) < SMALLEST_SIDE:
        raise ValueError(f"sides {original.shape[1:3]} must be {SMALLEST_SIDE} or more")
    for images in (original, found):
        if not (images.min() >= 0 and images.max() <= 1):  # false for NaN too
            raise ValueError("images must lie in [0, 1]")
    errors = np.square(original[:, None] - found[None]).mean(axis=(2, 3, 4))
    _, order = linear_sum_assignment(errors)
    first, second = (tf.constant(x, tf.float32) for x in (original, found[order]))
    return Similarity(
        psnr=tf.image.psnr(first, second, 1.0).numpy().astype(np.float64),
        ssim=tf.image.ssim(first, second, 1.0).numpy().astype(np.float64),
        order=np.asarray(order, np.int64),
    )
