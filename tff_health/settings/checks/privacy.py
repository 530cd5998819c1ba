"""Checks of the settings of differential privacy, together and beside others."""

from collections.abc import Iterable

from tff_health.data.catalog import find
from tff_health.privacy.mechanism import LARGEST_EXACT_BITS
from tff_health.schemes import SCHEMES
from tff_health.settings.config import RunConfig
from tff_health.settings.table import defaults_of
from tff_health.settings.words import no_effect, shown

_EXACT_SUMS = ("bonawitz", "fang")  # which show nothing but the sum of updates of weight 1
_DEFAULTS = defaults_of("privacy")


def problems(config: RunConfig) -> list[str]:
    """Says what is wrong with settings whose values are allowed, together."""
    privacy, scheme = config.privacy, config.run.scheme
    if privacy.noise == "none":
        return _foreign(config, _DEFAULTS, "--dp_noise=none", ", or choose another --dp_noise")
    found = []
    if config.preparation.normalise == "secure":
        found.append(
            f"--normalise=secure: tells sums without noise, so not with --dp_noise={privacy.noise}"
        )
    if not (privacy.epsilon or privacy.noise_multiplier or config.study.epsilons):
        found.append(
            f"--dp_noise={privacy.noise}: give --epsilon, --noise_multiplier, or both, above 0; "
            "0 says that there is none"
        )
    if not SCHEMES[scheme].shares:
        found.append(f"--scheme={scheme}: shares nothing that noise would have to protect")
    if privacy.noise == "client":
        return [*found, *_client_level_problems(config)]
    found += _lot_problems(config)
    if privacy.noise == "distributed":
        found += _distributed_problems(config)
    return found


def _foreign(config: RunConfig, names: Iterable[str], other: str, used_with: str) -> list[str]:
    return [
        no_effect(shown(name, config.value(name)), other, used_with=used_with)
        for name in names
        if config.value(name) != _DEFAULTS[name]
    ]


def _lot_problems(config: RunConfig) -> list[str]:
    found, data = [], config.data
    if data.augment_copies:
        found.append(
            f"--augment_copies={data.augment_copies}: copies of an image would count as records "
            "of their own; use --augment_copies=0 and --train_flips"
        )
    if config.preparation.class_balance:
        found.append(
            f"--class_balance={config.preparation.class_balance}: lots are drawn without looking "
            "at labels"
        )
    if config.privacy.unit == "group" and not (
        find(data.dataset).has_groups and data.split != "paper"
    ):
        found.append(
            "--dp_unit=group: needs a data set that tells which images belong together, and a "
            f"--split other than paper; found --dataset={data.dataset} --split={data.split}"
        )
    return found


def _distributed_problems(config: RunConfig) -> list[str]:
    found, sums = [], config.sums
    for name, only in (("local_steps", 1), ("client_momentum", 0.0), ("noise_seed", -1)):
        if config.value(name) != only:
            found.append(
                f"{shown(name, config.value(name))}: --dp_noise=distributed allows {only} only"
                + ("; --server_momentum does the same" if name == "client_momentum" else "")
            )
    if config.run.scheme not in _EXACT_SUMS:
        found.append(
            f"--scheme={config.run.scheme}: --dp_noise=distributed needs one that shows nothing "
            f"but an exact sum: {', '.join(_EXACT_SUMS)}"
        )
    if sums.clip_range * 2.0**sums.fraction_bits > 2.0**LARGEST_EXACT_BITS:
        found.append(
            f"--fraction_bits={sums.fraction_bits}, --clip_range={sums.clip_range}: "
            "--dp_noise=distributed needs clip_range * 2^fraction_bits of at most "
            f"2^{LARGEST_EXACT_BITS}: use --fraction_bits=24 --clip_range=1"
        )
    return found


def _client_level_problems(config: RunConfig) -> list[str]:
    of_lots = ("dp_engine", "dp_unit", "lot_size", "local_steps", "honest_fraction")
    found, cohort = _foreign(config, of_lots, "--dp_noise=client", ""), config.cohort
    if config.run.scheme not in _EXACT_SUMS:
        allowed = ", ".join(_EXACT_SUMS)
        found.append(f"--scheme={config.run.scheme}: --dp_noise=client allows {allowed}")
    if cohort.clients_per_round != cohort.num_clients:
        found.append(
            f"--clients_per_round={cohort.clients_per_round}: --dp_noise=client takes all "
            f"{cohort.num_clients} clients into every round"
        )
    if cohort.dropout_rate:
        found.append(
            f"--dropout_rate={cohort.dropout_rate}: --dp_noise=client needs all of a cohort, as "
            "its noise is scaled for them"
        )
    return found
