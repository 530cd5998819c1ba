"""What one training run came to: an entry of `runs` in summary.json."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from tff_health.settings.config import RunConfig
from tff_health.training.metrics_log import Value

if TYPE_CHECKING:  # it imports TensorFlow, which takes seconds
    from tff_health.local.evaluation import Evaluation

SUMMED = (
    *("bytes_up", "bytes_down", "aborted_attempts"),
    *("clipped_coordinates", "non_finite_updates"),
)
"""Columns of metrics.csv that are summed over the rounds."""


@dataclass(frozen=True)
class PrivacyTerms:
    """What an epsilon is worth nothing without.

    Attributes:
        delta: of (epsilon, delta).
        noise_multiplier: standard deviation of the noise over the clipping norm.
        accountant: which, and its version.
        adjacency: how neighbouring data differ.
        sampling: how lots, or clients, are drawn.
        unit: what is protected: "record", "group" or "client".
        covers: which of the released values are private.
        assumes: of whom what is assumed.
        noise_from: "operating system", or "seed" to repeat a run.
    """

    delta: float
    noise_multiplier: float
    accountant: str
    adjacency: str
    sampling: str
    unit: str
    covers: str
    assumes: str
    noise_from: str


@dataclass(frozen=True)
class PrivacySpent:
    """What the clients' privacy has cost.

    Attributes:
        epsilon: the largest of a client.
        epsilon_of_clients: of each, in order.
        terms: on which it holds.
    """

    epsilon: float
    epsilon_of_clients: tuple[float, ...]
    terms: PrivacyTerms


@dataclass(frozen=True)
class Seconds:
    """Seconds of a whole run.

    Attributes:
        total: of the rounds, evaluation included.
        training: of the clients.
        client_crypto: of the clients' cryptography, one client after the other.
        server_crypto: of the server's.
    """

    total: float
    training: float
    client_crypto: float
    server_crypto: float

    def times(self, factor: float) -> "Seconds":
        """The same for more or fewer rounds."""
        return Seconds(*(round(value * factor, 3) for value in dataclasses.astuple(self)))


@dataclass(frozen=True, kw_only=True)
class RunOutcome:
    """The result of one run.

    Attributes:
        scheme: of the run.
        rounds: that were trained.
        num_clients: of the run.
        seed: of the run.
        final_accuracy: of the final model on the test part; the following four likewise.
        recall: of each class, NaN where the test part has none of it.
        bytes_up: encoded length of all that clients sent.
        bytes_down: encoded length of all that was sent to them.
        seconds: what the run took.
        survivors: of each round.
        aborted_attempts: at rounds that were then made anew.
        clipped_coordinates: of updates, over all clients and rounds.
        non_finite_updates: that were left out, over all clients and rounds.
        lost_rounds: that were aborted when a sum may have been opened.
        rounds_with_non_finite_updates: rounds in which some were.
        verified: how many clients found the sum of each round right, of rounds that were not lost;
            none without `--verify`.
        virtual_seconds: that all rounds would have taken; None in runs without virtual time.
        privacy: what the clients' privacy has cost; None without differential privacy.
    """

    scheme: str
    rounds: int
    num_clients: int
    seed: int
    final_accuracy: float
    balanced_accuracy: float
    macro_f1: float
    auc: float
    majority_accuracy: float
    recall: tuple[float, ...]
    bytes_up: int
    bytes_down: int
    seconds: Seconds
    survivors: tuple[int, ...]
    aborted_attempts: int
    clipped_coordinates: int
    non_finite_updates: int
    lost_rounds: int = 0
    rounds_with_non_finite_updates: int = 0
    verified: tuple[int, ...] = ()
    virtual_seconds: float | None = None
    privacy: PrivacySpent | None = None

    @classmethod
    def of(
        cls,
        config: RunConfig,
        evaluation: "Evaluation",
        rows: Sequence[Mapping[str, Value]],
        privacy: PrivacySpent | None = None,
    ) -> Self:
        """Returns what a run came to.

        Args:
            config: its settings.
            evaluation: of its final model.
            rows: of metrics.csv, one a round.
            privacy: what it has cost.
        """

        def total(column: str) -> Any:
            return sum(row[column] or 0 for row in rows)  # type: ignore[misc]

        return cls(
            scheme=config.run.scheme,
            rounds=len(rows),
            num_clients=config.cohort.num_clients,
            seed=config.run.seed,
            final_accuracy=evaluation.accuracy,
            balanced_accuracy=evaluation.balanced_accuracy,
            macro_f1=evaluation.macro_f1,
            auc=evaluation.auc,
            majority_accuracy=evaluation.majority_accuracy,
            recall=tuple(evaluation.recall.tolist()),
            **{column: total(column) for column in SUMMED},
            seconds=Seconds(
                *(round(total(f"seconds_{f.name}"), 3) for f in dataclasses.fields(Seconds))
            ),
            survivors=tuple(row["survivors"] for row in rows),  # type: ignore[misc]
            lost_rounds=total("lost"),
            rounds_with_non_finite_updates=sum(bool(row["non_finite_updates"]) for row in rows),
            verified=tuple(int(number) for number in _told(rows, "verified")),
            virtual_seconds=rows[-1].get("virtual_seconds") if rows else None,  # type: ignore[arg-type]
            privacy=privacy,
        )

    def as_json(self) -> dict[str, Any]:
        """Returns the entry of summary.json; privacy stands beside the rest."""
        entry = dataclasses.asdict(self)
        if spent := entry.pop("privacy"):
            entry |= {**spent, **spent.pop("terms")}
        return entry

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> Self:
        """Reads what `as_json` returned, in version 0.1.0 or later.

        Raises:
            KeyError: if something is missing.
            TypeError: if the entry is none of a run.
        """
        own = dataclasses.fields(cls)[:-1]
        later = {
            *("lost_rounds", "rounds_with_non_finite_updates", "verified", "virtual_seconds")
        } - entry.keys()
        given: dict[str, Any] = {f.name: entry[f.name] for f in own if f.name not in later}
        given["seconds"] = Seconds(**given["seconds"])
        for name in {"survivors", "verified"} & given.keys():
            given[name] = tuple(given[name])
        given["recall"] = tuple(_number(value) for value in given["recall"])
        given["auc"] = _number(given["auc"])
        if "epsilon" in entry:
            terms = PrivacyTerms(
                **{f.name: entry[f.name] for f in dataclasses.fields(PrivacyTerms)}
            )
            epsilons = tuple(entry["epsilon_of_clients"])
            given["privacy"] = PrivacySpent(entry["epsilon"], epsilons, terms)
        return cls(**given)


def _number(value: float | None) -> float:
    """NaN for what JSON has as null."""
    return math.nan if value is None else value


def heading(config: RunConfig) -> dict[str, str]:
    """Returns what every summary.json begins with."""
    run, data = config.run, config.data
    return {
        "experiment": run.experiment,
        "dataset": data.dataset,
        "split": data.split,
        "preset": run.preset,
    }


def _told(rows: Sequence[Mapping[str, Value]], column: str) -> list[Any]:
    """The cells of a column that are not empty."""
    return [row[column] for row in rows if row.get(column) is not None]
