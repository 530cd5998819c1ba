"""What follows from the settings of a run, and an epsilon is worth nothing without."""

import dataclasses
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from tff_health.local.task import Task
from tff_health.privacy.mechanism import ADJACENCY, Mechanism
from tff_health.schemes import SCHEMES
from tff_health.secure_aggregation.bindings import BINDINGS
from tff_health.settings.config import RunConfig
from tff_health.training.mechanism import accountant_of
from tff_health.training.outcome import PrivacyTerms
from tff_health.workers.context import concurrency_for

_NOT_TOLD = "training metrics and validation parts are not told at all"
_BESIDE = f"but not how many coordinates were clipped and how many updates not finite; {_NOT_TOLD}"
_COVERS = {
    "local": f"updates; {_NOT_TOLD}",
    "distributed": f"the sum of updates, {_BESIDE}",
    "client": f"the mean of updates, {_BESIDE}",
}
_ASSUMES = {
    "local": "nothing of the others: every update is private by itself",
    "distributed": "that at least {shares} of the clients in a sum add their share of the noise "
    "and keep it to themselves, and that nothing but the sum is seen",
    "client": "that the server adds the noise and forgets the sum before it",
}


@dataclass(frozen=True)
class SumTerms:
    """What follows from the settings for secure sums.

    Attributes:
        modulus_bits: k of the modulus 2^k in which updates are summed.
        precision_of_updates: the largest error of rounding, of one client.
        protocol_plan: the protocol and its parameters, for people.
        fewest_survivors: with which a sum is still found.
        colluders_borne: most clients that may help the server; None where that is not known.
        bears: the same, for people; may be empty.
    """

    modulus_bits: int
    precision_of_updates: float
    protocol_plan: str
    fewest_survivors: int
    colluders_borne: int | None
    bears: str


@dataclass(frozen=True)
class RunDescription:
    """What follows from the settings of a run, and is known before its first round.

    Attributes:
        trainable_parameters: numbers in an update.
        non_trainable_parameters: numbers of the model that stay as they are.
        protection_of_updates: how the scheme protects them, for people.
        in_the_clear: what each client tells the server beside secure sums, for people.
        sums: of schemes with secure sums, else None.
        privacy: what an epsilon holds for; None without differential privacy.
        clients_computed_at_once: by TFF's workers.
    """

    trainable_parameters: int
    non_trainable_parameters: int
    protection_of_updates: str
    in_the_clear: str
    sums: SumTerms | None
    privacy: PrivacyTerms | None
    clients_computed_at_once: int

    @classmethod
    def of(cls, config: RunConfig, task: Task, in_the_clear: str) -> Self:
        """Returns the description of a run.

        Args:
            config: the settings.
            task: the model.
            in_the_clear: what each client tells the server beside secure sums.
        """
        weights = task.initial_weights
        return cls(
            trainable_parameters=sum(int(np.size(w)) for w in weights.trainable),
            non_trainable_parameters=sum(int(np.size(w)) for w in weights.non_trainable),
            protection_of_updates=SCHEMES[config.run.scheme].protection,
            in_the_clear=in_the_clear,
            sums=_sums(config),
            privacy=privacy_of(config, task.privacy) if task.privacy else None,
            clients_computed_at_once=concurrency_for(config.cohort.clients_per_round),
        )

    def as_json(self) -> dict[str, Any]:
        """Returns the entry `derived` of config.json; what there is not is left out."""
        entry = dataclasses.asdict(self)
        sums, privacy = entry.pop("sums"), entry.pop("privacy")
        return {**entry, **(sums or {}), **({"privacy": privacy} if privacy else {})}


def _sums(config: RunConfig) -> SumTerms | None:
    protocol = SCHEMES[config.run.scheme].protocol
    if protocol is None:
        return None
    plan = BINDINGS[protocol].plan(config.protocol_settings(), config.group_sizes[0])
    return SumTerms(
        modulus_bits=config.modulus_bits,
        precision_of_updates=2.0 ** -(config.sums.fraction_bits + 1),
        protocol_plan=plan.reason,
        fewest_survivors=plan.survivors,
        colluders_borne=plan.colluders,
        bears=plan.bears,
    )


def privacy_of(config: RunConfig, mechanism: Mechanism) -> PrivacyTerms:
    """Returns what an epsilon is worth nothing without."""
    return PrivacyTerms(
        delta=config.privacy.delta,
        noise_multiplier=mechanism.noise_multiplier,
        accountant=accountant_of(config).label,
        adjacency=ADJACENCY,
        sampling=mechanism.sampling,
        unit=mechanism.unit,
        covers=_COVERS[mechanism.noise],
        assumes=_ASSUMES[mechanism.noise].format(shares=mechanism.shares),
        noise_from="seed" if config.privacy.noise_seed >= 0 else "operating system",
    )
