"""What standardises channels if all clients' images say so: one secure sum before round 1."""

import dataclasses
from typing import Any

from tff_health.data.federated import FederatedImages
from tff_health.data.scaling import Scaling
from tff_health.reporting.results_folder import ResultsFolder
from tff_health.secure_aggregation.bindings import BINDINGS
from tff_health.secure_aggregation.secure_sums import secure_sums
from tff_health.settings.config import RunConfig
from tff_health.statistics.channels import channel_sums, scaling_of
from tff_health.statistics.secure_total import secure_total

NORMALISATION = "normalisation"
"""What config.json keeps it under."""


def with_learned_scaling(
    config: RunConfig,
    federated: FederatedImages,
    folder: ResultsFolder,
    workers: tuple[str, ...] = (),
) -> RunConfig:
    """Returns the settings with the scaling that clients' images tell, if these ask for it.

    The sum is over all clients, by double masking whatever the scheme; once a run.

    Args:
        config: the settings.
        federated: the data.
        folder: of the run, which may have been begun by an earlier process.
        workers: as `training.run.train`.

    Raises:
        RunError: if the sum could not be had.
    """
    if config.preparation.normalise != "secure":
        return config
    if found := folder.description.get(NORMALISATION):
        means, deviations = found["channel_means"], found["channel_deviations"]
        scaling = Scaling(tuple(means), tuple(deviations))
    else:
        scaling = _learned(config, federated, workers)
    return dataclasses.replace(config, learned_scaling=scaling)


def _learned(config: RunConfig, federated: FederatedImages, workers: tuple[str, ...]) -> Scaling:
    held = [client.training for client in federated.clients]
    vectors = [channel_sums(federated.images, part.rows[part.copies == 0]) for part in held]
    if len(vectors) == 1:  # all data in one place
        return scaling_of(vectors[0])
    protocol = BINDINGS["double_masking"].build(config.protocol_settings())
    with secure_sums(protocol, workers=workers):
        return scaling_of(secure_total(vectors, sensitivity=0.0, noise_multiplier=0.0, shares=1))


def normalisation_of(config: RunConfig) -> dict[str, Any]:
    """Returns the part of config.json that keeps what was learned; empty if nothing was."""
    scaling = config.learned_scaling
    if scaling is None:
        return {}
    kept = {"channel_means": scaling.means, "channel_deviations": scaling.deviations}
    return {NORMALISATION: {name: list(values) for name, values in kept.items()}}
