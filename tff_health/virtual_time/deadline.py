"""When the server stops waiting for updates."""

import math
from collections.abc import Collection
from dataclasses import dataclass, replace

_RATE = 0.5  # a share that misses by 10 points changes the deadline by 5 %


@dataclass(frozen=True)
class Deadline:
    """How long the server waits for updates, and how that changes from round to round.

    Attributes:
        seconds: virtual, from the beginning of the stage; infinity to wait for all.
        wanted: share of a cohort whose whole work is to be done in `seconds`; 0 to leave these as
            they are.
        slack: the deadline is so many times `seconds`, for others that do less, 1 or more.
    """

    seconds: float = math.inf
    wanted: float = 0.0
    slack: float = 1.0

    @property
    def limit(self) -> float:
        """Seconds until the deadline."""
        return self.seconds * self.slack

    def begun(self, arrivals: Collection[float]) -> "Deadline":
        """Returns the deadline of a first cohort: when the wanted share of it has arrived.

        Args:
            arrivals: of its clients' updates, after their whole work; one or more.
        """
        if not self.wanted or self.seconds < math.inf:
            return self
        needed = max(1, math.ceil(self.wanted * len(arrivals) - 1e-9))
        return replace(self, seconds=sorted(arrivals)[needed - 1])

    def after(self, arrivals: Collection[float]) -> "Deadline":
        """Returns the deadline of the next cohort, by who was in time, which the server saw.

        It grows or shrinks by a factor of exp(rate (wanted - share in time)): the geometric update
        by which Andrew et al. (2021, eq. 5) track a quantile from shares alone.

        Args:
            arrivals: of the last cohort's updates, after their whole work.
        """
        if not self.wanted or not arrivals:
            return self
        share = sum(arrival <= self.seconds for arrival in arrivals) / len(arrivals)
        return replace(self, seconds=self.seconds * math.exp(_RATE * (self.wanted - share)))

    def closing(self, arrivals: Collection[float], enough: int, fewest: int) -> float:
        """Returns after how many seconds the server stops to wait; later updates are late.

        That is at the deadline, or before if enough have arrived; but not before the protocol can
        finish.

        Args:
            arrivals: of the updates that come; none give 0.
            enough: so many updates end the stage.
            fewest: with fewer the sum cannot be had.
        """
        ordered = sorted(arrivals)
        if not ordered:
            return 0.0
        last = len(ordered)
        with_fewest = ordered[min(max(fewest, 1), last) - 1]
        return min(ordered[min(enough, last) - 1], max(self.limit, with_fewest))
