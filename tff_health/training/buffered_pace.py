"""The pace of asynchronous training: buffers that are filled by whoever is done."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from tff_health.settings.config import RunConfig
from tff_health.training.cohorts import Cohort, draw_clients, draw_dropouts
from tff_health.training.metrics_log import Value
from tff_health.training.pace import Shares
from tff_health.virtual_time.buffers import Buffers, Work, staleness_weight
from tff_health.virtual_time.clock import Clock, Crossing


class BufferedPace:
    """Says who is in the next buffer, and on which model each of them trained.

    The secure sum of a buffer begins when its last client is done, and takes the time of all its
    stages; meanwhile others go on. If it is aborted and nothing was opened, the same clients try
    again. A record of the run's state.

    Args:
        config: the settings.
        clock: what takes how long.
        shares: what each client does.
        described: what config.json says of it.

    Attributes:
        described: the same.
    """

    name = "virtual_time"

    def __init__(
        self, config: RunConfig, clock: Clock, shares: Shares, described: dict[str, Any]
    ) -> None:
        self._config, self._clock, self._shares = config, clock, shares
        self.described = described
        self._buffers = Buffers()
        self._filled: tuple[Work, ...] = ()
        self._attempts: list[Cohort] = []

    @property
    def text(self) -> str:
        """What is kept with the state of the run."""
        return self._buffers.text

    def restore(self, text: str) -> None:
        """Goes on from the kept text; empty at the start of a run."""
        if text:
            self._buffers.restore(text)

    def write(self) -> None:
        """Writes nothing: metrics.csv has it."""

    def versions(self) -> frozenset[int]:
        """Buffers before, after which the model was that clients still train on."""
        return self._buffers.versions

    def draw(self, number: int, attempt: int, excluded: Collection[int]) -> Cohort:
        """Returns the clients of a buffer with the ages of their models.

        Args:
            number: of the buffer, from 1.
            attempt: from 1; at later ones the clients are the same.
            excluded: clients that are not asked any more.

        Raises:
            RunError: if too few clients for a buffer are ever on.
        """
        config, buffers = self._config, self._buffers
        if attempt == 1:
            self._give(number, excluded)
            self._filled = buffers.fill(config.cohort_size, excluded)
        works = {w.client: w for w in sorted(self._filled, key=lambda work: work.client)}
        works = {client: work for client, work in works.items() if client not in excluded}
        clients = tuple(works)
        ages = {client: number - 1 - work.version for client, work in works.items()}
        kind = config.clock.staleness
        scales = {client: staleness_weight(kind, age) for client, age in ages.items()}
        dropouts = draw_dropouts(config, self._clock.named_stages, number, attempt, clients)
        cohort = Cohort(clients, dropouts, scales=scales, ages=ages)
        self._attempts.append(cohort)
        return cohort

    def _give(self, number: int, excluded: Collection[int]) -> None:
        """Gives the newest model to clients that are on, so that as many train as are to."""
        config, buffers, clock = self._config, self._buffers, self._clock
        busy = buffers.busy - frozenset(excluded)
        free = [c for c in range(config.cohort.num_clients) if c not in excluded and c not in busy]
        fewest = min(config.cohort_size - len(busy), len(free))
        if fewest > 0:
            buffers.now = clock.when_on(free, fewest, buffers.now)
        on = [client for client in free if clock.is_on(client, buffers.now)]
        most = config.cohort.clients_per_round - len(busy)
        if on and most > 0:
            given = draw_clients(config, number, on, most)
            buffers.start(given, lambda c: clock.local_seconds(c, self._shares.steps[c]))

    def end_round(self, messages: Sequence[Mapping[str, tuple[float, float]]]) -> dict[str, Value]:
        """Lets the time of a buffer's sums pass, and returns its columns of metrics.csv.

        Args:
            messages: as `Pace.end_round` takes them.
        """
        cohorts, self._attempts = self._attempts, []
        seconds = 0.0
        for cohort, by_stage in zip(cohorts, messages, strict=True):
            begun = {stage: Crossing(*both) for stage, both in by_stage.items()}
            uploads = (self._clock.upload_seconds(client) for client in cohort.clients)
            seconds += self._clock.round_seconds(
                cohort.clients, cohort.dropouts, max(uploads, default=0.0), begun
            )
        self._buffers.close(seconds)
        ages = cohorts[-1].ages.values()
        return {
            "virtual_seconds": round(self._buffers.now, 6),
            "oldest_model": max(ages, default=0),
            "local_steps": round(
                sum(self._shares.steps[c] for c in cohorts[-1].clients)
                / max(1, len(cohorts[-1].clients)),
                2,
            ),
        }
