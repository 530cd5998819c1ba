"""What each client has spent of its privacy, round by round."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tff_health.privacy.accounting import Accountant


@dataclass(frozen=True)
class Entry:
    """What one client has spent after a round.

    Attributes:
        client: its number.
        sampling_rate: q, of its own data.
        steps: that it has taken in all.
        epsilon: for these.
    """

    client: int
    sampling_rate: float
    steps: int
    epsilon: float


class PrivacyLedger:
    """Counts the steps of every client; clients hold different people, so none pays for another.

    Args:
        accountant: for one delta.
        noise_multiplier: z of every step.
        sampling_rates: q of every client.
        steps: of a client in a round.
    """

    def __init__(
        self,
        accountant: Accountant,
        noise_multiplier: float,
        sampling_rates: Sequence[float],
        steps: int,
    ) -> None:
        self._accountant = accountant
        self._multiplier = noise_multiplier
        self._rates = list(sampling_rates)
        self._steps = steps
        self._taken = [0] * len(self._rates)

    def spend(self, clients: Iterable[int]) -> None:
        """Writes a round down for the clients that trained in it, whether or not they were lost.

        A round that was tried again counts once: a client draws the same lots and noise.
        """
        for client in clients:
            self._taken[client] += self._steps

    def allows_another_round(self, epsilon: float) -> bool:
        """Whether every client could train once more without exceeding `epsilon`."""
        return all(
            self._epsilon(client, taken + self._steps) <= epsilon
            for client, taken in enumerate(self._taken)
        )

    @property
    def entries(self) -> list[Entry]:
        """Of all clients, in order."""
        return [
            Entry(client, self._rates[client], taken, self._epsilon(client, taken))
            for client, taken in enumerate(self._taken)
        ]

    @property
    def epsilon(self) -> float:
        """The largest of a client: a unit is one client's, so it bounds what is told of any."""
        return max(entry.epsilon for entry in self.entries)

    def restore(self, entries: Iterable[Entry]) -> None:
        """Goes on from what an earlier process wrote down."""
        for entry in entries:
            self._taken[entry.client] = entry.steps

    def _epsilon(self, client: int, steps: int) -> float:
        return self._accountant.epsilon(self._multiplier, self._rates[client], steps)
