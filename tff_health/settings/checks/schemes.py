"""Checks of settings that concern who drops out, and how sums are computed."""

from crypto.protocols.dealing.session import GroupDealing
from tff_health.schemes import SCHEMES
from tff_health.secure_aggregation import bindings
from tff_health.settings.config import RunConfig
from tff_health.settings.table import SETTINGS
from tff_health.settings.words import nearest, no_effect, scheme_has_no_effect, shown


def problems(config: RunConfig) -> list[str]:
    """Says what is wrong with settings whose values are allowed, for the scheme that they name."""
    scheme = SCHEMES[config.run.scheme]
    found = _foreign(config)
    if scheme.protocol is None:
        return found
    if (
        config.protocol.he != "paillier"
        and config.protocol.key_bits != SETTINGS["key_bits"].default
    ):
        key_bits = shown("key_bits", config.protocol.key_bits)
        found.append(no_effect(key_bits, f"--he={config.protocol.he}"))
    if config.protocol.topology == "sparse" and config.protocol.threshold:
        found.append(f"--threshold={config.protocol.threshold}: --topology=sparse sets its own")
    found += _norm_problems(config)
    return [*found, *_plan_problems(config, scheme.protocol), *_size_problems(config)]


def _norm_problems(config: RunConfig) -> list[str]:
    """Whether a bound on norms can be proven."""
    bound = config.protocol.norm_bound
    if not bound:
        return []
    if not config.protocol.verify:
        return [f"--norm_bound={bound}: proofs are of commitments, which --verify makes: add it"]
    if config.privacy.noise != "none":
        return [f"--norm_bound={bound}: --dp_noise={config.privacy.noise} clips updates itself"]
    return []


def _foreign(config: RunConfig) -> list[str]:
    """Settings that the scheme does not use, and that are not as they are by default."""
    scheme, found = config.run.scheme, []
    for name, setting in SETTINGS.items():
        if scheme in setting.schemes:
            continue
        value = config.value(name)
        only = config.cohort.num_clients if name == "clients_per_round" else setting.default
        if value != only:
            found.append(scheme_has_no_effect(name, value, scheme))
    return found


def _plan_problems(config: RunConfig, protocol: str) -> list[str]:
    """What the protocol says about stages and dropouts."""
    binding, cohort = bindings.BINDINGS[protocol], config.cohort
    try:
        stages = binding.build(config.protocol_settings()).stages
        # The first has the fewest clients, and so the fewest survivors.
        plan, *_ = [binding.plan(config.protocol_settings(), n) for n in config.group_sizes]
    except ValueError as error:
        return [f"--scheme={config.run.scheme}: {error}"]
    stages = (*GroupDealing.stages, *stages) if config.has_groups else stages
    found = [
        f"--dropout_stages={stage}: unknown stage '{stage}'; choose from: {', '.join(stages)}"
        f"{nearest(stage, stages)}"
        for stage in cohort.dropout_stages
        if stage not in stages
    ]
    wanted = config.clock.buffer_size or cohort.clients_per_round
    least = wanted - config.num_dropouts
    # With groups, who is left in which is not known: those below their threshold are left out.
    is_known = cohort.dropout_draw == "exact" and not config.has_groups
    if is_known and least < plan.survivors:
        found.append(
            f"--dropout_rate={cohort.dropout_rate}: leaves {least} of {wanted} "
            f"clients, and {plan.survivors} must survive a round: lower it"
            f"{_or_threshold(config.run.scheme, least)}"
        )
    return found


def _or_threshold(scheme: str, left: int) -> str:
    """Says that a lower threshold helps too, where there is one."""
    has_one = scheme in SETTINGS["threshold"].schemes
    return f", or set --threshold to {left}" if has_one else ""


def _size_problems(config: RunConfig) -> list[str]:
    """Whether the sums have room."""
    found, quality, clients = [], config.quality, config.cohort.num_clients
    if config.max_update_weight * clients > bindings.MAX_QUALITY_SUM:
        found.append(
            f"--max_quality={quality.largest}: with {quality.decimals} decimals and {clients} "
            f"clients, sums exceed {bindings.MAX_QUALITY_SUM}: lower it"
        )
    try:
        config.modulus_bits  # noqa: B018 - raises if there is none
    except ValueError as error:
        found.append(f"--fraction_bits, --clip_range, --max_quality: {error}")
    return found
