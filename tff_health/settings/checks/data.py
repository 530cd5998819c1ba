"""Checks of settings of data and clients together."""

from tff_health.data.catalog import DataSet, find
from tff_health.data.reading import MIN_SIDE
from tff_health.data.split_names import COPIES_BY_SPLIT, SPLITS
from tff_health.schemes import SCHEMES
from tff_health.settings.config import RunConfig
from tff_health.settings.groups.data import OF_OWN_IMAGES
from tff_health.settings.table import SETTINGS
from tff_health.settings.words import no_effect, shown

_FEWEST_IN_A_SUM = 3


def problems(config: RunConfig) -> list[str]:
    """Says what is wrong with them together."""
    data, cohort, found = config.data, config.cohort, []
    data_set = find(data.dataset)
    if data.split in SPLITS and data.split not in data_set.splits:
        found.append(
            f"--split={data.split}: --dataset={data.dataset} allows {', '.join(data_set.splits)}"
        )
    if data.augment_copies != COPIES_BY_SPLIT.get(data.split, data.augment_copies):
        found.append(
            f"--augment_copies={data.augment_copies}: --split={data.split} has "
            f"{COPIES_BY_SPLIT[data.split]} copies of each image by definition"
        )
    found += _reading_problems(config, data_set)
    if config.preparation.train_colours and config.preparation.normalise == "none":
        found.append(
            f"--train_colours={config.preparation.train_colours}: is in standard deviations of "
            "channels; add --normalise"
        )
    if config.preparation.normalise == "secure" and 1 < cohort.num_clients < _FEWEST_IN_A_SUM:
        found.append(
            f"--normalise=secure: a sum of --num_clients={cohort.num_clients} gives one's numbers "
            f"to the other; {_FEWEST_IN_A_SUM} or more are needed"
        )
    if config.preparation.normalise == "secure" and not SCHEMES[config.run.scheme].shares:
        found.append(
            f"--normalise=secure: with --scheme={config.run.scheme} clients share nothing; leave "
            "it out, or have --experiment=schemes do without such runs (--nobaselines)"
        )
    if not 1 <= cohort.clients_per_round <= cohort.num_clients:
        found.append(
            f"--clients_per_round={cohort.clients_per_round}: must be from 1 to "
            f"--num_clients={cohort.num_clients}"
        )
    return found


def _reading_problems(config: RunConfig, data_set: DataSet) -> list[str]:
    """What is wrong with settings of images of the user's own."""
    if data_set.is_own:
        if config.preparation.normalise == "public":
            return [
                "--normalise=public: there are no public constants for images of your own; use "
                "--normalise=secure, or leave it out"
            ]
        if 0 < config.data.image_size < MIN_SIDE:
            return [f"--image_size={config.data.image_size}: must be {MIN_SIDE} or more"]
        return []
    return [
        no_effect(
            shown(name, config.value(name)),
            f"--dataset={data_set.name}",
            used_with=", or name images of your own by their path (also HAM10000's table)",
        )
        for name in OF_OWN_IMAGES
        if config.value(name) != SETTINGS[name].default
    ]
