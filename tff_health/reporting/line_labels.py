"""Names of lines, written where the lines end instead of in a legend."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

_FONT_SIZE = 9.0
_LINE_HEIGHT = 1.3  # of the font size
_AXES_SHARE = 0.8  # of a figure's height, as a rule
_POINTS = 72  # in an inch
_BESIDE = 1.03  # of the width of the axes


@dataclass(frozen=True)
class LineEnd:
    """The right end of a line.

    Attributes:
        name: to be written there.
        x: of the end, in data coordinates.
        y: of the end, in data coordinates.
        colour: of the line.
    """

    name: str
    x: float
    y: float
    colour: str


def label_ends(axes: Axes, ends: Sequence[LineEnd]) -> None:
    """Writes the names beside the axes, as near to the ends as they can stand without overlapping.

    Call after all lines are drawn and scales are set.

    Args:
        axes: of the lines.
        ends: of the lines; those that end at NaN are left out.
    """
    ends = [end for end in ends if np.isfinite(end.y)]
    axes.get_ylim()  # scales the axes, which Matplotlib puts off
    to_axes = axes.transData + axes.transAxes.inverted()
    wanted = [float(to_axes.transform((end.x, end.y))[1]) for end in ends]
    height = axes.get_figure().get_figheight() * _POINTS * _AXES_SHARE  # type: ignore[union-attr]
    places = spread_out(wanted, _LINE_HEIGHT * _FONT_SIZE / height)
    for end, place in zip(ends, places, strict=True):
        axes.annotate(
            end.name,
            xy=(end.x, end.y),
            xytext=(_BESIDE, place),
            textcoords="axes fraction",
            color=end.colour,
            fontsize=_FONT_SIZE,
            verticalalignment="center",
            arrowprops={
                **{"arrowstyle": "-", "color": end.colour, "linewidth": 0.6, "alpha": 0.7},
                **{"shrinkA": 1, "shrinkB": 2, "relpos": (0.0, 0.5)},
            },
        )


def spread_out(wanted: Sequence[float], gap: float) -> list[float]:
    """Returns the places nearest to `wanted`, in the same order, that are `gap` apart.

    They lie in 0..1, as long as there is room.

    Args:
        wanted: of each label, in any order; equal ones stay in theirs.
        gap: least distance of two labels.

    Source: isotonic regression by pooling adjacent violators, of places less their least distances.
    """
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    pools: list[tuple[float, int]] = []  # mean and number of what was pooled
    for rank, index in enumerate(order):
        pool = (wanted[index] - rank * gap, 1)
        while pools and pools[-1][0] > pool[0]:
            mean, number = pools.pop()
            both = number + pool[1]
            pool = ((mean * number + pool[0] * pool[1]) / both, both)
        pools.append(pool)
    levels = [mean for mean, number in pools for _ in range(number)]
    places, highest = [0.0] * len(wanted), 1.0 - (len(wanted) - 1) * gap
    for rank, (index, level) in enumerate(zip(order, levels, strict=True)):
        places[index] = min(max(level, 0.0), highest) + rank * gap
    return places
