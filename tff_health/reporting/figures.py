"""Figures as PNG (to paste) and SVG (to embed), readable in print and for the colour-blind."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import NullFormatter
from numpy.typing import NDArray
from PIL import Image

from tff_health.atomic import atomic_write
from tff_health.reporting.line_labels import LineEnd, label_ends

# Okabe and Ito's palette: distinct for the colour-blind and in grey.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
LINE_STYLES = ("-", "--", "-.", ":", "-", "--", "-.")
GREY = "#767676"
_ROUNDS = "communication round"
_PNG_DPI = 150
_MARGIN_INCHES = 0.1
_MAX_CELLS_WITH_NUMBERS = 15

STYLE = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#E3E3E3",
    "axes.axisbelow": True,
    "legend.frameon": False,
    "svg.hashsalt": "tff_health",  # the same figure gives the same file
    "svg.fonttype": "path",
}


def save(figure: Figure, folder: Path, name: str) -> Path:
    """Writes `name`.png and `name`.svg into `folder`; returns the path of the SVG."""
    folder.mkdir(exist_ok=True)
    with mpl.rc_context(STYLE):
        # Laid out once for both files, which takes as long as drawing.
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        box = figure.get_tightbbox().padded(_MARGIN_INCHES)
        for suffix, options in (("png", {"dpi": _PNG_DPI}), ("svg", {"metadata": {"Date": None}})):
            with atomic_write(folder / f"{name}.{suffix}") as file:
                figure.savefig(file, format=suffix, bbox_inches=box, **options)
    return folder / f"{name}.svg"


def curves(
    rounds: Sequence[float],
    accuracies: dict[str, Sequence[float]],
    losses: dict[str, Sequence[float]],
    majority_accuracy: float,
    over: str = _ROUNDS,
) -> Figure:
    """Accuracies and losses over rounds, side by side; one line for each name.

    Args:
        rounds: the rounds that were evaluated.
        accuracies: by name, fractions in [0, 1], as long as `rounds`.
        losses: by name, in nats, as long as `rounds`.
        majority_accuracy: drawn as the level that an informative model must pass.
        over: what `rounds` are, for people; where they are no rounds, any numbers that rise.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.5, 3.6), layout="constrained")
        left, right = figure.subplots(1, 2)
        marker = "o" if len(rounds) <= 30 else ""
        for axes, lines, unit in (
            (left, accuracies, "accuracy (%)"),
            (right, losses, "cross-entropy"),
        ):
            scale = 100 if axes is left else 1
            for index, values in enumerate(lines.values()):
                axes.plot(
                    rounds,
                    scale * np.array(values, float),
                    color=COLOURS[index],
                    linestyle=LINE_STYLES[index],
                    marker=marker,
                    markersize=3,
                )
            axes.set_xlabel(over)
            axes.set_ylabel(unit)
            if over == _ROUNDS:
                axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        left.axhline(100 * majority_accuracy, color=GREY, linewidth=1, linestyle=":")
        for axes, lines, scale in ((left, accuracies, 100), (right, losses, 1)):
            ends = [
                LineEnd(name, rounds[-1], scale * values[-1], COLOURS[index])
                for index, (name, values) in enumerate(lines.items())
            ]
            if axes is left:
                ends.append(LineEnd("majority class", rounds[-1], 100 * majority_accuracy, GREY))
            label_ends(axes, ends)
    return figure


