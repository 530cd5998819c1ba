"""What follows from the settings of differential privacy once the data are known."""

import math

from tff_health.data.federated import FederatedImages
from tff_health.errors import ConfigError
from tff_health.privacy.accounting import Accountant
from tff_health.privacy.settings import (
    PrivacySettings,
    calibrated,
)
from tff_health.schemes import SCHEMES
from tff_health.secure_aggregation.bindings import BINDINGS
from tff_health.settings.config import RunConfig


def settle(config: RunConfig, federated: FederatedImages) -> PrivacySettings | None:
    """Returns how training is made private, with the noise that follows; None if it is not.

    Raises:
        ConfigError: if delta is so large that whole records could be told, or no noise suffices.
    """
    if config.privacy.noise == "none":
        return None
    units = [client.num_units for client in federated.clients]
    if config.privacy.noise != "client" and config.privacy.delta * min(units) >= 1:
        raise ConfigError(
            f"--delta={config.privacy.delta}: must be below 1 / {min(units)}, as the smallest "
            f"client has {min(units)} units; telling some of them at random would satisfy it"
        )
    unsettled = PrivacySettings(
        noise=config.privacy.noise,
        engine=config.privacy.engine,
        unit="client" if config.privacy.noise == "client" else config.privacy.unit,
        clipping_norm=config.privacy.clipping_norm,
        noise_multiplier=0.0,
        lot_size=config.privacy.lot_size,
        steps=1 if config.privacy.noise == "client" else config.privacy.local_steps,
        shares=_shares(config),
    )
    accountant = Accountant(config.privacy.accountant, config.privacy.delta)
    rate = max(sampling_rates(unsettled, federated))
    try:
        multiplier = calibrated(
            *(accountant, config.privacy.epsilon or math.inf, config.privacy.noise_multiplier),
            *(rate, config.training.rounds * unsettled.steps),
        )
    except ValueError as error:
        raise ConfigError(f"--epsilon={config.privacy.epsilon}: {error}") from None
    first = accountant.epsilon(multiplier, rate, unsettled.steps)
    if config.privacy.epsilon and first > config.privacy.epsilon:
        raise ConfigError(
            f"--epsilon={config.privacy.epsilon}: the first round would spend {first:.3g} with "
            f"--noise_multiplier={config.privacy.noise_multiplier}: use more noise, fewer "
            "--local_steps, or leave --noise_multiplier out to have it follow"
        )
    return unsettled.with_noise(multiplier)


def sampling_rates(privacy: PrivacySettings, federated: FederatedImages) -> list[float]:
    """Q of every client; who takes part in a round is known, and amplifies nothing."""
    if privacy.unit == "client":
        return [1.0] * len(federated.clients)
    return [privacy.sampling_rate(client.num_units) for client in federated.clients]


def _shares(config: RunConfig) -> int:
    """How many clients' noise a sum is certain to have."""
    protocol = SCHEMES[config.run.scheme].protocol
    if protocol is None:
        return 1
    plan = BINDINGS[protocol].plan(config.protocol_settings(), config.cohort.clients_per_round)
    return max(1, math.floor(config.privacy.honest_fraction * plan.survivors + 1e-9))
