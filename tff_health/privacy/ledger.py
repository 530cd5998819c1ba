"""What each client has spent of its privacy, round by round."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tff_health.privacy.accounting import Accountant
from tff_health.privacy.mechanism import Mechanism, NoisySteps


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
    """Counts the rounds of every client; clients hold different people, so none pays for another.

    Args:
        accountant: for one delta.
        mechanism: of every round.
        units: that each client holds.
    """

    def __init__(self, accountant: Accountant, mechanism: Mechanism, units: Sequence[int]) -> None:
        self._accountant = accountant
        self._mechanism = mechanism
        self._units = list(units)
        self._rounds = [0] * len(self._units)

    def spend(self, clients: Iterable[int]) -> None:
        """Writes a round down for the clients that trained in it, whether or not they were lost.

        A round that was tried again counts once: a client draws the same lots and noise.
        """
        for client in clients:
            self._rounds[client] += 1

    def allows_another_round(self, epsilon: float) -> bool:
        """Whether every client could train once more without exceeding `epsilon`."""
        return all(
            self._accountant.epsilon(self._released(client, rounds + 1)) <= epsilon
            for client, rounds in enumerate(self._rounds)
        )

    @property
    def entries(self) -> list[Entry]:
        """Of all clients, in order."""
        return [self._entry(client, rounds) for client, rounds in enumerate(self._rounds)]

    @property
    def epsilon(self) -> float:
        """The largest of a client: a unit is one client's, so it bounds what is told of any."""
        return max(entry.epsilon for entry in self.entries)

    def restore(self, entries: Iterable[Entry]) -> None:
        """Goes on from what an earlier process wrote down."""
        for entry in entries:
            self._rounds[entry.client] = entry.steps // self._mechanism.steps

    def _entry(self, client: int, rounds: int) -> Entry:
        released = self._released(client, rounds)
        epsilon = self._accountant.epsilon(released)
        return Entry(client, released.sampling_rate, released.number, epsilon)

    def _released(self, client: int, rounds: int) -> NoisySteps:
        return self._mechanism.after(rounds, self._units[client])
