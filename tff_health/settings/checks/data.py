"""Checks of settings of data and clients together."""

from tff_health.data.catalog import DATA_SETS
from tff_health.data.split_names import COPIES_BY_SPLIT, SPLITS
from tff_health.settings.config import RunConfig


def problems(config: RunConfig) -> list[str]:
    """Says what is wrong with them together."""
    data, cohort, found = config.data, config.cohort, []
    data_set = DATA_SETS.get(data.dataset)
    if data_set and data.split in SPLITS and data.split not in data_set.splits:
        found.append(
            f"--split={data.split}: --dataset={data.dataset} allows {', '.join(data_set.splits)}"
        )
    if data.augment_copies != COPIES_BY_SPLIT.get(data.split, data.augment_copies):
        found.append(
            f"--augment_copies={data.augment_copies}: --split={data.split} has "
            f"{COPIES_BY_SPLIT[data.split]} copies of each image by definition"
        )
    if config.preparation.train_colours and not config.preparation.normalise:
        found.append(
            f"--train_colours={config.preparation.train_colours}: is in standard deviations of "
            "channels; add --normalise"
        )
    if not 1 <= cohort.clients_per_round <= cohort.num_clients:
        found.append(
            f"--clients_per_round={cohort.clients_per_round}: must be from 1 to "
            f"--num_clients={cohort.num_clients}"
        )
    return found
