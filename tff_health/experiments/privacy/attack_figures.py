"""Figures of what attacks find: who was a member, and what an update looks like from outside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from tff_health.experiments.privacy.epsilon_axis import epsilon_axis
from tff_health.reporting.figures import COLOURS, GREY, LINE_STYLES, STYLE

_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_INTERVAL = 1.96  # standard errors to either side, for 95 %
_CELL = 1.25  # inches
_NOTHING = "nothing leaks: guessing; 95 % of such advantages lie below"


@dataclass(frozen=True)
class Leak:
    """What one attack finds out about models trained with one epsilon.

    Attributes:
        epsilon: above 0; infinite for training without differential privacy.
        auc: of the attack, 0 to 1.
        auc_error: its standard error.
        advantage: of the attack, 0 to 1.
        advantage_error: its standard error.
    """

    epsilon: float
    auc: float
    auc_error: float
    advantage: float
    advantage_error: float


def membership(attacks: Mapping[str, Sequence[Leak]], chance_advantage: float) -> Figure:
    """AUC and advantage of membership inference over epsilon, with 95 % intervals.

    Args:
        attacks: by name of the attack; at least one epsilon in all.
        chance_advantage: drawn as the level that an attack on a model that leaks nothing stays
            below in 19 of 20 cases.

    Raises:
        ValueError: if there is nothing to draw, or an epsilon is not above 0.
    """
    epsilons = sorted({leak.epsilon for leaks in attacks.values() for leak in leaks})
    if not epsilons or not epsilons[0] > 0:
        raise ValueError(f"epsilons must be above 0 and at least one, not {epsilons}")
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.5, 3.9), layout="constrained")
        left, right = figure.subplots(1, 2)
        for axes, name, level in ((left, "auc", 0.5), (right, "advantage", chance_advantage)):
            places = epsilon_axis(axes, epsilons)
            for index, (attack, leaks) in enumerate(attacks.items()):
                shift = 1.04 ** (index - (len(attacks) - 1) / 2)  # bars side by side
                _draw_attack(axes, index, attack, leaks, name, places, shift)
            axes.axhline(level, color=GREY, linewidth=1.2, linestyle=":", label=_NOTHING)
        left.set_ylabel("AUC of membership inference")
        right.set_ylabel("advantage (largest TPR - FPR)")
        left.set_ylim(min(0.45, *_lowest(attacks)), None)
        right.set_ylim(0, None)
        handles, labels = left.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
    return figure


def _lowest(attacks: Mapping[str, Sequence[Leak]]) -> list[float]:
    ends = [x.auc - _INTERVAL * x.auc_error for leaks in attacks.values() for x in leaks]
    return [end - 0.01 for end in ends]


def _draw_attack(
    axes: Axes,
    index: int,
    attack: str,
    leaks: Sequence[Leak],
    name: str,
    places: Mapping[float, float],
    shift: float,
) -> None:
    ordered = sorted(leaks, key=lambda leak: leak.epsilon)
    at = np.array([places[leak.epsilon] for leak in ordered]) * shift
    values = np.array([getattr(leak, name) for leak in ordered])
    errors = _INTERVAL * np.array([getattr(leak, f"{name}_error") for leak in ordered])
    style: dict[str, Any] = {"color": COLOURS[index % len(COLOURS)]}
    marker = _MARKERS[index % len(_MARKERS)]
    axes.errorbar(*(at, values, errors), fmt=marker, markersize=5, capsize=3, label=attack, **style)
    finite = np.isfinite([leak.epsilon for leak in ordered])
    line = LINE_STYLES[index % len(LINE_STYLES)]
    axes.plot(at[finite], values[finite], linewidth=1, linestyle=line, **style)


@dataclass(frozen=True, eq=False)
class FoundImage:
    """An image that was reconstructed from one view of an update.

    Attributes:
        image: float (height, width, channels) in [0, 1], 1 or 3 channels.
        psnr: dB, to the original.
        ssim: structural similarity to it, -1 to 1.
    """

    image: NDArray[np.float32]
    psnr: float
    ssim: float


@dataclass(frozen=True, eq=False)
class AttackedImage:
    """An image, and what was reconstructed from each view, in the order of the views.

    Attributes:
        original: float (height, width, channels) in [0, 1].
        found: one for each view.
    """

    original: NDArray[np.float32]
    found: Sequence[FoundImage]


def reconstructions(views: Sequence[str], images: Sequence[AttackedImage]) -> Figure:
    """A grid of images: the original, and what each view of the update gives away of it.

    Args:
        views: names of the columns after the original, e.g. "plain update", "ε = 10".
        images: one a row.

    Raises:
        ValueError: if there is no image, or a row has not one image for each view.
    """
    if not images or any(len(row.found) != len(views) for row in images):
        counts = [len(row.found) for row in images]
        raise ValueError(f"rows of {counts} images found from {len(views)} views")
    with mpl.rc_context({**STYLE, "axes.grid": False}):
        size = (_CELL * (1 + len(views)), 0.2 + (_CELL + 0.27) * len(images))
        figure = Figure(figsize=size, layout="constrained")
        grid = figure.subplots(len(images), 1 + len(views), squeeze=False)
        for cells, row in zip(grid, images, strict=True):
            _show(cells[0], row.original, "")
            for axes, found in zip(cells[1:], row.found, strict=True):
                _show(axes, found.image, f"{found.psnr:.1f} dB\nSSIM {found.ssim:.2f}")
        for axes, name in zip(grid[0], ("original", *views), strict=True):
            axes.set_title(name, fontsize=9)
    return figure


def _show(axes: Axes, image: NDArray[np.float32], below: str) -> None:
    picture = image[..., 0] if image.shape[-1] == 1 else image
    axes.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_xlabel(below, fontsize=8)
    for spine in axes.spines.values():
        spine.set(visible=True, color=GREY, linewidth=0.6)
