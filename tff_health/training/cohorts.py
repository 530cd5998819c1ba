"""Who takes part in a round, and who drops out when: drawn from the experiment's seed."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tff_health.data.seeds import generator
from tff_health.settings.config import RunConfig


@dataclass(frozen=True)
class Cohort:
    """The clients of one attempt at a round.

    Attributes:
        clients: in increasing order.
        dropouts: client -> the stage in which it no longer answers.
        steps: client -> local steps that it does; all of them where it has no entry.
        scales: client -> what its update is multiplied with; 1 where it has no entry.
        ages: client -> how many rounds old the model is that it trains on; 0, that of the last
            round, where it has no entry.
    """

    clients: tuple[int, ...]
    dropouts: dict[int, str]
    steps: Mapping[int, int] = field(default_factory=dict)
    scales: Mapping[int, float] = field(default_factory=dict)
    ages: Mapping[int, int] = field(default_factory=dict)

    @property
    def present(self) -> tuple[int, ...]:
        """The clients that do not drop out."""
        return tuple(client for client in self.clients if client not in self.dropouts)


def draw_cohort(
    config: RunConfig,
    stages: tuple[str, ...],
    round_number: int,
    attempt: int,
    excluded: Collection[int] = (),
) -> Cohort:
    """Draws the cohort of one attempt at a round.

    Which clients drop out does not depend on the stages, so that schemes can be compared.

    Args:
        config: says how many clients take part, how many drop out, and at which stages.
        stages: of the scheme's protocol, in their order; none for a scheme without one.
        round_number: from 1.
        attempt: from 1.
        excluded: clients that are not asked, because they were found to cheat, or are not on. The
            cohort is smaller if the others are too few.
    """
    rng = _generator(config, round_number, attempt)
    candidates = [client for client in range(config.cohort.num_clients) if client not in excluded]
    clients = _draw(candidates, config.cohort_size, rng)
    return Cohort(clients, _dropouts(config, stages, clients, rng))


def draw_clients(
    config: RunConfig, round_number: int, candidates: Sequence[int], most: int
) -> tuple[int, ...]:
    """Draws clients to begin with a round, as `draw_cohort` does at its first attempt.

    Args:
        config: has the seed.
        round_number: from 1.
        candidates: who may be drawn.
        most: how many are drawn, or all candidates if they are fewer.
    """
    return _draw(candidates, most, _generator(config, round_number, 1))


def draw_dropouts(
    config: RunConfig,
    stages: tuple[str, ...],
    round_number: int,
    attempt: int,
    clients: tuple[int, ...],
) -> dict[int, str]:
    """Draws who of some clients drops out, and at which stage; arguments as of `draw_cohort`."""
    rng = generator(config.run.seed, f"dropouts of round {round_number}, attempt {attempt}")
    return _dropouts(config, stages, clients, rng)


def _generator(config: RunConfig, round_number: int, attempt: int) -> np.random.Generator:
    return generator(config.run.seed, f"cohort of round {round_number}, attempt {attempt}")


def _draw(candidates: Sequence[int], most: int, rng: np.random.Generator) -> tuple[int, ...]:
    drawn = rng.choice(candidates, min(most, len(candidates)), replace=False)
    return tuple(sorted(int(client) for client in drawn))


def _dropouts(
    config: RunConfig, stages: tuple[str, ...], clients: tuple[int, ...], rng: np.random.Generator
) -> dict[int, str]:
    gone = _draw_dropouts(config, clients, rng)
    places = config.cohort.dropout_stages or stages or ("",)
    chosen = rng.integers(len(places), size=len(gone))
    return {c: places[int(i)] for c, i in zip(gone, chosen, strict=True)}


def _draw_dropouts(
    config: RunConfig, clients: tuple[int, ...], rng: np.random.Generator
) -> list[int]:
    if config.cohort.dropout_draw == "independent":
        drops = rng.random(len(clients)) < config.cohort.dropout_rate
        return [client for client, gone in zip(clients, drops, strict=True) if gone]
    count = min(config.num_dropouts, len(clients))
    return sorted(int(c) for c in rng.choice(clients, count, replace=False))
