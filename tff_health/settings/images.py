"""The images that settings ask for: read, and shared out among clients."""

from pathlib import Path

from tff_health.data import catalog
from tff_health.data.federated import FederatedImages, federate
from tff_health.data.images import LabelledImages
from tff_health.settings.config import RunConfig


def load_images(config: RunConfig, data_dir: Path | None, cache_dir: Path) -> LabelledImages:
    """Reads the data set.

    Args:
        config: names it, and says what is made of images of the user's own.
        data_dir: as `data.catalog.load` takes it.
        cache_dir: likewise.

    Raises:
        ConfigError, DataError: as `data.catalog.load`.
    """
    return catalog.load(config.data.dataset, data_dir, cache_dir, config.reading)


def share_out(config: RunConfig, images: LabelledImages) -> FederatedImages:
    """Splits a data set, and shares its training part out among the clients.

    Args:
        config: says how.
        images: the whole data set.

    Raises:
        DataError: if the images allow no such split or partition.
    """
    return federate(
        images,
        config.data.split,
        config.data.augment_copies,
        config.partition_spec,
        config.run.seed,
        by_group=config.by_group,
        validation_fraction=config.data.validation_fraction,
    )
