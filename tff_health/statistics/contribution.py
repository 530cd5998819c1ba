"""What one client contributes: the sum over its units, as integers."""

import numpy as np
from numpy.typing import NDArray

from tff_health.data.images import LabelledImages
from tff_health.data.pixels import images_within
from tff_health.statistics.layout import ONE, PIXEL_BINS, Layout

_MOST = 256  # images at a time


def contribution(
    images: LabelledImages, rows: NDArray[np.int64], layout: Layout, by_group: bool
) -> NDArray[np.int64]:
    """Returns a client's vector; its images are read a few at a time.

    Args:
        images: the data set.
        rows: the client's images, int64 (n,).
        layout: of the vector.
        by_group: whether a unit is a group, whose images count as one image, their mean; else each
            image is a unit.

    Returns:
        int64 (layout.size,), in steps of 1 / `ONE`.
    """
    total = np.zeros(layout.size, np.int64)
    step = images_within(images.image_shape, 8, _MOST)
    if not by_group:
        for start in range(0, len(rows), step):
            total += _rounded(_vectors(images, rows[start : start + step], layout)).sum(axis=0)
        return total
    assert images.groups is not None  # noqa: S101 - settings are refused without
    groups = images.groups[rows]
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.r_[True, groups[order][1:] != groups[order][:-1]])
    for members in np.split(rows[order], starts[1:]):
        sums = [
            _vectors(images, members[start : start + step], layout).sum(axis=0)
            for start in range(0, len(members), step)
        ]
        total += _rounded(np.sum(sums, axis=0) / len(members))
    return total


def _rounded(values: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.rint(values * ONE).astype(np.int64)


def _vectors(
    images: LabelledImages, rows: NDArray[np.int64], layout: Layout
) -> NDArray[np.float64]:
    """The vectors of single images, float64 (len(rows), layout.size)."""
    vectors, blocks, every = np.zeros((len(rows), layout.size)), layout.blocks, np.arange(len(rows))
    vectors[every, blocks["classes", ""].start + images.labels[rows]] = 1
    pixels = images.pixels[rows].reshape(len(rows), -1, layout.channels)
    for channel in range(layout.channels):
        values = pixels[:, :, channel]
        scaled = values / 255.0
        vectors[:, blocks["pixel mean", channel].start] = scaled.mean(axis=1)
        vectors[:, blocks["pixel square", channel].start] = np.square(scaled).mean(axis=1)
        bins = values // (256 // PIXEL_BINS) + PIXEL_BINS * every[:, None]
        counts = np.bincount(bins.ravel(), minlength=PIXEL_BINS * len(rows))
        shares = counts.reshape(len(rows), PIXEL_BINS) / values.shape[1]
        vectors[:, blocks["pixel histogram", channel]] = shares
    for column in layout.columns:
        numbers = (images.numbers[column.name][rows] - column.low) / (column.high - column.low)
        known = np.flatnonzero(~np.isnan(numbers))
        scaled = np.clip(numbers[known], 0, 1)
        vectors[known, blocks["values", column.name].start] = 1
        vectors[known, blocks["sum", column.name].start] = scaled
        vectors[known, blocks["square", column.name].start] = np.square(scaled)
        bins = np.minimum((scaled * layout.column_bins).astype(int), layout.column_bins - 1)
        vectors[known, blocks["histogram", column.name].start + bins] = 1
    return vectors
