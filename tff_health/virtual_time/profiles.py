"""What a client's round lasts: how slow its computer is, how fast its line, and when it is on.

Speeds and bandwidths are log-normal: the long tails that FedScale (Lai et al. 2022, section 3.2)
shows of devices in AI Benchmark and of lines in MobiPerf. Their medians and spreads are settings,
and not fitted to those data. Clients are on for a share of every day, as devices come and go by
the hour in production (Bonawitz et al. 2019, section 9).
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tff_health.data.seeds import generator

_BITS_OF_MEGABIT = 1e6
_BITS = 8


@dataclass(frozen=True)
class Profile:
    """One client; in virtual seconds, those of the simulated world.

    Attributes:
        slowness: seconds that it computes for each second of the reference computer, above 0.
        megabits_up: of its line to the server in a second, above 0.
        megabits_down: of its line from the server, above 0.
        share_on: of each period, in which it is on; above 0, at most 1.
        on_from: the point of the period at which it comes on, a share from 0 to below 1.
    """

    slowness: float = 1.0
    megabits_up: float = math.inf
    megabits_down: float = math.inf
    share_on: float = 1.0
    on_from: float = 0.0

    def exchange(self, bytes_down: float, seconds: float, bytes_up: float) -> float:
        """Returns the virtual seconds of receiving, computing and sending, one after the other.

        Args:
            bytes_down: that it receives.
            seconds: that the reference computer would compute.
            bytes_up: that it sends.
        """
        down = bytes_down * _BITS / (self.megabits_down * _BITS_OF_MEGABIT)
        up = bytes_up * _BITS / (self.megabits_up * _BITS_OF_MEGABIT)
        return down + seconds * self.slowness + up

    def seconds_until_on(self, at: float, period: float) -> float:
        """Returns how long after a moment it is on; 0 if it is on then.

        Args:
            at: the moment, in virtual seconds from 0.
            period: seconds, above 0.
        """
        since = (at / period - self.on_from) % 1.0  # shares of a period since it came on
        return 0.0 if since < self.share_on else (1.0 - since) * period


@dataclass(frozen=True)
class Population:
    """The distribution that clients are drawn from.

    Attributes:
        num_clients: how many there are.
        slowness_spread: deviation of the logarithm of slowness, whose median is 1.
        megabits: median of bandwidths, either way.
        megabits_spread: deviation of their logarithm.
        share_on: of every client.
        slow_share: of the clients, the last ones, that are slower.
        slow_factor: by how much.
    """

    num_clients: int
    slowness_spread: float
    megabits: float
    megabits_spread: float
    share_on: float = 1.0
    slow_share: float = 0.0
    slow_factor: float = 10.0

    def draw(self, seed: int) -> tuple[Profile, ...]:
        """Draws the clients, by the experiment's seed alone."""
        slowness = self._lognormal(seed, "slowness", 1.0, self.slowness_spread)
        up, down = (
            self._lognormal(seed, f"megabits {way}", self.megabits, self.megabits_spread)
            for way in ("up", "down")
        )
        on_from = generator(seed, "hours of clients").random(self.num_clients)
        slowness[list(slow_clients(self.num_clients, self.slow_share))] *= self.slow_factor
        return tuple(
            Profile(float(slow), float(rises), float(falls), self.share_on, float(start))
            for slow, rises, falls, start in zip(slowness, up, down, on_from, strict=True)
        )

    def _lognormal(self, seed: int, what: str, median: float, spread: float) -> NDArray[np.float64]:
        drawn = generator(seed, f"{what} of clients").standard_normal(self.num_clients)
        return median * np.exp(spread * drawn)


def slow_clients(num_clients: int, share: float) -> range:
    """Returns the clients that are slow if a share of them is: the last ones."""
    return range(num_clients - math.floor(share * num_clients + 0.5), num_clients)
