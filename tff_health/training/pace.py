"""The pace of a run: who is late in a round, who does how much, and how long that takes."""

import json
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tff_health.data.federated import FederatedImages
from tff_health.settings.config import RunConfig
from tff_health.training.cohorts import Cohort, draw_cohort
from tff_health.training.metrics_log import Value
from tff_health.virtual_time.clock import NO_STAGE, Clock, Crossing
from tff_health.virtual_time.deadline import Deadline
from tff_health.virtual_time.local_work import update_scales

COLUMNS = ("virtual_seconds", "late", "deadline", "local_steps", "oldest_model")
"""What metrics.csv has of virtual time: at the end of the round since the start of the run, late
clients, seconds until the deadline, mean steps of a client, and how many buffers old the oldest
model is that a client of the sum trained on."""


@dataclass(frozen=True)
class Shares:
    """What each client would do in a round, by client number.

    Attributes:
        steps: of its whole work.
        weights: what its update counts in the scheme's mean; any unit.
    """

    steps: tuple[int, ...]
    weights: tuple[float, ...]

    @classmethod
    def of(cls, config: RunConfig, federated: FederatedImages) -> "Shares":
        """Returns those of a run."""
        held = [len(client.training) for client in federated.clients]
        batch, epochs = config.training.batch_size, config.training.local_epochs
        steps = [epochs * math.ceil(examples / batch) for examples in held]
        if config.draws_lots:
            steps = [config.privacy.local_steps] * len(held)
        by_examples = config.run.scheme == "fedavg"
        weights = [float(examples) if by_examples else 1.0 for examples in held]
        return cls(tuple(steps), tuple(weights))


class Pace:
    """Keeps the virtual time of a run, and says who is in time; a record of the run's state.

    Args:
        config: the settings.
        clock: what takes how long.
        shares: what each client would do.
        fewest: from the size of a cohort to the survivors without whom there is no sum.
        described: what config.json says of it.

    Attributes:
        described: the same.
    """

    name = "virtual_time"

    def __init__(
        self,
        config: RunConfig,
        clock: Clock,
        shares: Shares,
        fewest: Callable[[int], int],
        described: dict[str, Any],
    ) -> None:
        self._config, self._clock, self._shares, self._fewest = config, clock, shares, fewest
        self.described = described
        given = config.clock
        self._deadline = Deadline(
            given.deadline or math.inf, given.deadline_share, given.deadline_slack
        )
        self._now = 0.0
        self._attempts: list[_Attempt] = []

    @property
    def text(self) -> str:
        """What is kept with the state of the run."""
        return json.dumps([self._now, self._deadline.seconds])

    def restore(self, text: str) -> None:
        """Goes on from the kept text; empty at the start of a run."""
        if text:
            self._now, seconds = json.loads(text)
            self._deadline = replace(self._deadline, seconds=seconds)

    def write(self) -> None:
        """Writes nothing: metrics.csv has it."""

    def draw(self, number: int, attempt: int, excluded: Collection[int]) -> Cohort:
        """Returns who takes part in an attempt at a round, when enough clients are on.

        Args:
            number: of the round.
            attempt: from 1.
            excluded: clients that are not asked.

        Raises:
            RunError: if so many clients are never on together.
        """
        config = self._config
        asked = [c for c in range(config.cohort.num_clients) if c not in excluded]
        self._now = self._clock.when_on(asked, min(config.cohort_size, len(asked)), self._now)
        off = {client for client in asked if not self._clock.is_on(client, self._now)}
        stages = self._clock.named_stages
        return self._plan(draw_cohort(config, stages, number, attempt, {*excluded, *off}))

    def versions(self) -> frozenset[int]:
        """Earlier rounds whose models clients still train on: none, as all are given the newest."""
        return frozenset()

    def _plan(self, cohort: Cohort) -> Cohort:
        """Returns the cohort of an attempt with the steps that fit, and late clients as dropouts.

        A late client's update misses the stage of uploads, and what that means for the others is
        the protocol's to say.
        """
        stages, clock = self._clock.stages, self._clock
        uploading = stages.index(clock.upload_stage)
        coming = [
            client
            for client in cohort.clients
            if client not in cohort.dropouts or stages.index(cohort.dropouts[client]) > uploading
        ]
        whole = {c: clock.training_seconds(c, self._shares.steps[c]) for c in coming}
        deadline = self._deadline.begun(whole.values()) if whole else self._deadline
        steps = {c: self._steps(c, deadline) for c in cohort.clients}
        arrivals = {c: clock.training_seconds(c, steps[c]) for c in coming}
        fewest = self._fewest(len(cohort.clients))
        enough = self._config.cohort.clients_per_round
        closing = deadline.closing(
            arrivals.values(),
            enough if self._config.clock.over_selection else len(cohort.clients),
            fewest,
        )
        late = {c: clock.upload_stage for c, arrival in arrivals.items() if arrival > closing}
        planned = replace(cohort, dropouts={**cohort.dropouts, **late})
        if self._config.scales_updates:
            timely = {c: count for c, count in steps.items() if c not in late}
            weights = {c: self._shares.weights[c] for c in timely}
            momentum = self._config.optimizer.client_momentum
            scales = update_scales(timely, weights, momentum)
            planned = replace(planned, steps=steps, scales=scales)
        done = sum(steps.values()) / len(steps)
        self._attempts.append(_Attempt(planned, closing, len(late), done, deadline.limit))
        self._deadline = deadline.after(whole.values())
        return planned

    def _steps(self, client: int, deadline: Deadline) -> int:
        whole = self._shares.steps[client]
        if not self._config.scales_updates or deadline.seconds == math.inf:
            return whole
        return self._clock.steps_within(client, deadline.limit, whole)

    def end_round(self, messages: Sequence[Mapping[str, tuple[float, float]]]) -> dict[str, Value]:
        """Lets the time of a round's attempts pass, and returns its columns of metrics.csv.

        Args:
            messages: of the attempts, in order: stage -> bytes up and down of one client, of the
                stages that were begun; without a protocol there is one attempt, and none.
        """
        attempts, self._attempts = self._attempts, []
        for attempt, by_stage in zip(attempts, messages, strict=True):
            begun = {stage: Crossing(*both) for stage, both in by_stage.items()}
            cohort = attempt.cohort
            self._now += self._clock.round_seconds(
                cohort.clients, cohort.dropouts, attempt.closing, begun or {NO_STAGE: Crossing()}
            )
        last = attempts[-1]
        return {
            "virtual_seconds": round(self._now, 6),
            "late": last.late,
            "deadline": None if last.deadline == math.inf else round(last.deadline, 6),
            "local_steps": round(last.steps, 2),
        }


@dataclass(frozen=True)
class _Attempt:
    cohort: Cohort
    closing: float
    late: int
    steps: float
    deadline: float
