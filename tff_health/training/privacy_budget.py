"""The clients' privacy budget during a run, and privacy.csv, which keeps it."""

import math
from collections.abc import Iterable
from pathlib import Path

from tff_health.data.federated import FederatedImages
from tff_health.privacy.ledger import Entry, PrivacyLedger
from tff_health.privacy.mechanism import Mechanism
from tff_health.settings.config import RunConfig
from tff_health.training.mechanism import accountant_of, units_of
from tff_health.training.metrics_log import MetricsLog

_COLUMNS = ("round", "client", "sampling_rate", "steps", "epsilon")


class Spending:
    """Keeps the ledger of all clients on disk, a row for each client and round.

    Args:
        config: the settings.
        mechanism: that follows from them.
        federated: the data, whose sizes decide sampling rates.
        path: of privacy.csv.

    Attributes:
        log: of the ledger, which is to be written.
    """

    def __init__(
        self, config: RunConfig, mechanism: Mechanism, federated: FederatedImages, path: Path
    ) -> None:
        self._budget = config.privacy.epsilon or math.inf
        self._ledger = PrivacyLedger(accountant_of(config), mechanism, units_of(federated))
        self.log = MetricsLog(path, _COLUMNS)

    def go_on(self) -> None:
        """Takes up what an earlier process wrote down."""
        self._ledger.restore(
            Entry(*(row[name] for name in ("client", "sampling_rate", "steps", "epsilon")))  # type: ignore[arg-type]
            for row in self.log.rows
        )

    @property
    def allows_another_round(self) -> bool:
        """Whether every client could train once more within the budget."""
        return self._ledger.allows_another_round(self._budget)

    def spend(self, round_number: int, clients: Iterable[int]) -> float:
        """Notes a round, and returns the largest epsilon of a client so far."""
        self._ledger.spend(clients)
        self.log.add(
            {
                "round": round_number,
                "client": entry.client,
                "sampling_rate": entry.sampling_rate,
                "steps": entry.steps,
                "epsilon": entry.epsilon,
            }
            for entry in self._ledger.entries
        )
        return self._ledger.epsilon

    @property
    def entries(self) -> list[Entry]:
        """What each client has spent."""
        return self._ledger.entries
