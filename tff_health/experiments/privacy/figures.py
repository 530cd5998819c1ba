"""Accuracy over epsilon, in the form of the report's chart."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from tff_health.experiments.privacy.epsilon_axis import epsilon_axis
from tff_health.reporting.figures import COLOURS, GREY, LINE_STYLES, STYLE

_MARGIN = 5.0  # percent


def accuracy_over_epsilon(
    epsilons: Sequence[float],
    accuracies: Mapping[str, NDArray[np.float64]],
    levels: Mapping[str, float],
) -> Figure:
    """Accuracy over epsilon, one line for each name.

    Args:
        epsilons: in increasing order; infinity for training that is not private.
        accuracies: by name, float (seeds, epsilons), in percent; NaN where there is none. The mean
            over seeds is drawn, with bars of one standard deviation.
        levels: horizontal lines, by name; those far below all accuracies are left out.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(6.4, 4.0), layout="constrained")
        axes = figure.subplots()
        places = np.array(list(epsilon_axis(axes, epsilons).values()))
        finite = np.isfinite(epsilons)
        for index, (name, values) in enumerate(accuracies.items()):
            mean, spread = values.mean(axis=0), values.std(axis=0)
            style: dict[str, Any] = {
                "color": COLOURS[index],
                "marker": "osd^"[index % 4],
                "markersize": 5,
            }
            axes.plot(
                *(places[finite], mean[finite]), linestyle=LINE_STYLES[index], label=name, **style
            )
            axes.plot(places[~finite], mean[~finite], linestyle="", **style)
            if len(values) > 1:
                axes.errorbar(places, mean, spread, color=COLOURS[index], linestyle="", capsize=3)
        lowest = min(float(np.nanmin(values)) for values in accuracies.values()) - _MARGIN
        axes.set_ylim(lowest, None)
        for name, level in levels.items():
            if level >= lowest:
                axes.axhline(level, color=GREY, linewidth=1.2, linestyle=":", label=name)
        axes.set_ylabel("test accuracy (%)")
        axes.legend(loc="lower right")
    return figure
