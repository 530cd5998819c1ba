"""One training round: with another cohort if too few clients were left of the first.

That is as long as nothing was opened. Once the server may hold the sum of one cohort, that of
another would give it single clients' updates as a difference: then the round is lost.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tff_health.data.client_data import client_keys
from tff_health.errors import RunError
from tff_health.learning.process import SchemeProcess
from tff_health.measurements.plain_traffic import Traffic
from tff_health.measurements.stages import bytes_of_client
from tff_health.reporting.progress import warn
from tff_health.schemes import SCHEMES
from tff_health.secure_aggregation.round_record import RoundAbortedError, RoundRecord
from tff_health.secure_aggregation.secure_context import SecureContext
from tff_health.settings.config import RunConfig
from tff_health.training.broken_updates import check_round
from tff_health.training.buffered_pace import BufferedPace
from tff_health.training.cohorts import Cohort, draw_cohort
from tff_health.training.metrics_log import Value
from tff_health.training.pace import Pace
from tff_health.training.round_metrics import round_columns

MAX_ATTEMPTS = 5


@dataclass(frozen=True)
class TrainedRound:
    """What a round came to.

    Attributes:
        state: of the process after it.
        row: what metrics.csv says about its training and its costs, failed attempts included.
        trained: the clients that trained, in this attempt or a failed one.
        lost: why the round was lost, so that the state is the one before; empty if it was not.
    """

    state: Any
    row: dict[str, Value]
    trained: frozenset[int]
    lost: str = ""


class RoundRunner:
    """Runs the rounds of one scheme in a secure context.

    A client that was found to have sent false shares or proofs is left out of all later cohorts.

    Args:
        process: of the scheme.
        config: the settings.
        context: TFF's current context.
        traffic: what messages in the clear weigh.
        goes_on: whether an earlier process made the keys that last. They are not kept, so this
            one makes them anew, uncounted: a run costs the same whether it was killed or not.
        pace: says who is late, and keeps virtual time; None for a run without.
        earlier: gives the state after an earlier round, with which clients still train; 0 for the
            initial one. Asked for what an earlier process knew.
    """

    def __init__(
        self,
        process: SchemeProcess,
        config: RunConfig,
        context: SecureContext,
        traffic: Traffic,
        goes_on: bool,
        pace: Pace | BufferedPace | None = None,
        earlier: Callable[[int], Any] | None = None,
    ) -> None:
        self._process = process
        self._config = config
        self._context = context
        self._traffic = traffic
        self._uncounted = context.set_up_stages if goes_on else ()
        self._excluded: frozenset[int] = frozenset()
        self._pace = pace
        self._earlier = earlier
        self._states: dict[int, Any] = {}

    def run(self, state: Any, number: int) -> TrainedRound:
        """Runs round `number`, in up to five attempts.

        An attempt that is aborted after its sum could have been opened loses the round: `state`
        stands, and what clients spent of their privacy is spent.

        Raises:
            RunError: if every attempt was aborted; `state` still stands.
        """
        failed: list[RoundRecord] = []
        self._states[number - 1] = state
        for attempt in range(1, MAX_ATTEMPTS + 1):
            cohort = self._draw(number, attempt)
            self._forget(number, cohort)
            try:
                return self._attempt(state, number, cohort, failed)
            except RoundAbortedError as error:
                failed.append(error.record)
                self._leave_out(error.record)
                reason = str(error.__cause__ or error)
                if error.may_be_opened:
                    return self._lost(state, number, failed, reason)
        raise RunError(
            f"round {number} was aborted {MAX_ATTEMPTS} times, with another cohort each time "
            f"(last: {reason}); the state after round {number - 1} is kept: lower --dropout_rate "
            "or take more clients"
        )

    def _draw(self, number: int, attempt: int) -> Cohort:
        excluded, stages = self._excluded, self._context.stages
        if self._pace is None:
            return draw_cohort(self._config, stages, number, attempt, excluded)
        return self._pace.draw(number, attempt, excluded)

    def _given(self, version: int) -> Any:
        """The state that the server gave to clients after a round."""
        if version not in self._states:
            if self._earlier is None:
                raise RunError(f"the state after round {version} is not kept")
            self._states[version] = self._earlier(version)
        return self._states[version]

    def _forget(self, number: int, cohort: Cohort) -> None:
        """Forgets the states on which nobody trains."""
        used = {number - 1 - age for age in cohort.ages.values()}
        used |= self._pace.versions() if self._pace else frozenset()
        self._states = {v: kept for v, kept in self._states.items() if v in used}

    def _attempt(
        self, state: Any, number: int, cohort: Cohort, failed: list[RoundRecord]
    ) -> TrainedRound:
        if self._context.stages:
            return self._secure_attempt(state, number, cohort, failed)
        if not cohort.present:
            raise RunError(f"round {number}: all clients dropped out; lower --dropout_rate")
        start = time.monotonic()
        output = self._process.training.next(state, self._keys(cohort, cohort.present, number))
        row: dict[str, Value] = {
            "cohort": len(cohort.clients),
            "survivors": len(cohort.present),
            "aborted_attempts": 0,
            "lost": 0,
            "bytes_up": self._traffic.update * len(cohort.present),
            "bytes_down": self._traffic.model * len(cohort.clients),
            "seconds_training": round(time.monotonic() - start, 4),
            "seconds_client_crypto": 0.0,
            "seconds_server_crypto": 0.0,
            "seconds_holder_crypto": 0.0,
        }
        row |= self._metrics_of(output.metrics)
        if self._pace is not None:
            row |= self._pace.end_round([{}])
        check_round(number, row, output.state, output.metrics)
        return TrainedRound(output.state, row, frozenset(cohort.present))

    def _secure_attempt(
        self, state: Any, number: int, cohort: Cohort, failed: list[RoundRecord]
    ) -> TrainedRound:
        self._context.plan_round(
            cohort.clients,
            cohort.dropouts,
            repeats=bool(failed),
            states={c: self._given(number - 1 - age) for c, age in cohort.ages.items() if age},
        )
        output = self._process.training.next(state, self._keys(cohort, cohort.clients, number))
        done = self._context.last_round
        if done is None:
            raise RunError("the process of this scheme declares no secure sum")
        if self._process.memory is not None:
            self._process.memory.keep(done.survivors, number)
        self._leave_out(done)
        records = [*failed, done]
        row = self._row(records)
        started = sum(len(record.cohort) for record in records)
        row["bytes_down"] += self._sent_models(output.metrics["aggregator"], number, started)
        if SCHEMES[self._config.run.scheme].leaks:
            row["lone_coordinates"] = round(done.lone_share, 4)
        if done.verified_by is not None:
            row["verified"] = len(done.verified_by)
        row |= self._metrics_of(output.metrics)
        check_round(number, row, output.state, output.metrics)
        return TrainedRound(output.state, row, _all_clients(records))

    def _leave_out(self, record: RoundRecord) -> None:
        if new := record.culprits - self._excluded:
            self._excluded |= new
            names = ", ".join(map(str, sorted(new)))
            warn(f"warning: left out from now on, for false shares or proofs: client {names}")

    def _lost(
        self, state: Any, number: int, records: list[RoundRecord], reason: str
    ) -> TrainedRound:
        row = self._row(records)
        if self._process.memory is None:
            row["bytes_down"] += self._traffic.model * sum(len(r.cohort) for r in records)
        elif number == 1:  # compressed changes come after a round, and here is none
            row["bytes_down"] += self._traffic.model * self._config.cohort.num_clients
        row["lost"] = 1
        return TrainedRound(state, row, _all_clients(records), reason)

    def _row(self, records: list[RoundRecord]) -> dict[str, Any]:
        """What a round's attempts did; the last of them ended the round."""
        costs = [record.costs.without(self._uncounted) for record in records]
        self._uncounted = ()
        row: dict[str, Any] = {
            "cohort": len(records[-1].cohort),
            "survivors": len(records[-1].survivors),
            "aborted_attempts": len(records) - 1,
            "lost": 0,
            "bytes_up": sum(cost.bytes_up for cost in costs),
            "bytes_down": sum(cost.bytes_down for cost in costs),
        }
        if groups := records[-1].groups:
            row["groups"] = len(groups)
            row["groups_left_out"] = sum(bool(group.left_out) for group in groups)
            row["dealing"] = "; ".join(map(str, groups))
        for name, seconds in (
            ("seconds_training", [record.seconds_training for record in records]),
            ("seconds_client_crypto", [cost.client_seconds for cost in costs]),
            ("seconds_server_crypto", [cost.server_seconds for cost in costs]),
            ("seconds_holder_crypto", [cost.authority_seconds for cost in costs]),
        ):
            row[name] = round(sum(seconds), 4)
        if self._pace is not None:
            row |= self._pace.end_round([bytes_of_client(cost) for cost in costs])
        return row

    def _keys(self, cohort: Cohort, clients: Sequence[int], number: int) -> list[Any]:
        memory = self._process.memory
        remembered = [memory.last_round(client, number) for client in clients] if memory else []
        told = cohort.steps, cohort.scales, cohort.ages
        return client_keys(list(clients), number, remembered, *told)

    def _sent_models(self, measured: Any, number: int, started: int) -> int:
        """Bytes of models, or of what changed in them, that the server sends for a round.

        A compressed change is sent to all clients, also those of other rounds, so that all have
        the last model always; the first one they are given whole.
        """
        if "update_positions" not in measured:
            return self._traffic.model * started
        change = self._traffic.change(measured["update_positions"])
        first = self._traffic.model if number == 1 else 0
        return (change + first) * self._config.cohort.num_clients

    def _metrics_of(self, metrics: Any) -> dict[str, Value]:
        told = metrics["client_work"].get("train")  # private training tells none
        return round_columns(self._config, told, metrics["aggregator"])


def _all_clients(records: Sequence[RoundRecord]) -> frozenset[int]:
    return frozenset(client for record in records for client in record.cohort)
