"""Small images and data sets that tests write themselves."""

import numpy as np
from PIL import Image

GREY = np.linspace(0, 255, 16 * 12).astype(np.uint8).reshape(12, 16)
"""A ramp of 16 by 12 pixels, darkest at the top left."""
COLOURED = np.stack([GREY, GREY[::-1], np.full_like(GREY, 40)], axis=-1)


def write_folder(root, classes=("benign", "malignant"), each=6, size=(40, 30), suffix=".png"):
    """Writes a folder for each class with images that differ; returns the root."""
    for label, name in enumerate(classes):
        (root / name).mkdir(parents=True, exist_ok=True)
        for number in range(each):
            write_picture(root / name / f"{number:02}{suffix}", 40 * label + number, size)
    return root


def write_picture(path, shade, size=(40, 30)):
    """Writes an image of which each shade gives another."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (shade, 100, 255 - shade)).save(path)
    return path
