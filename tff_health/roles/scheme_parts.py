"""What a scheme has server and sites know and keep, beside the model."""

from typing import Any

import numpy as np
import tensorflow as tf

from tff_health.errors import ConfigError
from tff_health.local.adaptive_clipping import adaptive_clipping
from tff_health.local.task import Task
from tff_health.schemes import SCHEMES, Scheme
from tff_health.settings.config import RunConfig


def of_scheme(config: RunConfig) -> Scheme:
    """Returns the scheme of a run of sites that are apart.

    Raises:
        ConfigError: if it has no secure sums.
    """
    scheme = SCHEMES[config.run.scheme]
    if scheme.protocol is None:
        allowed = [name for name, other in SCHEMES.items() if other.protocol is not None]
        raise ConfigError(
            f"--scheme={scheme.name}: sites that are apart show nothing but secure sums: use "
            f"{', '.join(allowed)}"
        )
    return scheme


def compresses(scheme: Scheme) -> bool:
    """Whether sites and server compress, and keep what that lost."""
    return scheme.name == "fedopt"


def query_of(task: Task) -> Any:
    """Returns the query by which the server hides whole sites; None if it does not."""
    privacy = task.privacy
    if privacy is None or privacy.is_clients_own:
        return None
    return adaptive_clipping(privacy.noise_multiplier, privacy.clipping_norm, task.sums.max_clients)


def first_extras(scheme: Scheme, task: Task) -> list[Any]:
    """Returns the arrays that stand beside the model in the first broadcast."""
    if scheme.weighs_by_quality:
        return [np.zeros(w.shape, np.float32) for w in task.initial_weights.trainable]
    query = query_of(task)
    return [] if query is None else sample_params(query, query.initial_global_state())


def sample_params(query: Any, state: Any) -> list[Any]:
    """Returns what sites are told of the state of a query, as arrays."""
    return [np.asarray(part) for part in tf.nest.flatten(query.derive_sample_params(state))]
