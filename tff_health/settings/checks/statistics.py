"""Checks of settings of federated statistics."""

from tff_health.data.catalog import find
from tff_health.data.numeric_columns import NumericColumn
from tff_health.errors import ConfigError
from tff_health.secure_aggregation import bindings
from tff_health.settings.config import RunConfig
from tff_health.settings.words import no_effect, shown

PROTOCOL = "double_masking"
"""What sums statistics: a key of `secure_aggregation.bindings.BINDINGS`."""


def problems(config: RunConfig) -> list[str]:
    """Says what is wrong with them together."""
    return [*_column_problems(config), *_plan_problems(config), *_privacy_problems(config)]


def _column_problems(config: RunConfig) -> list[str]:
    texts, found = config.statistics.numeric_columns, []
    if texts and not find(config.data.dataset).is_own:
        return [
            no_effect(
                shown("numeric_columns", texts),
                f"--dataset={config.data.dataset}",
                used_with=", which has no table; name a table of images by its path",
            )
        ]
    names = []
    for text in texts:
        try:
            names.append(NumericColumn.parse(text).name.lower())
        except ConfigError as error:
            found.append(f"--numeric_columns: {error}")
    if len(set(names)) < len(names):
        found.append(f"{shown('numeric_columns', texts)}: names a column twice")
    return found


def _plan_problems(config: RunConfig) -> list[str]:
    cohort, settings = config.cohort, config.protocol_settings()
    if config.protocol.topology == "sparse" and config.protocol.threshold:
        return [f"--threshold={config.protocol.threshold}: --topology=sparse sets its own"]
    binding = bindings.BINDINGS[PROTOCOL]
    try:
        stages = binding.build(settings).stages
        plan = binding.plan(settings, cohort.num_clients)
    except ValueError as error:
        return [f"--num_clients={cohort.num_clients}: {error}"]
    found = [
        f"--dropout_stages={stage}: unknown stage '{stage}'; choose from: {', '.join(stages)}"
        for stage in cohort.dropout_stages
        if stage not in stages
    ]
    left = cohort.num_clients - config.num_dropouts
    if left < plan.survivors:
        found.append(
            f"--dropout_rate={cohort.dropout_rate}: leaves {left} of {cohort.num_clients} "
            f"clients, and {plan.survivors} must survive: lower it, or set --threshold={left}"
        )
    return found


def _privacy_problems(config: RunConfig) -> list[str]:
    privacy = config.privacy
    if privacy.epsilon and privacy.noise_multiplier:
        return [
            f"--epsilon={privacy.epsilon}, --noise_multiplier={privacy.noise_multiplier}: give "
            "one; the other follows"
        ]
    if config.data.split == "paper":
        return ["--split=paper: holds copies of images, which would be counted; use another one"]
    if privacy.unit == "group" and not (
        find(config.data.dataset).has_groups and config.data.split == "clean"
    ):
        return [
            "--dp_unit=group: needs images that say which belong together, and --split=clean; "
            f"found --dataset={config.data.dataset} --split={config.data.split}"
        ]
    return []
