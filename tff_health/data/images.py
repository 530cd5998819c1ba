"""A set of labelled images, whatever files it came from."""

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tff_health.data.pixels import Pixels, pieces_of
from tff_health.errors import DataError


@dataclass(frozen=True, eq=False, kw_only=True)
class LabelledImages:
    """Images with labels, and what is known of their origin.

    Attributes:
        name: the data set, as in `--dataset`.
        form: one line for people on where the images came from, e.g. "packed file ham10000_28.npz".
        pixels: uint8 (n, height, width, channels) with 1 or 3 channels; read in pieces where they
            are many.
        labels: uint8 (n,), each below `len(class_names)`.
        class_names: one short name a class.
        groups: text (n,), what each image belongs to that must not be divided between training
            and test, such as a lesion or a patient; None if unknown.
        sites: text (n,), the hospital or other institution that each image came from; None if
            unknown.
        is_test: bool (n,), the publisher's own test part, or None if there is none.
        numbers: float64 (n,) each, what else is known of images by name, such as patients' age;
            NaN where it is not.
        unreadable: what was left out as it could not be read: its name, and why.

    Raises:
        DataError: if an array has another shape, dtype or range than said above.
    """

    name: str
    form: str
    pixels: Pixels
    labels: NDArray[np.uint8]
    class_names: tuple[str, ...]
    groups: NDArray[np.str_] | None = None
    sites: NDArray[np.str_] | None = None
    is_test: NDArray[np.bool_] | None = None
    numbers: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    unreadable: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if self.pixels.dtype != np.uint8:
            raise DataError(f"{self.form}: images are {self.pixels.dtype}, but must be uint8")
        if (
            len(self.pixels.shape) != 4
            or self.pixels.shape[3] not in (1, 3)
            or 0 in self.pixels.shape
        ):
            raise DataError(
                f"{self.form}: images have shape {self.pixels.shape}, but must have "
                "(number, height, width, 1 or 3) with no zero"
            )
        count = len(self.pixels)
        for part in ("labels", "groups", "sites", "is_test"):
            values = getattr(self, part)
            if values is not None and values.shape != (count,):
                raise DataError(
                    f"{self.form}: {part} have shape {values.shape}, but {count} images need "
                    f"({count},)"
                )
        if self.labels.dtype != np.uint8:
            raise DataError(f"{self.form}: labels are {self.labels.dtype}, but must be uint8")
        for part, kind in (("groups", "U"), ("sites", "U"), ("is_test", "b")):
            values = getattr(self, part)
            if values is not None and values.dtype.kind != kind:
                wanted = "text" if kind == "U" else "bool"
                raise DataError(f"{self.form}: {part} are {values.dtype}, but must be {wanted}")
        if self.labels.max() >= len(self.class_names):
            raise DataError(
                f"{self.form}: label {self.labels.max()} found, but the {len(self.class_names)} "
                f"classes are numbered 0 to {len(self.class_names) - 1}"
            )

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def num_classes(self) -> int:
        """Number of classes, present or not."""
        return len(self.class_names)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        _, height, width, channels = self.pixels.shape
        return height, width, channels

    @functools.cached_property
    def digest(self) -> str:
        """SHA-256 of pixels, labels, groups, sites and test part, in hex; names the content."""
        sha256 = hashlib.sha256(repr((self.pixels.shape, self.class_names)).encode())
        for piece in pieces_of(self.pixels):
            sha256.update(np.ascontiguousarray(piece).data)
        sha256.update(np.ascontiguousarray(self.labels).data)
        for values in (self.groups, self.sites, self.is_test):
            sha256.update(b"-" if values is None else "\n".join(map(str, values)).encode())
        for name, numbers in sorted(self.numbers.items()):
            sha256.update(name.encode() + numbers.astype("<f8").tobytes())
        return sha256.hexdigest()


def class_counts(labels: NDArray[np.uint8], class_names: tuple[str, ...]) -> dict[str, int]:
    """Number of examples by class name, in the order of the classes, absent classes included."""
    counts = np.bincount(labels, minlength=len(class_names))
    return dict(zip(class_names, counts.tolist(), strict=True))
