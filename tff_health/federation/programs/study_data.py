"""The data of a study: what the server tests on, and what one site holds."""

from tff_health.data import catalog
from tff_health.data.augment import Augmenter
from tff_health.data.examples import Examples
from tff_health.data.federated import FederatedImages, hold
from tff_health.data.images import LabelledImages
from tff_health.data.own import fingerprint
from tff_health.errors import ConfigError
from tff_health.federation.study import OWN_IMAGES, Study
from tff_health.settings.config import RunConfig
from tff_health.training.data_facts import DataFacts


def decoding_of(study: Study) -> bytes:
    """Returns how this installation decodes the images of a study, to be compared before round 1.

    Returns:
        32 bytes that are equal where pixels are; none if the data set holds no image files.
    """
    is_decoded = study.dataset == OWN_IMAGES or not catalog.find(study.dataset).is_embedded
    return fingerprint.take().digest if is_decoded else b""


def agreed_facts(study: Study) -> DataFacts:
    """Returns what a study on images of sites' own says of all of them.

    Raises:
        DataError: if it says what cannot be.
    """
    if study.facts is None:  # which `read_study` does not let pass
        raise ConfigError("a study on images of sites' own says in [facts] what all agree on")
    shape = study.facts.image_height, study.facts.image_width, study.facts.image_channels
    return DataFacts(
        shape, study.facts.class_names, study.facts.most_examples, study.facts.fewest_units
    )


def tested_on(config: RunConfig, images: LabelledImages) -> FederatedImages:
    """Returns images of the server as what models are evaluated on."""
    everything = Examples.originals(images)
    return FederatedImages(images, Augmenter(len(images), config.run.seed), (), everything, "own")


def held_alone(config: RunConfig, images: LabelledImages, client: int) -> FederatedImages:
    """Returns images of a site's own as what it holds.

    Args:
        config: the settings.
        images: all that the site has.
        client: its place among the study's clients, from 0.

    Raises:
        DataError: if there are too few.
    """
    return hold(
        images,
        client,
        config.data.augment_copies,
        config.run.seed,
        by_group=config.by_group,
        validation_fraction=config.data.validation_fraction,
    )
