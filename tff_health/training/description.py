"""What a run is written down with: settings, what follows from them, data, versions, machine."""

from typing import Any

import numpy as np

from tff_health.data.federated import FederatedImages
from tff_health.learning.task import Task
from tff_health.privacy.accounting import ADJACENCY, SAMPLING, Accountant
from tff_health.privacy.settings import PrivacySettings
from tff_health.schemes import SCHEMES
from tff_health.secure_aggregation.bindings import BINDINGS
from tff_health.settings.config import RunConfig
from tff_health.training import versions
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


def describe(
    config: RunConfig, federated: FederatedImages, task: Task, in_the_clear: str
) -> dict[str, Any]:
    """Returns the content of config.json.

    Args:
        config: the settings.
        federated: the data.
        task: the model.
        in_the_clear: what each client tells the server beside secure sums.
    """
    weights = task.initial_weights
    return {
        "config": config.as_dict(),
        "derived": {
            "trainable_parameters": sum(int(np.size(w)) for w in weights.trainable),
            "non_trainable_parameters": sum(int(np.size(w)) for w in weights.non_trainable),
            "protection_of_updates": SCHEMES[config.run.scheme].protection,
            "in_the_clear": in_the_clear,
            **_sums(config),
            **({"privacy": privacy_of(config, task.privacy)} if task.privacy else {}),
            "clients_computed_at_once": concurrency_for(config.cohort.clients_per_round),
        },
        "data": federated.describe(),
        "versions": versions.versions(),
        "machine": versions.machine(),
    }


def _sums(config: RunConfig) -> dict[str, Any]:
    """What follows from the settings for secure sums."""
    protocol = SCHEMES[config.run.scheme].protocol
    if protocol is None:
        return {}
    plan = BINDINGS[protocol].plan(config.protocol_settings(), config.cohort.clients_per_round)
    return {
        "modulus_bits": config.modulus_bits,
        "precision_of_updates": 2.0 ** -(config.sums.fraction_bits + 1),
        "protocol_plan": plan.reason,
        "fewest_survivors": plan.survivors,
        "colluders_borne": plan.colluders,
        "bears": plan.bears,
    }


def privacy_of(config: RunConfig, privacy: PrivacySettings) -> dict[str, Any]:
    """What an epsilon is worth nothing without."""
    accountant = Accountant(config.privacy.accountant, config.privacy.delta)
    return {
        "delta": config.privacy.delta,
        "noise_multiplier": privacy.noise_multiplier,
        "accountant": accountant.label,
        "adjacency": ADJACENCY,
        "sampling": SAMPLING if privacy.is_clients_own else "every client of the cohort",
        "unit": privacy.unit,
        "covers": _COVERS[privacy.noise],
        "assumes": _ASSUMES[privacy.noise].format(shares=privacy.shares),
        "noise_from": "seed" if config.privacy.noise_seed >= 0 else "operating system",
    }