def distances(rounds: Sequence[int], values: Sequence[float]) -> Figure:
    """Distances over rounds, and their histogram, side by side."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.5, 3.2), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True, width_ratios=(2, 1))
        marker = "o" if len(rounds) <= 30 else ""
        left.plot(rounds, values, color=COLOURS[0], marker=marker, markersize=3)
        left.set_xlabel("communication round")
        left.set_ylabel("distance of global gradients")
        left.set_ylim(0, 1.05 * max(values))
        left.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        right.hist(
            values, bins=20, range=(0, max(values)), orientation="horizontal", color=COLOURS[0]
        )
        right.set_xlabel("rounds")
        right.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    return figure


def cost_bars(
    names: Sequence[str],
    panels: dict[str, dict[str, Sequence[float]]],
    extrapolated: Sequence[bool],
) -> Figure:
    """Costs as bars on logarithmic axes, panels side by side.

    Args:
        names: of what is compared, a row each.
        panels: by label of the axis, then by name of a part: a value for each row; 0 is not drawn.
        extrapolated: whether a row was measured in part; these are hatched.
    """
    with mpl.rc_context({**STYLE, "hatch.linewidth": 0.6}):
        figure = Figure(figsize=(10.5, 1.4 + 0.62 * len(names)), layout="constrained")
        all_axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        places = np.arange(len(names))
        for axes, (label, parts) in zip(all_axes, panels.items(), strict=True):
            height = 0.8 / len(parts)
            smallest = min(value for values in parts.values() for value in values if value > 0)
            for index, (part, values) in enumerate(parts.items()):
                at = places + (index - (len(parts) - 1) / 2) * height
                bars = axes.barh(at, values, height, color=COLOURS[index], label=part)
                for bar, value, is_part in zip(bars, values, extrapolated, strict=True):
                    if value > 0:
                        axes.annotate(
                            f" {_short(value)}",
                            (value, bar.get_y() + bar.get_height() / 2),
                            va="center",
                            fontsize=7.5,
                        )
                    if is_part:
                        bar.set(hatch="////", edgecolor="white")
            axes.set_xscale("log")
            axes.xaxis.set_minor_formatter(NullFormatter())
            axes.set_xlim(smallest / 3, axes.get_xlim()[1] * 6)
            axes.set_xlabel(label)
            axes.grid(visible=False, axis="y")
            if len(parts) > 1:
                keys = [Patch(color=COLOURS[i], label=part) for i, part in enumerate(parts)]
                axes.legend(
                    handles=keys, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=len(parts)
                )
        all_axes[0].set_yticks(places, names)
        all_axes[0].invert_yaxis()
    return figure


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}"


def confusion_matrix(confusion: NDArray[np.int64], class_names: Sequence[str]) -> Figure:
    """Rows are true classes; shades and percentages are shares of a row, with numbers below."""
    occurs = confusion.sum(axis=1, keepdims=True)
    shares = np.divide(confusion, occurs, out=np.zeros(confusion.shape), where=occurs > 0)
    texts = [
        [f"{100 * share:.0f} %\n{count}" for share, count in zip(row, counts, strict=True)]
        for row, counts in zip(shares, confusion, strict=True)
    ]
    figure = _heat_map(shares, texts, class_names, class_names, cell=0.62)
    axes = figure.axes[0]
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    return figure


def class_counts(counts: NDArray[np.int64], class_names: Sequence[str]) -> Figure:
    """How many training examples of each class each client holds; shades are shares of a client.

    Args:
        counts: int (clients, classes).
        class_names: of the columns.
    """
    held = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, held, out=np.zeros(counts.shape), where=held > 0)
    texts = [[str(count) for count in row] for row in counts]
    clients = [str(number) for number in range(len(counts))]
    figure = _heat_map(shares, texts, clients, class_names, cell=0.5)
    axes = figure.axes[0]
    axes.set_xlabel("class")
    axes.set_ylabel("client")
    return figure


def picture(image: Image.Image, row_names: Sequence[str]) -> Figure:
    """A picture that is made of rows of equal height.

    Args:
        image: the picture.
        row_names: of the rows, from the top.
    """
    with mpl.rc_context({**STYLE, "axes.grid": False, "axes.spines.left": False}):
        width = 9.0
        size = (width, max(1.0, width * image.height / image.width))
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots()
        axes.imshow(np.asarray(image), interpolation="none")
        axes.spines[:].set_visible(False)
        axes.set_xticks([])
        height = image.height / len(row_names)
        axes.set_yticks((np.arange(len(row_names)) + 0.5) * height, row_names)
        axes.tick_params(length=0)
    return figure


def _heat_map(
    shares: NDArray[np.float64],
    texts: list[list[str]],
    row_names: Sequence[str],
    column_names: Sequence[str],
    cell: float,
) -> Figure:
    num_rows, num_columns = shares.shape
    with_numbers = num_rows <= _MAX_CELLS_WITH_NUMBERS
    height = cell * num_rows if with_numbers else 6.0
    with mpl.rc_context({**STYLE, "axes.grid": False}):
        figure = Figure(figsize=(1.4 + 0.75 * num_columns, 1.0 + height), layout="constrained")
        axes = figure.subplots()
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        axes.set_xticks(range(num_columns), column_names)
        if with_numbers:
            axes.set_yticks(range(num_rows), row_names)
            for row in range(num_rows):
                for column in range(num_columns):
                    colour = "white" if shares[row, column] > 0.55 else "black"
                    axes.text(
                        *(column, row, texts[row][column]),
                        ha="center",
                        va="center",
                        color=colour,
                        fontsize=8,
                    )
    return figure
