"""What the server learns: one total, and what it cost the clients in traffic and privacy."""

from dataclasses import dataclass

from crypto.session.costs import Costs
from tff_health.privacy.accounting import Accountant
from tff_health.privacy.mechanism import NoisySteps
from tff_health.statistics.estimates import Statistics


@dataclass(frozen=True)
class Noise:
    """The noise of a differentially private release, the Gaussian mechanism once.

    Attributes:
        multiplier: z, standard deviation of the noise / what a unit adds at most.
        deviation: of the noise on each count, in units.
        shares: how many clients' shares suffice.
        accountant: which says what it is worth.
        unit: what epsilon protects, "record" or "group".
    """

    multiplier: float
    deviation: float
    shares: int
    accountant: Accountant
    unit: str

    @property
    def epsilon(self) -> float:
        """What the release costs each client whose data are in it."""
        return self.accountant.epsilon(NoisySteps(self.multiplier, 1.0, 1))


@dataclass(frozen=True)
class Release:
    """One release of statistics.

    Attributes:
        statistics: over the survivors.
        cohort: the clients that were asked.
        survivors: those that are in the sum.
        costs: of the secure sum.
        seconds: of the whole round.
        bears: how many colluders the secure sum bears, for people.
        noise: None without differential privacy.
    """

    statistics: Statistics
    cohort: tuple[int, ...]
    survivors: tuple[int, ...]
    costs: Costs
    seconds: float
    bears: str
    noise: Noise | None
