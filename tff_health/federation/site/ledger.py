"""The ledger of a site: what all studies have spent of its privacy, and how many rounds a day.

It is asked before each training, and says no once the budget is spent, whatever the server says.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from tff_health.federation.consortium.digests import canonical
from tff_health.federation.errors import FederationError
from tff_health.federation.site.policy import SitePolicy
from tff_health.federation.site.sealed_log import SealedLog
from tff_health.privacy.accounting import Accountant
from tff_health.privacy.mechanism import NoisySteps
from tff_health.settings.files import read_json

PURPOSE: Final = "ledger"
DAY: Final = 86_400


@dataclass(frozen=True)
class Spending:
    """One training, as the ledger has it.

    Attributes:
        study: digest of the study, in hexadecimal digits.
        round_id: the training round.
        time: Unix time, in seconds, of the site's clock.
        steps: what it releases; None if it releases without noise.
    """

    study: str
    round_id: int
    time: int
    steps: NoisySteps | None

    def to_record(self) -> bytes:
        """Returns it as the file has it."""
        steps = None
        if self.steps:
            steps = [self.steps.noise_multiplier, self.steps.sampling_rate, self.steps.number]
        entry = {"study": self.study, "round": self.round_id, "time": self.time, "steps": steps}
        return canonical(entry)

    @classmethod
    def from_record(cls, record: bytes) -> "Spending":
        """Reads what `to_record` wrote."""
        data: Any = read_json(record.decode("ascii"))
        steps = NoisySteps(*data["steps"]) if data["steps"] else None
        return cls(data["study"], data["round"], data["time"], steps)


class SiteLedger:
    """What a site has spent; in a sealed file.

    Args:
        log: the file, open.
        policy: the site's.
    """

    def __init__(self, log: SealedLog, policy: SitePolicy) -> None:
        self._log = log
        self._policy = policy
        self._accountant = Accountant("pld", policy.delta)
        self._spent = [Spending.from_record(record) for record in log.records]

    @property
    def epsilon(self) -> float:
        """What all studies together have spent, at the policy's delta."""
        return self._epsilon(self._spent)

    def epsilon_of(self, study: bytes) -> float:
        """Returns what one study has spent."""
        return self._epsilon(s for s in self._spent if s.study == study.hex())

    def spend(self, study: bytes, round_id: int, steps: NoisySteps | None, when: float) -> float:
        """Notes a training before it begins; one that is repeated with fresh noise counts anew.

        Args:
            study: its digest.
            round_id: the training round.
            steps: what the training releases; None if it releases without noise.
            when: Unix time, in seconds.

        Returns:
            The epsilon of all studies with this training.

        Raises:
            FederationError: if the policy does not allow that much, or it cannot be noted; then
                the site must not train.
        """
        spending = Spending(study.hex(), round_id, int(when), steps)
        self._check_rate(spending.time)
        epsilon = self._epsilon((*self._spent, spending))
        if epsilon > self._policy.epsilon_budget:
            raise FederationError(
                f"privacy budget: round {round_id} would bring epsilon to {epsilon:.4g}, and "
                f"epsilon_budget is {self._policy.epsilon_budget:g} (delta {self._policy.delta:g})"
            )
        self._log.append(spending.to_record())
        self._spent.append(spending)
        return epsilon

    def _check_rate(self, now: int) -> None:
        # Trainings of the future count: a clock that was set back gives nothing away.
        recent = sum(s.time > now - DAY for s in self._spent)
        if recent >= self._policy.rounds_a_day:
            raise FederationError(
                f"{recent} rounds in the last 24 hours; rounds_a_day is {self._policy.rounds_a_day}"
            )

    def _epsilon(self, spent: Iterable[Spending]) -> float:
        steps = [spending.steps for spending in spent]
        with_noise = [one for one in steps if one is not None]
        if len(with_noise) < len(steps):
            return math.inf
        return self._accountant.epsilon_of_all(with_noise)
