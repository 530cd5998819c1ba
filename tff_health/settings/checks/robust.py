"""Checks of the settings of robust means, together and beside others."""

from tff_health.settings.config import RunConfig
from tff_health.settings.groups.robust import OF_GROUPS
from tff_health.settings.table import SETTINGS
from tff_health.settings.words import no_effect, shown

_ALONE = ("none", "local")
"""Noise with which an update is as private by itself as in the sum of a group, or not at all."""


def problems(config: RunConfig) -> list[str]:
    """Says what is wrong with settings whose values are allowed, together."""
    robust, noise, found = config.robust, config.privacy.noise, []
    if robust.update_norm and noise != "none":
        found.append(
            f"{shown('update_norm', robust.update_norm)}: not with --dp_noise={noise}, which "
            "bounds updates itself, and whose noise would be cut"
        )
    if not config.has_groups:
        return found + [
            no_effect(shown(name, config.value(name)), "--robust=none")
            for name in OF_GROUPS
            if config.value(name) != SETTINGS[name].default
        ]
    if robust.rule != "trimmed_mean" and robust.trimmed_share != SETTINGS["trimmed_share"].default:
        share = shown("trimmed_share", robust.trimmed_share)
        found.append(no_effect(share, f"--group_rule={robust.rule}"))
    if noise not in _ALONE:
        found.append(
            f"--robust=groups: not with --dp_noise={noise}, whose noise is enough for the sum of a "
            f"whole cohort and not for that of a group; allowed are {', '.join(_ALONE)}"
        )
    if config.has_clock:
        found.append(
            f"--robust=groups: not with {shown('client_times', config.clock.client_times)}, as "
            "virtual time knows one sum a round"
        )
    return found + _size_problems(config)


def _size_problems(config: RunConfig) -> list[str]:
    size, cohort = config.robust.group_size, config.cohort.clients_per_round
    if cohort < 2 * size:
        return [
            f"{shown('group_size', size)}: {cohort} clients a round make no two groups of that "
            f"size: lower it, or take {2 * size} clients or more"
        ]
    left = cohort - config.num_dropouts
    if config.cohort.dropout_draw == "exact" and left < size:
        return [
            f"--dropout_rate={config.cohort.dropout_rate}: leaves {left} of {cohort} clients, too "
            f"few for a group of {size}: lower it"
        ]
    return []
