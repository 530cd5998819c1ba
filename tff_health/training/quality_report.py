"""What a report says about data quality: is the paper's assumption about gradients true here?"""

import math
from pathlib import Path
from statistics import median

from tff_health.reporting import figures
from tff_health.reporting.report import Section
from tff_health.training.metrics_log import Value

_NEAR_ZERO = 0.1


def quality_section(folder: Path, rows: list[dict[str, Value]]) -> Section | None:
    """Returns the section, or None if updates were not weighted by quality.

    Args:
        folder: of the results.
        rows: of metrics.csv.
    """
    rounds, distances = [], []
    for row in rows:
        distance = row["global_distance"]
        if isinstance(distance, float) and math.isfinite(distance):  # NaN before the second round
            rounds.append(int(row["round"] or 0))
            distances.append(distance)
    if not distances:
        return None
    near = sum(distance < _NEAR_ZERO for distance in distances)
    figure = figures.distances(rounds, distances)
    path = figures.save(figure, folder / "figures", "global_distance")
    return Section(
        "Data quality",
        [
            "A client's quality is computed with the global gradient of the round before, in the "
            "place of the present one. The paper justifies that by eq. (13), the distance of two "
            "successive global gradients over the length of the first, which it says is mostly "
            f"near zero. Here its median is {median(distances):.2f}, from {min(distances):.2f} to "
            f"{max(distances):.2f}, and it was below {_NEAR_ZERO} in {near} of {len(distances)} "
            "rounds. At 1 or more, the gradient of the round before says nothing about the "
            "present one.",
        ],
        figures=[(path, "Distance (13) round by round, and how often each distance occurred.")],
    )
