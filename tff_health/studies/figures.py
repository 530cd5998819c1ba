"""Figures that compare runs over communication rounds, in the form of the paper's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from tff_health.reporting.figures import COLOURS, GREY, LINE_STYLES, STYLE
from tff_health.reporting.line_labels import LineEnd, label_ends

_ROUNDS = "communication round"
_WIDEST = 3.2  # of the first line; later ones are thinner, so that equal lines all show


@dataclass(frozen=True, eq=False)
class Line:
    """One line of a figure.

    Attributes:
        rounds: (r,), in which values were measured; or moments.
        values: float (seeds, r); their mean is drawn, and a band of one standard deviation.
        measured_until: the last round that was measured; later ones are dotted.
    """

    rounds: NDArray[np.int64] | NDArray[np.float64]
    values: NDArray[np.float64]
    measured_until: float


def over_rounds(
    panels: Mapping[str, Mapping[str, Line]],
    levels: Mapping[str, float] | None = None,
    log_panels: Sequence[str] = (),
    over: str = _ROUNDS,
) -> Figure:
    """Lines over rounds, panels side by side.

    Args:
        panels: by label of the vertical axis, then by name of the line.
        levels: horizontal lines in the first panel, by name.
        log_panels: labels of axes that are logarithmic.
        over: what the lines' `rounds` are, for people.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5.2 * len(panels) + 1.6, 4.0), layout="constrained")
        all_axes = figure.subplots(1, len(panels), squeeze=False)[0]
        for axes, (label, lines) in zip(all_axes, panels.items(), strict=True):
            for index, line in enumerate(lines.values()):
                _draw(axes, index, len(lines), line)
            axes.set_xlabel(over)
            axes.set_ylabel(label)
            if over == _ROUNDS:
                axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
            if label in log_panels:
                axes.set_yscale("symlog" if _has_negative(lines) else "log")
        for number, level in enumerate((levels or {}).values()):
            style = (0, (1 + 3 * number, 2))
            all_axes[0].axhline(level, color=GREY, linewidth=1.2, linestyle=style)
        for axes, lines in zip(all_axes, panels.values(), strict=True):
            ends = [
                LineEnd(name, line.rounds[-1], line.values.mean(axis=0)[-1], _colour(index))
                for index, (name, line) in enumerate(lines.items())
            ]
            if axes is all_axes[0]:
                last = max(end.x for end in ends)
                ends += [LineEnd(n, last, level, GREY) for n, level in (levels or {}).items()]
            label_ends(axes, ends)
    return figure


def _colour(index: int) -> str:
    return COLOURS[index % len(COLOURS)]


def _draw(axes: Axes, index: int, among: int, line: Line) -> None:
    colour, style = _colour(index), LINE_STYLES[index % len(LINE_STYLES)]
    width = _WIDEST - (_WIDEST - 1) * index / max(1, among - 1)
    mean, spread = line.values.mean(axis=0), line.values.std(axis=0)
    measured = line.rounds <= line.measured_until
    marker = "o" if len(line.rounds) <= 30 else ""
    axes.plot(
        *(line.rounds[measured], mean[measured]),
        color=colour,
        linestyle=style,
        linewidth=width,
        marker=marker,
        markersize=3,
    )
    rest = line.rounds >= line.measured_until
    if rest.sum() > 1:
        axes.plot(line.rounds[rest], mean[rest], color=colour, linestyle=":", linewidth=2, zorder=3)
    if len(line.values) > 1:
        axes.fill_between(
            line.rounds, mean - spread, mean + spread, color=colour, alpha=0.15, linewidth=0
        )


def _has_negative(lines: Mapping[str, Line]) -> bool:
    return any((line.values < 0).any() for line in lines.values())
