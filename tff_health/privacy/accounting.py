"""What noisy training costs in epsilon, by the accountants of Google's `dp_accounting`.

The mechanism (`privacy.mechanism`) is DP-SGD (Abadi et al. 2016): in every step each unit of a
client's data is drawn with probability q, independently of the others (Poisson sampling); what a
unit adds is clipped to an L2 norm C; Gaussian noise of standard deviation z C is added to the sum.
Adjacent are two sets of data of which one has one unit more (add or remove one). Nothing is
amplified beyond that: q is of the client's own data, as the server knows who takes part in a round.
"""

import functools
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from importlib import metadata
from typing import TYPE_CHECKING

from tff_health.privacy.mechanism import NoisySteps
from tff_health.settings.groups.privacy import ACCOUNTANTS

if TYPE_CHECKING:
    import dp_accounting

_ORDERS = (
    *(1 + x / 10 for x in range(1, 100)),
    *range(11, 64),
    *(72, 80, 96, 128, 256, 512, 1024, 2048, 4096),
)
# Widths of the bins in which privacy loss is counted; rounding goes up, so epsilon is never too
# small. Less noise spreads losses over more bins, and needs no such fine ones.
_FINE, _COARSE = 1e-4, 1e-3
_LITTLE_NOISE = 3.0
_SMALLEST_MULTIPLIER, _LARGEST_MULTIPLIER = 1e-3, 1e5
_PRECISION = 1e-3


@dataclass(frozen=True)
class Accountant:
    """An accountant for one delta.

    Attributes:
        name: "pld" (privacy loss distributions, the tighter one) or "rdp" (Renyi).
        delta: in (0, 1); the probability with which epsilon may not hold.

    Raises:
        ValueError: if there is no such accountant, or delta is out of range.
    """

    name: str
    delta: float

    def __post_init__(self) -> None:
        if self.name not in ACCOUNTANTS:
            raise ValueError(f"accountant '{self.name}' is unknown; there are pld and rdp")
        if not 0 < self.delta < 1:
            raise ValueError(f"delta={self.delta}: must be above 0 and below 1")

    @property
    def label(self) -> str:
        """Name and version, to stand beside every epsilon."""
        return f"dp_accounting {metadata.version('dp-accounting')}, {self.name.upper()}"

    def epsilon(self, steps: NoisySteps) -> float:
        """Returns the smallest epsilon that the accountant can vouch for.

        Returns:
            0 if nothing was released, infinity without noise.
        """
        return self.epsilon_of_all((steps,))

    def epsilon_of_all(self, several: Iterable[NoisySteps]) -> float:
        """Returns the smallest epsilon of all these steps together, in any order.

        Returns:
            0 if nothing was released, infinity if something was without noise.
        """
        counts: Counter[tuple[float, float]] = Counter()
        for steps in several:
            if not steps.release_nothing:
                counts[steps.noise_multiplier, steps.sampling_rate] += steps.number
        if not counts:
            return 0.0
        if any(noise_multiplier == 0 for noise_multiplier, _ in counts):
            return math.inf
        alike = (NoisySteps(*kind, number) for kind, number in sorted(counts.items()))
        return _epsilon(self.name, self.delta, *alike)

    def noise_multiplier(self, epsilon: float, steps: NoisySteps) -> float:
        """Returns the smallest noise multiplier, to 0.1 %, that keeps to `epsilon`.

        Args:
            epsilon: the target, above 0; infinity needs no noise.
            steps: of the mechanism, all told; their own noise does not count.

        Raises:
            ValueError: if no noise below 100,000 clipping norms suffices.
        """
        if not epsilon > 0:
            raise ValueError(f"epsilon={epsilon}: must be above 0")
        if epsilon == math.inf or steps.release_nothing:
            return 0.0
        return _noise_multiplier(self.name, self.delta, epsilon, replace(steps, noise_multiplier=0))


@functools.lru_cache(maxsize=4096)
def _epsilon(name: str, delta: float, *several: NoisySteps) -> float:
    little = min(steps.noise_multiplier for steps in several) < _LITTLE_NOISE
    accountant = _fresh(name, _COARSE if little else _FINE)
    for steps in several:
        accountant.compose(steps.event())
    return float(accountant.get_epsilon(delta))


def _fresh(name: str, interval: float) -> "dp_accounting.PrivacyAccountant":
    import dp_accounting
    from dp_accounting import pld, rdp

    neighbours = dp_accounting.NeighboringRelation.ADD_OR_REMOVE_ONE
    if name == "rdp":
        return rdp.RdpAccountant(_ORDERS, neighbours)
    return pld.PLDAccountant(neighbours, value_discretization_interval=interval)


@functools.lru_cache(maxsize=256)
def _noise_multiplier(name: str, delta: float, epsilon: float, steps: NoisySteps) -> float:
    def enough(multiplier: float) -> bool:
        return _epsilon(name, delta, replace(steps, noise_multiplier=multiplier)) <= epsilon

    # The looser accountant is the faster one, and comes close.
    high = 1.0 if name == "rdp" else _noise_multiplier("rdp", delta, epsilon, steps)
    while not enough(high):
        high *= 2
        if high > _LARGEST_MULTIPLIER:
            raise ValueError(f"epsilon={epsilon}: no noise keeps to it with delta={delta}")
    low = 0.9 * high
    while low > _SMALLEST_MULTIPLIER and enough(low):
        low, high = 0.9 * low, low
    while high - low > _PRECISION * high:
        middle = (low + high) / 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
