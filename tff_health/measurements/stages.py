"""What each stage of a scheme's protocol takes: seconds of computing, and bytes of messages."""

import dataclasses
import itertools
from collections.abc import Mapping

from crypto.session.costs import Costs
from tff_health.measurements.scheme_probe import ProbeTask, whole_sum
from tff_health.secure_aggregation.protocols import SumProtocol

_REPEATS = 3  # the fastest counts


def stage_seconds(
    protocol: SumProtocol, task: ProbeTask, most_numbers: int
) -> Mapping[str, tuple[float, float]]:
    """Times the stages of a sum in which all goes well.

    Args:
        protocol: of the scheme; keys that last are made by it, and counted too.
        task: what is summed.
        most_numbers: longer vectors are cut, and seconds scaled up in proportion.

    Returns:
        stage -> seconds of one client, and those of all others that work there together.
    """
    cut = dataclasses.replace(task, length=min(task.length, most_numbers))
    rounds = itertools.count(1)
    costs = [whole_sum(protocol, cut, next(rounds)) for _ in range(_REPEATS + 1)]
    scale = task.length / cut.length
    seconds = {}
    for stage in protocol.stages:
        told = costs[:1] if stage in protocol.set_up_stages else costs[1:]
        clients = min(_of_client(cost, stage) for cost in told)
        others = min(_of_others(cost, stage) for cost in told)
        seconds[stage] = (clients * scale, others * scale)
    return seconds


def _of_client(costs: Costs, stage: str) -> float:
    rows = (row for row in costs.work if row.stage == stage and row.role == "client")
    return sum(row.seconds / max(1, row.steps) for row in rows)


def _of_others(costs: Costs, stage: str) -> float:
    return sum(row.seconds for row in costs.work if row.stage == stage and row.role != "client")


def bytes_of_client(costs: Costs) -> dict[str, tuple[float, float]]:
    """Returns what one client sends and receives in each stage that was begun.

    Returns:
        stage -> bytes up and bytes down: mean lengths of each kind of message, added up.
    """
    found: dict[str, tuple[float, float]] = {}
    for row in costs.messages:
        up, down = found.get(row.stage, (0.0, 0.0))
        mean = row.bytes / max(1, row.count)
        found[row.stage] = (up + mean, down) if row.direction == "up" else (up, down + mean)
    return found
