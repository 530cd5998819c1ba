"""The pace of a run: who is late in a round, who does how much, and how long that takes."""

import functools
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tff_health.data.federated import FederatedImages
from tff_health.errors import RunError
from tff_health.local.task import Task
from tff_health.measurements.plain_traffic import Traffic
from tff_health.reporting.files import write_text
from tff_health.reporting.results_folder import ResultsFolder
from tff_health.schemes import SCHEMES
from tff_health.secure_aggregation.bindings import BINDINGS
from tff_health.settings.config import RunConfig
from tff_health.training.clock import CLOCK, NO_STAGE, clock_of, measure
from tff_health.training.cohorts import Cohort
from tff_health.training.metrics_log import Value
from tff_health.virtual_time.clock import Clock, Crossing
from tff_health.virtual_time.deadline import Deadline
from tff_health.virtual_time.local_work import update_scales
from tff_health.virtual_time.profiles import first_moment_with
from tff_health.virtual_time.trace import write_trace

COLUMNS = ("virtual_seconds", "late", "deadline", "local_steps")
"""What metrics.csv has of virtual time: at the end of the round since the start of the run, late
clients, seconds until the deadline, and mean steps of a client."""


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
        self._deadline = Deadline(given.deadline or math.inf, given.deadline_share)
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

    def absent(self, candidates: Sequence[int]) -> frozenset[int]:
        """Waits until enough clients for a cohort are on, and returns those that are not.

        Args:
            candidates: who may be asked at all.

        Raises:
            RunError: if so many never are.
        """
        period, profiles = self._config.clock.availability_period, self._clock.profiles
        wanted = min(self._config.cohort_size, len(candidates))
        try:
            self._now = first_moment_with(profiles, candidates, wanted, self._now, period)
        except ValueError as error:
            raise RunError(f"{error}: lower --clients_per_round, or raise --availability") from None
        return frozenset(
            client for client in candidates if profiles[client].seconds_until_on(self._now, period)
        )

    def plan(self, cohort: Cohort) -> Cohort:
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
            weights = {c: self._shares.weights[c] for c in steps}
            momentum = self._config.optimizer.client_momentum
            planned = replace(planned, steps=steps, scales=update_scales(steps, weights, momentum))
        done = sum(steps.values()) / len(steps)
        self._attempts.append(_Attempt(planned, closing, len(late), done, deadline.seconds))
        self._deadline = deadline.after(whole.values())
        return planned

    def _steps(self, client: int, deadline: Deadline) -> int:
        whole = self._shares.steps[client]
        if not self._config.scales_updates or deadline.seconds == math.inf:
            return whole
        return self._clock.steps_within(client, deadline.seconds, whole)

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


def build_pace(
    config: RunConfig, federated: FederatedImages, folder: ResultsFolder, task: Task
) -> Pace:
    """Returns the pace of a run, and writes its clients' times as clients.csv.

    Args:
        config: the settings.
        federated: the data.
        folder: of the run; what an earlier process measured stands in its config.json.
        task: has the model.

    Raises:
        ConfigError: if a file of clients' times is bad.
    """

    @functools.cache
    def fewest(clients: int) -> int:
        protocol = SCHEMES[config.run.scheme].protocol
        if protocol is None:
            return 1
        return BINDINGS[protocol].plan(config.protocol_settings(), clients).survivors

    traffic = Traffic.of(task.initial_weights)
    measured = measure(config, federated, traffic.parameters, folder.description.get(CLOCK))
    clock = clock_of(config, measured, traffic)
    write_text(folder.path / "clients.csv", write_trace(clock.profiles))
    described = {CLOCK: measured.as_json()}
    return Pace(config, clock, Shares.of(config, federated), fewest, described)
