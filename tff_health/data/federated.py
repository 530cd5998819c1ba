"""From images to what each client holds: split, partition, validation parts, and their digests."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tff_health.data.augment import Augmenter
from tff_health.data.examples import Examples, digest_of
from tff_health.data.images import LabelledImages, class_counts
from tff_health.data.partition import PartitionSpec, partition, with_whole_groups
from tff_health.data.split import VALIDATION_FRACTION, Split, hold_out_validation, split_images
from tff_health.errors import DataError


@dataclass(frozen=True, eq=False)
class ClientExamples:
    """What one client holds.

    Attributes:
        training: what it trains on.
        validation: what it puts aside; may be empty at very small clients.
        units: int32 (units,), numbers of consecutive training examples of one group; None if
            training examples are not ordered by group.
    """

    training: Examples
    validation: Examples
    units: NDArray[np.int32] | None = None

    @property
    def num_units(self) -> int:
        """How many groups, or else examples, it trains on."""
        return len(self.training if self.units is None else self.units)


@dataclass(frozen=True, eq=False)
class FederatedImages:
    """Images with the parts that clients and server hold of them.

    Attributes:
        images: the whole data set.
        augmenter: makes the augmented copies.
        clients: what each client holds, by client number.
        test: the server's test part.
        split_name: the protocol of the split, to be named beside every number.
    """

    images: LabelledImages
    augmenter: Augmenter
    clients: tuple[ClientExamples, ...]
    test: Examples
    split_name: str

    def of_client(self, client: int) -> "FederatedImages":
        """Returns what one client holds, and nothing else.

        Args:
            client: its number, from 0.

        Raises:
            DataError: if there is no such client.
        """
        if not 0 <= client < len(self.clients):
            raise DataError(f"client {client}: there are {len(self.clients)}, numbered from 0")
        nothing = self.test.take(np.empty(0, np.int64))
        held = (self.clients[client],)
        return FederatedImages(self.images, self.augmenter, held, nothing, self.split_name)

    def training_counts(self) -> NDArray[np.int64]:
        """Training examples of each client by class, int64 (clients, classes)."""
        classes = self.images.num_classes
        return np.array(
            [np.bincount(c.training.labels, minlength=classes) for c in self.clients], np.int64
        )

    def digest(self) -> str:
        """SHA-256, in hex, of every part: two runs with one digest saw the same examples."""
        parts = [part for client in self.clients for part in (client.training, client.validation)]
        return digest_of([*parts, self.test])

    def describe(self) -> dict[str, object]:
        """Sizes, class counts, digests and decoders, as written to config.json."""
        from tff_health.data.own import fingerprint

        names = self.images.class_names

        def counts(part: Examples) -> dict[str, int]:
            return class_counts(part.labels, names)

        decoding = fingerprint.take()
        return {
            "form": self.images.form,
            "decoding": {"decoders": decoding.decoders, "pixels": dict(decoding.pixels)},
            "images": len(self.images),
            "image_shape": list(self.images.image_shape),
            "class_counts": class_counts(self.images.labels, names),
            "data_sha256": self.images.digest,
            "split": self.split_name,
            "split_sha256": self.digest(),
            "test_class_counts": counts(self.test),
            "clients": [
                {
                    "training_examples": len(client.training),
                    "validation_examples": len(client.validation),
                    "training_class_counts": counts(client.training),
                    "validation_class_counts": counts(client.validation),
                }
                for client in self.clients
            ],
        }


def federate(
    images: LabelledImages,
    split_name: str,
    copies: int,
    spec: PartitionSpec,
    seed: int,
    by_group: bool = False,
    validation_fraction: float = VALIDATION_FRACTION,
) -> FederatedImages:
    """Splits `images` and shares the training part out, reproducibly for one `seed`.

    Args:
        images: the whole data set.
        split_name: "paper", "clean" or "given".
        copies: augmented copies of each training image under the `clean` split.
        spec: how the training part is shared out.
        seed: of the experiment.
        by_group: whether a client is to hold all images of a group or none, and its training
            examples are to be ordered by group.
        validation_fraction: what each client puts aside, from 0 to below 1.

    Raises:
        DataError: if the images allow no such split or partition.
    """
    split = split_images(images, split_name, copies, seed)
    parts = partition(images, split.train, spec, seed)
    if by_group:
        parts = with_whole_groups(images, parts)
    held = [
        hold_out_validation(images, part, split, seed, client, validation_fraction)
        for client, part in enumerate(parts)
    ]
    clients = [_by_group(images, *parts) if by_group else ClientExamples(*parts) for parts in held]
    return FederatedImages(
        images, Augmenter(len(images), seed), tuple(clients), split.test, split_name
    )


def hold(
    images: LabelledImages,
    client: int,
    copies: int,
    seed: int,
    by_group: bool = False,
    validation_fraction: float = VALIDATION_FRACTION,
) -> FederatedImages:
    """Gives all images to one client, which has them at its own place.

    Args:
        images: all that it has.
        client: its number, which its random draws follow from.
        copies: augmented copies of each training image.
        seed: of the experiment.
        by_group: as in `federate`.
        validation_fraction: as there.

    Raises:
        DataError: if groups are unknown, or there are fewer than two images.
    """
    everything = Examples.originals(images)
    if len(everything) < 2:
        raise DataError(f"{images.form}: a client needs two images or more, and here is less")
    parts = with_whole_groups(images, [everything]) if by_group else [everything]
    nothing = everything.take(np.empty(0, np.int64))
    split = Split("own", everything, nothing, copies)
    held = hold_out_validation(images, parts[0], split, seed, client, validation_fraction)
    holder = _by_group(images, *held) if by_group else ClientExamples(*held)
    return FederatedImages(images, Augmenter(len(images), seed), (holder,), nothing, "own")


def _by_group(images: LabelledImages, training: Examples, validation: Examples) -> ClientExamples:
    assert images.groups is not None  # noqa: S101 - `with_whole_groups` refuses None
    groups = images.groups[training.rows]
    counts = np.unique(groups, return_counts=True)[1].astype(np.int32)
    return ClientExamples(training.take(np.argsort(groups, kind="stable")), validation, counts)
