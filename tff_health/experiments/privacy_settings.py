"""The settings of differential privacy: defaults, checks, and what follows from them."""

import math
from typing import TYPE_CHECKING, Any

from tff_health.data.catalog import DATA_SETS
from tff_health.data.federated import FederatedImages
from tff_health.errors import ConfigError
from tff_health.experiments.counts import MAX_SEED, count_problems
from tff_health.privacy.accounting import ACCOUNTANTS, Accountant
from tff_health.privacy.settings import (
    ENGINES,
    LARGEST_EXACT_BITS,
    NOISES,
    UNITS,
    PrivacySettings,
    calibrated,
)
from tff_health.runtime.bindings import BINDINGS
from tff_health.schemes import SCHEMES

if TYPE_CHECKING:
    from tff_health.experiments.config import RunConfig

# What a run without differential privacy has; others are refused there.
PRIVACY_DEFAULTS: dict[str, Any] = {
    "dp_noise": "none",
    "dp_engine": "fast",
    "dp_unit": "record",
    "epsilon": 0.0,
    "delta": 1e-5,
    "noise_multiplier": 0.0,
    "clipping_norm": 1.0,
    "lot_size": 512,
    "local_steps": 20,
    "accountant": "pld",
    "honest_fraction": 1.0,
    "noise_seed": -1,
}
# What distributed noise has unless said otherwise: rounding costs it less, the finer the grid is.
FINE_GRID: dict[str, Any] = {"fraction_bits": 24, "clip_range": 1.0}
CHOICES = {
    "dp_noise": NOISES,
    "dp_engine": ENGINES,
    "dp_unit": UNITS,
    "accountant": ACCOUNTANTS,
}
_EXACT_SUMS = ("bonawitz", "fang")  # which show nothing but the sum of updates of weight 1


def range_problems(config: "RunConfig") -> list[str]:
    """Says which values are out of range."""
    problems = []
    if not 0 < config.clipping_norm < math.inf:
        problems.append(f"--clipping_norm={config.clipping_norm}: must be above 0 and finite")
    if not 0 < config.delta < 1:
        problems.append(f"--delta={config.delta}: must be above 0 and below 1")
    for name in ("epsilon", "noise_multiplier"):
        if not 0 <= getattr(config, name) < math.inf:
            problems.append(f"--{name}={getattr(config, name)}: must be 0 or more, and finite")
    problems += count_problems(config, ("lot_size", "local_steps"))
    if not 0 < config.honest_fraction <= 1:
        problems.append(
            f"--honest_fraction={config.honest_fraction}: must be above 0 and at most 1"
        )
    if not -1 <= config.noise_seed <= MAX_SEED:
        problems.append(
            f"--noise_seed={config.noise_seed}: must be 0 or more, or -1 for the operating system; "
            f"at most {MAX_SEED}"
        )
    return problems


def epsilons_problems(epsilons: tuple[str, ...]) -> list[str]:
    """Says what is wrong with a list of budgets."""
    text = ",".join(epsilons)
    try:
        numbers = [float(epsilon) for epsilon in epsilons]
    except ValueError:
        return [f"--epsilons={text}: must be numbers, or inf, joined by commas"]
    if not numbers or len(set(numbers)) != len(numbers) or not all(n > 0 for n in numbers):
        return [f"--epsilons={text}: must be one or more numbers above 0, none twice"]
    return []


def problems(config: "RunConfig") -> list[str]:
    """Says what is wrong with settings whose values are allowed, together."""
    noise = config.dp_noise
    if noise == "none":
        return [
            f"--{name}={getattr(config, name)}: means nothing without --dp_noise"
            for name, default in PRIVACY_DEFAULTS.items()
            if getattr(config, name) != default
        ]
    found = []
    if not (config.epsilon or config.noise_multiplier or config.epsilons):
        found.append(
            f"--dp_noise={noise}: give --epsilon, --noise_multiplier, or both, above 0; "
            "0 says that there is none"
        )
    if not SCHEMES[config.scheme].shares:
        found.append(f"--scheme={config.scheme}: shares nothing that noise would have to protect")
    if noise == "client":
        return [*found, *_client_level_problems(config)]
    if config.augment_copies:
        found.append(
            f"--augment_copies={config.augment_copies}: copies of an image would count as records "
            "of their own; use --augment_copies=0 and --train_flips"
        )
    if config.class_balance:
        found.append(
            f"--class_balance={config.class_balance}: lots are drawn without looking at labels"
        )
    if config.dp_unit == "lesion" and not (
        DATA_SETS[config.dataset].shows_lesions and config.split == "clean"
    ):
        found.append(
            "--dp_unit=lesion: needs a data set that tells which images show the same lesion, and "
            f"--split=clean; found --dataset={config.dataset} --split={config.split}"
        )
    if noise == "distributed":
        found += _distributed_problems(config)
    return found


