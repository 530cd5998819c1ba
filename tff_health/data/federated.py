"""From images to what each client holds: split, partition, validation parts, and their digests."""

from dataclasses import dataclass

from tff_health.data.augment import Augmenter
from tff_health.data.examples import Examples, digest_of
from tff_health.data.images import LabelledImages, class_counts
from tff_health.data.partition import PartitionSpec, partition
from tff_health.data.split import hold_out_validation, split_images


@dataclass(frozen=True, eq=False)
class ClientExamples:
    """What one client holds; `validation` may be empty at very small clients."""

    training: Examples
    validation: Examples


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

    def digest(self) -> str:
        """SHA-256, in hex, of every part: two runs with one digest saw the same examples."""
        parts = [part for client in self.clients for part in (client.training, client.validation)]
        return digest_of([*parts, self.test])

    def describe(self) -> dict[str, object]:
        """Sizes, class counts and digests, as written to config.json."""
        names = self.images.class_names

        def counts(part: Examples) -> dict[str, int]:
            return class_counts(part.labels, names)

        return {
            "form": self.images.form,
            "images": len(self.images),
            "image_shape": list(self.images.image_shape),
            "class_counts": class_counts(self.images.labels, names),
            "data_sha256": self.images.digest(),
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
    images: LabelledImages, split_name: str, copies: int, spec: PartitionSpec, seed: int
) -> FederatedImages:
    """Splits `images` and shares the training part out, reproducibly for one `seed`.

    Args:
        images: the whole data set.
        split_name: "paper", "clean" or "given".
        copies: augmented copies of each training image under the `clean` split.
        spec: how the training part is shared out.
        seed: of the experiment.

    Raises:
        DataError: if the images allow no such split or partition.
    """
    split = split_images(images, split_name, copies, seed)
    parts = partition(images, split.train, spec, seed)
    clients = [
        ClientExamples(*hold_out_validation(images, part, split, seed, number))
        for number, part in enumerate(parts)
    ]
    return FederatedImages(
        images, Augmenter(len(images), seed), tuple(clients), split.test, split_name
    )
