"""What decides how private training is; a plain value, without TensorFlow."""

import math
from dataclasses import dataclass, replace

from tff_health.privacy.accounting import Accountant

LARGEST_EXACT_BITS = 24
"""float32 holds every integer up to 2^24."""


@dataclass(frozen=True)
class PrivacySettings:
    """How clients' training is made private.

    Attributes:
        noise: who adds it: "local", every client enough for itself; "distributed", every client a
            share of what the sum needs; "client", the server, so that whole clients are hidden.
        engine: how gradients are clipped: "fast", or by TF Privacy's own optimizer.
        unit: what epsilon protects, "record" (one image) or "lesion" (all images of one).
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

    def with_noise(self, noise_multiplier: float) -> "PrivacySettings":
        """The same with another noise multiplier."""
        return replace(self, noise_multiplier=noise_multiplier)

    def sampling_rate(self, units: int) -> float:
        """Q of a client that holds `units` units: of its own, not of all clients'."""
        return min(1.0, self.lot_size / units)


def calibrated(
    accountant: Accountant, epsilon: float, noise_multiplier: float, rate: float, steps: int
) -> float:
    """Returns the noise multiplier that is given, or else the one that keeps to `epsilon`.

    Args:
        accountant: for one delta.
        epsilon: the target; infinity for none.
        noise_multiplier: 0 to have it follow from the target.
        rate: the largest sampling rate of a client.
        steps: the most that a client takes.
    """
    if noise_multiplier or math.isinf(epsilon):
        return noise_multiplier
    return accountant.noise_multiplier(epsilon, rate, steps)
