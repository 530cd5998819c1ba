"""Accuracy over epsilon, in the form of the report's chart."""

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from tff_health.reporting.epsilon_axis import epsilon_axis
from tff_health.reporting.figures import COLOURS, GREY, LINE_STYLES, STYLE


def accuracy_over_epsilon(
    epsilons: Sequence[float],
    accuracies: Mapping[str, NDArray[np.float64]],
    levels: Mapping[str, float],
) -> Figure:
    """Accuracy over epsilon, one line for each name.

    Args:
        epsilons: in increasing order; infinity for training that is not private.
        accuracies: by name, float (seeds, epsilons), in percent; NaN where there is none. The mean
            over seeds is drawn, and a band of one standard deviation.
        levels: horizontal lines, by name.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(6.4, 4.0), layout="constrained")
        axes = figure.subplots()
        places = list(epsilon_axis(axes, epsilons).values())
        for index, (name, values) in enumerate(accuracies.items()):
            mean, spread = values.mean(axis=0), values.std(axis=0)
            axes.plot(
                *(places, mean),
                color=COLOURS[index],
                linestyle=LINE_STYLES[index],
                marker="osd^"[index % 4],
                markersize=5,
                label=name,
            )
            if len(values) > 1:
                axes.fill_between(
                    places, mean - spread, mean + spread, color=COLOURS[index], alpha=0.15
                )
        for name, level in levels.items():
            axes.axhline(level, color=GREY, linewidth=1.2, linestyle=":", label=name)
        axes.set_ylabel("test accuracy (%)")
        axes.legend(loc="lower right")
    return figure
