"""Checks images as clients and server hold them."""

from pathlib import Path

from tff_health.checking.alike import find_alike
from tff_health.checking.facts import Facts, find_facts
from tff_health.data.federated import FederatedImages

MOST_IN_REPORTS = 20_000
"""Images of which a run's report still says which look the same, as that takes it seconds."""


def check(
    federated: FederatedImages, partition: str, cache_dir: Path | None, most: int | None = None
) -> Facts:
    """Finds what there is to know of images.

    Args:
        federated: images, and what clients and server hold of them.
        partition: how they were shared out, for people.
        cache_dir: where it is kept which images are alike; None to keep nothing.
        most: of more images, it is not looked which look the same; None to look always.
    """
    digest = federated.images.digest
    alike = find_alike(federated.images.pixels, digest, cache_dir, most)
    return find_facts(federated, partition, alike, digest)
