"""Digits as images of sites' own, for studies on such."""

import numpy as np

from tff_health.data import catalog

FACTS = """
[facts]
image_height = 28
image_width = 28
image_channels = 1
class_names = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]
most_examples = 450
fewest_units = 350
"""


def own_images(folder):
    """Deal the digits to three hospitals and the server, each a file of its own."""
    images = catalog.load("digits", None, folder)
    order = np.random.default_rng(3).permutation(len(images))
    parties = ["hospital-1", "hospital-2", "hospital-3", "server"]
    own = {}
    for party, rows in zip(parties, np.array_split(order, 4), strict=True):
        own[party] = folder / party / "images.npz"
        own[party].parent.mkdir(parents=True)
        np.savez(own[party], images=images.pixels[rows], labels=images.labels[rows])
    return own
