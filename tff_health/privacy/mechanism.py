"""The mechanism of differential privacy as one value: clipping, sampling, noise and what follows.

Training, the accountant, the ledger and reports all read this value, so that what is done to
gradients and what is counted of it cannot disagree.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import dp_accounting

LARGEST_EXACT_BITS = 24
"""float32 holds every integer up to 2^24."""

MAX_SHARE = 1 << 26
"""Largest standard deviation of a client's share of discrete noise, in steps of the grid: TF
Privacy squares what it draws in int64, which has no room for much more."""

ADJACENCY = "add or remove one"
"""How neighbours differ: of two sets of data, one has one unit more."""


@dataclass(frozen=True)
class NoisySteps:
    """A number of equal steps, each the sampled Gaussian mechanism (Abadi et al. 2016).

    Attributes:
        noise_multiplier: z, standard deviation of the noise / clipping norm; 0 or more.
        sampling_rate: q, the probability with which a step takes a unit; from 0 to 1.
        number: of steps; 0 or more.

    Raises:
        ValueError: if one is out of range.
    """

    noise_multiplier: float
    sampling_rate: float
    number: int

    def __post_init__(self) -> None:
        in_range = 0 <= self.noise_multiplier < float("inf") and 0 <= self.sampling_rate <= 1
        if not in_range or self.number < 0:
            raise ValueError(
                f"noise_multiplier={self.noise_multiplier}, sampling_rate={self.sampling_rate}, "
                f"steps={self.number}: must be 0 or more, from 0 to 1, and 0 or more"
            )

    @property
    def release_nothing(self) -> bool:
        """Whether no unit's data are ever looked at."""
        return self.number == 0 or self.sampling_rate == 0

    def event(self) -> "dp_accounting.DpEvent":
        """Returns what accountants compose."""
        # Imported here, as settings need this module and not the second that SciPy takes.
        import dp_accounting

        step = dp_accounting.GaussianDpEvent(self.noise_multiplier)
        if self.sampling_rate < 1:
            step = dp_accounting.PoissonSampledDpEvent(self.sampling_rate, step)
        return dp_accounting.SelfComposedDpEvent(step, self.number)


@dataclass(frozen=True)
class Mechanism:
    """How training is made differentially private.

    Attributes:
        noise: who adds it: "local", every client enough for itself; "distributed", every client a
            share of what the sum needs; "client", the server, so that whole clients are hidden.
        engine: how gradients are clipped: "fast", or by TF Privacy's own optimizer.
        unit: what epsilon protects, "record" (one image), "group" (all images of one) or "client".
        clipping_norm: C, the largest L2 norm of what a unit adds to a step's sum.
        noise_multiplier: z, standard deviation of the noise / C.
        lot_size: the expected number of units in a step.
        steps: of a client in a round.
        shares: with distributed noise, how many clients' shares must suffice: of those that a round
            keeps at least, the honest ones.
    """

    noise: str
    engine: str
    unit: str
    clipping_norm: float
    noise_multiplier: float
    lot_size: int
    steps: int
    shares: int = 1

    @property
    def is_clients_own(self) -> bool:
        """Whether clients train privately; else the server adds noise to the mean of updates."""
        return self.noise in ("local", "distributed")

    @property
    def sampling(self) -> str:
        """How units are taken into a step, for people."""
        return "Poisson" if self.is_clients_own else "every client of the cohort"

    def with_noise(self, noise_multiplier: float) -> "Mechanism":
        """Returns the same with another noise multiplier."""
        return replace(self, noise_multiplier=noise_multiplier)

    def sampling_rate(self, units: int) -> float:
        """Returns q of a client that holds `units` units: of its own, not of all clients'.

        Who takes part in a round is known, and amplifies nothing: where units are clients, q is 1.
        """
        return min(1.0, self.lot_size / units) if self.is_clients_own else 1.0

    def after(self, rounds: int, units: int) -> NoisySteps:
        """Returns what a client that holds `units` units has released after so many rounds."""
        return NoisySteps(self.noise_multiplier, self.sampling_rate(units), rounds * self.steps)