def _distributed_problems(config: "RunConfig") -> list[str]:
    found = []
    for name, only in (("local_steps", 1), ("client_momentum", 0.0), ("noise_seed", -1)):
        if getattr(config, name) != only:
            found.append(
                f"--{name}={getattr(config, name)}: --dp_noise=distributed allows {only} only"
                + ("; --server_momentum does the same" if name == "client_momentum" else "")
            )
    if config.scheme not in _EXACT_SUMS:
        found.append(
            f"--scheme={config.scheme}: --dp_noise=distributed needs one that shows nothing but an "
            f"exact sum: {', '.join(_EXACT_SUMS)}"
        )
    if config.clip_range * 2.0**config.fraction_bits > 2.0**LARGEST_EXACT_BITS:
        found.append(
            f"--fraction_bits={config.fraction_bits}, --clip_range={config.clip_range}: "
            "--dp_noise=distributed needs clip_range * 2^fraction_bits of at most "
            f"2^{LARGEST_EXACT_BITS}: use --fraction_bits=24 --clip_range=1"
        )
    return found


def _client_level_problems(config: "RunConfig") -> list[str]:
    found = [
        f"--{name}={getattr(config, name)}: means nothing to --dp_noise=client"
        for name in ("dp_engine", "dp_unit", "lot_size", "local_steps", "honest_fraction")
        if getattr(config, name) != PRIVACY_DEFAULTS[name]
    ]
    if config.scheme not in _EXACT_SUMS:
        found.append(f"--scheme={config.scheme}: --dp_noise=client allows {', '.join(_EXACT_SUMS)}")
    if config.clients_per_round != config.num_clients:
        found.append(
            f"--clients_per_round={config.clients_per_round}: --dp_noise=client takes all "
            f"{config.num_clients} clients into every round"
        )
    if config.dropout_rate:
        found.append(
            f"--dropout_rate={config.dropout_rate}: --dp_noise=client needs all of a cohort, as "
            "its noise is scaled for them"
        )
    return found


def settle(config: "RunConfig", federated: FederatedImages) -> PrivacySettings | None:
    """Returns how training is made private, with the noise that follows; None if it is not.

    Raises:
        ConfigError: if delta is so large that whole records could be told, or no noise suffices.
    """
    if config.dp_noise == "none":
        return None
    units = [client.num_units for client in federated.clients]
    if config.dp_noise != "client" and config.delta * min(units) >= 1:
        raise ConfigError(
            f"--delta={config.delta}: must be below 1 / {min(units)}, as the smallest client has "
            f"{min(units)} units; telling some of them at random would satisfy it"
        )
    unsettled = PrivacySettings(
        noise=config.dp_noise,
        engine=config.dp_engine,
        unit="client" if config.dp_noise == "client" else config.dp_unit,
        clipping_norm=config.clipping_norm,
        noise_multiplier=0.0,
        lot_size=config.lot_size,
        steps=1 if config.dp_noise == "client" else config.local_steps,
        shares=_shares(config),
    )
    accountant = Accountant(config.accountant, config.delta)
    rate = max(sampling_rates(unsettled, federated))
    try:
        multiplier = calibrated(
            *(accountant, config.epsilon or math.inf, config.noise_multiplier),
            *(rate, config.rounds * unsettled.steps),
        )
    except ValueError as error:
        raise ConfigError(f"--epsilon={config.epsilon}: {error}") from None
    first = accountant.epsilon(multiplier, rate, unsettled.steps)
    if config.epsilon and first > config.epsilon:
        raise ConfigError(
            f"--epsilon={config.epsilon}: the first round would spend {first:.3g} with "
            f"--noise_multiplier={config.noise_multiplier}: use more noise, fewer --local_steps, "
            "or leave --noise_multiplier out to have it follow"
        )
    return unsettled.with_noise(multiplier)


def sampling_rates(privacy: PrivacySettings, federated: FederatedImages) -> list[float]:
    """Q of every client; who takes part in a round is known, and amplifies nothing."""
    if privacy.unit == "client":
        return [1.0] * len(federated.clients)
    return [privacy.sampling_rate(client.num_units) for client in federated.clients]


def _shares(config: "RunConfig") -> int:
    """How many clients' noise a sum is certain to have."""
    protocol = SCHEMES[config.scheme].protocol
    if protocol is None:
        return 1
    plan = BINDINGS[protocol].plan(config.protocol_settings(), config.clients_per_round)
    return max(1, math.floor(config.honest_fraction * plan.survivors + 1e-9))
