"""From the sums over all clients to counts, means, deviations, histograms and quantiles."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tff_health.statistics.layout import ONE, Layout

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class Distribution:
    """How numbers are distributed.

    Attributes:
        number: how many there are; noisy under differential privacy.
        mean: NaN if there are none.
        deviation: standard deviation.
        edges: of the bins, one more than `counts`.
        counts: in each bin, none below 0.
        quantiles: of `QUANTILES`, within bins by linear interpolation.
    """

    number: float
    mean: float
    deviation: float
    edges: Sequence[float]
    counts: Sequence[float]
    quantiles: Sequence[float]


@dataclass(frozen=True)
class Statistics:
    """What is known of all clients' data together.

    Attributes:
        units: how many images, or groups, there are.
        classes: how many of each class.
        channels: of pixels from 0 to 1, for each channel.
        columns: by name.
    """

    units: float
    classes: Mapping[str, float]
    channels: Sequence[Distribution]
    columns: Mapping[str, Distribution]


def estimate(total: NDArray[np.int64], layout: Layout) -> Statistics:
    """Returns the statistics that a sum over clients stands for.

    Args:
        total: int64 (layout.size,), in steps of 1 / `ONE`.
        layout: of the vector.
    """
    parts = {name: total[place] / ONE for name, place in layout.blocks.items()}
    classes = parts["classes", ""]
    units = float(classes.sum())
    return Statistics(
        units=units,
        classes=dict(zip(layout.class_names, classes.tolist(), strict=True)),
        channels=[
            _distribution(
                units,
                float(parts["pixel mean", channel][0]),
                float(parts["pixel square", channel][0]),
                parts["pixel histogram", channel],
                (0.0, 1.0),
            )
            for channel in range(layout.channels)
        ],
        columns={
            column.name: _distribution(
                float(parts["values", column.name][0]),
                float(parts["sum", column.name][0]),
                float(parts["square", column.name][0]),
                parts["histogram", column.name],
                (column.low, column.high),
            )
            for column in layout.columns
        },
    )


def _distribution(
    number: float,
    total: float,
    square: float,
    counts: NDArray[np.float64],
    ends: tuple[float, float],
) -> Distribution:
    """Of numbers that were scaled from `ends` to 0 and 1."""
    low, width = ends[0], ends[1] - ends[0]
    edges = np.linspace(*ends, len(counts) + 1)
    counts = np.maximum(counts, 0)
    if number <= 0:
        mean = deviation = math.nan
    else:
        scaled = min(1.0, max(0.0, total / number))
        mean = low + width * scaled
        deviation = width * math.sqrt(max(0.0, square / number - scaled**2))
    return Distribution(
        number, mean, deviation, edges.tolist(), counts.tolist(), quantiles(counts, edges)
    )


def quantiles(counts: NDArray[np.float64], edges: NDArray[np.float64]) -> list[float]:
    """Returns the `QUANTILES` of a histogram, NaN if it is empty."""
    if not counts.sum() > 0:
        return [math.nan] * len(QUANTILES)
    shares = np.r_[0, np.cumsum(counts)] / counts.sum()
    return [_quantile(share, shares, edges) for share in QUANTILES]


def _quantile(share: float, shares: NDArray[np.float64], edges: NDArray[np.float64]) -> float:
    place = int(np.searchsorted(shares, share, side="left"))  # 1 or more, as shares[0] is 0
    below, above = shares[place - 1], shares[place]
    within = (share - below) / (above - below)
    return float(edges[place - 1] + within * (edges[place] - edges[place - 1]))
