"""What must be known of all clients' data before the first round, and agreed upon."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tff_health.data.federated import FederatedImages
from tff_health.errors import DataError
from tff_health.training.mechanism import units_of


@dataclass(frozen=True)
class DataFacts:
    """Facts of the data that decide the model, the encodings and the noise, the same for all.

    Attributes:
        image_shape: (height, width, channels).
        class_names: in the order of the labels.
        most_examples: no client trains on more, or validates on more.
        fewest_units: no client holds fewer units of privacy: images, or groups of them.
    """

    image_shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    most_examples: int
    fewest_units: int

    def __post_init__(self) -> None:
        numbers = (*self.image_shape, self.most_examples, self.fewest_units)
        if len(self.image_shape) != 3 or len(self.class_names) < 2 or min(numbers) < 1:
            raise DataError(f"{self}: an image has three sizes, and all numbers are 1 or more")

    @property
    def num_classes(self) -> int:
        """How many classes there are."""
        return len(self.class_names)

    @classmethod
    def of(cls, federated: FederatedImages) -> "DataFacts":
        """Returns those of data that are all here."""
        return cls(
            federated.images.image_shape,
            federated.images.class_names,
            max(len(client.training) for client in federated.clients),
            min(units_of(federated)),
        )

    def check(self, held: FederatedImages) -> None:
        """Checks that what a client holds agrees with these facts.

        Raises:
            DataError: if it does not; it says where.
        """
        found = DataFacts.of(held)
        for name, wanted in (("image_shape", self.image_shape), ("class_names", self.class_names)):
            if getattr(found, name) != wanted:
                raise DataError(f"{name}: found {getattr(found, name)}, the study has {wanted}")
        validated = max(len(client.validation) for client in held.clients)
        if max(found.most_examples, validated) > self.most_examples:
            raise DataError(
                f"{max(found.most_examples, validated)} examples found, and the study allows a "
                f"client {self.most_examples} at most: have most_examples raised, or hold fewer"
            )
        if found.fewest_units < self.fewest_units:
            raise DataError(
                f"{found.fewest_units} units found, and the study counts on {self.fewest_units}: "
                "noise that is enough for so many would be too little"
            )

    def as_dict(self) -> dict[str, Any]:
        """Returns the facts for a file, as `from_dict` reads them."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "DataFacts":
        """Reads what `as_dict` gave.

        Raises:
            DataError: if something is missing, unknown or of another kind.
        """
        try:
            shape = tuple(int(number) for number in values["image_shape"])
            names = tuple(str(name) for name in values["class_names"])
            return cls(**{**values, "image_shape": shape, "class_names": names})
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"facts of the data: {error}") from None
