"""Rounds that are lost again and again: training ends, and does not go on for hours in vain."""

import itertools
from collections.abc import Mapping, Sequence

from tff_health.errors import RunError
from tff_health.training.metrics_log import Value

MOST_IN_A_ROW = 5
MOST_WITHOUT_GROUPS = 25
"""Where cohorts are dealt into groups, a round is lost if a hostile client is in each of them."""


def check_lost(rows: Sequence[Mapping[str, Value]], *, is_over: bool) -> None:
    """Looks at all rows of metrics.csv after a round, whose state is kept.

    Args:
        rows: one for each round so far, in order.
        is_over: whether there is to be no further round. Then what was trained counts, however
            many rounds were lost after it.

    Raises:
        RunError: if the last five rounds, or more, were lost, or the last 25 if their groups were
            dealt; where training is over, only if these were all rounds.
    """
    lost = list(itertools.takewhile(lambda row: row.get("lost"), reversed(rows)))
    in_a_row = len(lost)
    most = MOST_WITHOUT_GROUPS if any(row.get("groups") for row in lost) else MOST_IN_A_ROW
    if in_a_row < most or (is_over and in_a_row < len(rows)):
        return
    raise RunError(
        f"{in_a_row} rounds in a row were lost, up to round {len(rows)}, and the model after round "
        f"{len(rows) - in_a_row} stands; the state is kept: lower --dropout_rate or --threshold, "
        "have clients drop out at earlier --dropout_stages, or take a --scheme that bears "
        "dropouts, in another --out_dir"
    )
