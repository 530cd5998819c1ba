"""The horizontal axis of figures over epsilon."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from tff_health.reporting.figures import GREY


def epsilon_axis(axes: Axes, epsilons: Sequence[float]) -> dict[float, float]:
    """Makes the horizontal axis one of epsilons, logarithmic, with a tick at each.

    Infinity, which is training without differential privacy, stands apart, to the right of a gap.

    Args:
        axes: to draw on.
        epsilons: in increasing order, above 0.

    Returns:
        where each epsilon stands.
    """
    finite = [epsilon for epsilon in epsilons if math.isfinite(epsilon)] or [1.0]
    decades = math.log10(finite[-1] / finite[0])
    gap = 10 ** max(0.35, 0.18 * decades)
    places = {epsilon: epsilon for epsilon in epsilons}
    axes.set_xscale("log")
    axes.xaxis.set_minor_locator(NullLocator())
    last = finite[-1]
    if math.inf in places:
        places[math.inf] = last = finite[-1] * gap
        axes.axvline(finite[-1] * math.sqrt(gap), color=GREY, linewidth=0.8, linestyle=(0, (2, 4)))
    margin = 10 ** max(0.12, 0.05 * decades)
    axes.set_xlim(min(places.values()) / margin, last * margin)
    names = ["∞\nno DP" if math.isinf(epsilon) else f"{epsilon:g}" for epsilon in places]
    axes.set_xticks(list(places.values()), names)
    axes.set_xlabel("privacy budget ε")
    return places
