"""The mechanism of differential privacy that follows from the settings once the data are known."""

import math

from tff_health.data.federated import FederatedImages
from tff_health.errors import ConfigError
from tff_health.privacy.accounting import Accountant
from tff_health.privacy.mechanism import MAX_SHARE, Mechanism
from tff_health.schemes import SCHEMES
from tff_health.secure_aggregation.bindings import BINDINGS, ProtocolPlan
from tff_health.settings.config import RunConfig


def accountant_of(config: RunConfig) -> Accountant:
    """Returns the accountant that the settings name."""
    return Accountant(config.privacy.accountant, config.privacy.delta)


def settle(config: RunConfig, federated: FederatedImages) -> Mechanism | None:
    """Returns how training is made private, with the noise that follows; None if it is not.

    Raises:
        ConfigError: if delta is so large that whole records could be told, or no noise suffices.
    """
    return settle_for(config, min(units_of(federated)))


def settle_for(config: RunConfig, fewest: int) -> Mechanism | None:
    """As `settle`, for clients that all hold `fewest` units or more."""
    if config.privacy.noise == "none":
        return None
    if config.privacy.noise != "client" and config.privacy.delta * fewest >= 1:
        raise ConfigError(
            f"--delta={config.privacy.delta}: must be below 1 / {fewest}, as the smallest "
            f"client has {fewest} units; telling some of them at random would satisfy it"
        )
    mechanism = Mechanism(
        noise=config.privacy.noise,
        engine=config.privacy.engine,
        unit="client" if config.privacy.noise == "client" else config.privacy.unit,
        clipping_norm=config.privacy.clipping_norm,
        noise_multiplier=config.privacy.noise_multiplier,
        lot_size=config.privacy.lot_size,
        steps=1 if config.privacy.noise == "client" else config.privacy.local_steps,
        shares=_shares(config),
    )
    target = config.privacy.epsilon or math.inf
    accountant = accountant_of(config)
    if not mechanism.noise_multiplier and target < math.inf:
        # The client with the fewest units has the largest sampling rate.
        all_steps = mechanism.after(config.training.rounds, fewest)
        try:
            mechanism = mechanism.with_noise(accountant.noise_multiplier(target, all_steps))
        except ValueError as error:
            raise ConfigError(f"--epsilon={config.privacy.epsilon}: {error}") from None
    first = accountant.epsilon(mechanism.after(1, fewest))
    if first > target:
        raise ConfigError(
            f"--epsilon={config.privacy.epsilon}: the first round would spend {first:.3g} with "
            f"--noise_multiplier={config.privacy.noise_multiplier}: use more noise, fewer "
            "--local_steps, or leave --noise_multiplier out to have it follow"
        )
    _check_drawn(config, mechanism)
    return mechanism


def _check_drawn(config: RunConfig, mechanism: Mechanism) -> None:
    """Refuses shares of discrete noise that are larger than can be drawn."""
    if mechanism.noise != "distributed":
        return
    step = config.optimizer.learning_rate / mechanism.lot_size * 2.0**config.sums.fraction_bits
    deviation = mechanism.noise_multiplier * mechanism.clipping_norm * step
    if deviation / math.sqrt(mechanism.shares) > MAX_SHARE / 2:  # the rest is for rounding
        raise ConfigError(
            f"--dp_noise=distributed: the noise would be {deviation:.2g} steps of the sum's grid, "
            "more than can be drawn: lower --fraction_bits, --learning_rate or the noise"
        )


def units_of(federated: FederatedImages) -> list[int]:
    """Returns how many units each client trains on."""
    return [client.num_units for client in federated.clients]


def _shares(config: RunConfig) -> int:
    """How many clients' noise a sum is certain to have."""
    protocol = SCHEMES[config.run.scheme].protocol
    if protocol is None:
        return 1
    plan = BINDINGS[protocol].plan(config.protocol_settings(), config.group_sizes[0])
    return honest_shares(config, plan)


def honest_shares(config: RunConfig, plan: ProtocolPlan) -> int:
    """Returns how many of the fewest survivors of a sum are counted on for their noise."""
    return max(1, math.floor(config.privacy.honest_fraction * plan.survivors + 1e-9))
