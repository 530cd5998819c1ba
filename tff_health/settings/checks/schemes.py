"""The settings that concern who drops out and how sums are computed: defaults and checks."""

from typing import TYPE_CHECKING, Any

from tff_health.runtime import bindings
from tff_health.schemes import SCHEMES, Scheme

if TYPE_CHECKING:
    from tff_health.experiments.config import RunConfig

DROPOUT_DRAWS = ("exact", "independent")
# Settings that mean something to some schemes only; others accept these values alone.
SCHEME_DEFAULTS: dict[str, Any] = {
    "threshold": 0,
    "topology": "complete",
    "signatures": True,
    "fraction_bits": 16,
    "clip_range": 4.0,
    "secure_metrics": True,
    "dropout_stages": (),
    "quality_decimals": 2,
    "quality_distance": "squares",
    "max_quality": 1e6,
    "phi": 1,
    "group": "secp256k1",
    "key_setup": "authority",
    "proofs": False,
    "he": "paillier",
    "key_bits": 2048,
    "sparsity": 0.01,
}
_MAX_FRACTION_BITS = 50
_MAX_DECIMALS = 6


def range_problems(config: "RunConfig") -> list[str]:
    """Says which values are out of range."""
    problems = []
    if not 0 <= config.dropout_rate < 1:
        problems.append(f"--dropout_rate={config.dropout_rate}: must be from 0 to below 1")
    if not 1 <= config.clients_per_round <= config.num_clients:
        problems.append(
            f"--clients_per_round={config.clients_per_round}: must be from 1 to "
            f"--num_clients={config.num_clients}"
        )
    if not 0 <= config.quality_decimals <= _MAX_DECIMALS:
        problems.append(
            f"--quality_decimals={config.quality_decimals}: must be from 0 to {_MAX_DECIMALS}"
        )
    if config.threshold < 0:
        problems.append(f"--threshold={config.threshold}: must be 0 (the default) or more")
    if not 0 <= config.fraction_bits <= _MAX_FRACTION_BITS:
        problems.append(
            f"--fraction_bits={config.fraction_bits}: must be from 0 to {_MAX_FRACTION_BITS}"
        )
    if config.key_bits not in bindings.KEY_BITS:
        allowed = ", ".join(map(str, bindings.KEY_BITS))
        problems.append(f"--key_bits={config.key_bits}: allowed are {allowed}")
    if not 0 < config.sparsity <= 1:
        problems.append(f"--sparsity={config.sparsity}: must be above 0 and at most 1")
    if config.phi < 0:
        problems.append(f"--phi={config.phi}: must be 0 or more")
    return problems


def _or_threshold(scheme: Scheme, left: int) -> str:
    """Says that a lower threshold helps too, where there is one."""
    return f", or set --threshold to {left}" if "threshold" in scheme.settings else ""


def scheme_problems(config: "RunConfig") -> list[str]:
    """Says what is wrong with settings whose values are allowed, for the scheme that they name."""
    scheme = SCHEMES[config.scheme]
    problems = [
        f"--{name}={getattr(config, name)}: means nothing to --scheme={config.scheme}"
        for name, default in SCHEME_DEFAULTS.items()
        if name not in scheme.settings and getattr(config, name) != default
    ]
    if not scheme.shares:
        whole = {"clients_per_round": config.num_clients, "dropout_rate": 0.0}
        whole |= {"server_learning_rate": 1.0, "server_momentum": 0.0}
        problems += [
            f"--{name}={getattr(config, name)}: means nothing to --scheme={config.scheme}"
            for name, only in whole.items()
            if getattr(config, name) != only
        ]
    if scheme.protocol is None:
        return problems
    if config.he != "paillier" and config.key_bits != SCHEME_DEFAULTS["key_bits"]:
        problems.append(f"--key_bits={config.key_bits}: means nothing to --he={config.he}")
    binding = bindings.BINDINGS[scheme.protocol]
    if config.topology == "sparse" and config.threshold:
        problems.append(f"--threshold={config.threshold}: --topology=sparse sets its own")
    try:
        stages = binding.build(config.protocol_settings()).stages
        plan = binding.plan(config.protocol_settings(), config.clients_per_round)
    except ValueError as error:
        return [*problems, f"--scheme={config.scheme}: {error}"]
    problems += [
        f"--dropout_stages: '{stage}' is none; there are {', '.join(stages)}"
        for stage in config.dropout_stages
        if stage not in stages
    ]
    least = config.clients_per_round - config.num_dropouts
    if config.dropout_draw == "exact" and least < plan.survivors:
        problems.append(
            f"--dropout_rate={config.dropout_rate}: leaves {least} of {config.clients_per_round} "
            f"clients, and {plan.survivors} must survive a round: lower it"
            f"{_or_threshold(scheme, least)}"
        )
    if config.max_update_weight * config.num_clients > bindings.MAX_QUALITY_SUM:
        problems.append(
            f"--max_quality={config.max_quality}: with {config.quality_decimals} decimals and "
            f"{config.num_clients} clients, sums exceed {bindings.MAX_QUALITY_SUM}: lower it"
        )
    try:
        config.modulus_bits  # noqa: B018 - raises if there is none
    except ValueError as error:
        problems.append(f"--fraction_bits, --clip_range, --max_quality: {error}")
    return problems
