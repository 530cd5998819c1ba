"""Examples: which image, in which augmented copy, with which label.

Splits and partitions move these small arrays about; pixels are only made when clients are packed.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tff_health.data.augment import Augmenter
from tff_health.data.images import LabelledImages
from tff_health.data.pixels import pieces_of


@dataclass(frozen=True, eq=False)
class Examples:
    """A sequence of examples drawn from a `LabelledImages`.

    Attributes:
        rows: int64 (n,), rows of the images.
        copies: uint8 (n,), 0 for the image itself, 1 and up for its augmented copies.
        labels: uint8 (n,), the label that training sees (wrong on purpose under label noise).
    """

    rows: NDArray[np.int64]
    copies: NDArray[np.uint8]
    labels: NDArray[np.uint8]

    @classmethod
    def originals(cls, images: LabelledImages, rows: NDArray[np.int64] | None = None) -> Self:
        """The images themselves, with their true labels; `rows` chooses some of them."""
        rows = np.arange(len(images)) if rows is None else rows
        return cls(rows, np.zeros(len(rows), np.uint8), images.labels[rows])

    @classmethod
    def joined(cls, parts: "Sequence[Examples]") -> Self:
        """All examples of several sequences, in order."""
        return cls(
            np.concatenate([part.rows for part in parts]),
            np.concatenate([part.copies for part in parts]),
            np.concatenate([part.labels for part in parts]),
        )

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, positions: NDArray[np.int64]) -> Self:
        """The examples at `positions`, in that order."""
        return type(self)(self.rows[positions], self.copies[positions], self.labels[positions])

    def with_labels(self, labels: NDArray[np.uint8]) -> Self:
        """The same images under other labels."""
        return type(self)(self.rows, self.copies, labels)

    def with_copies(self, number: int) -> Self:
        """Each original followed by `number` augmented copies of it, with the same label."""
        repeats = number + 1
        return type(self)(
            np.repeat(self.rows, repeats),
            np.tile(np.arange(repeats, dtype=np.uint8), len(self)),
            np.repeat(self.labels, repeats),
        )

    def digest(self) -> str:
        """SHA-256, in hex, of rows, copies and labels in their order."""
        return digest_of([self])

    def pixels(self, images: LabelledImages, augmenter: Augmenter) -> Iterator[NDArray[np.uint8]]:
        """Yields the pixels, uint8 (m, height, width, channels), in order, in pieces."""
        return pieces_of(ExamplePixels(self, images, augmenter))


class ExamplePixels:
    """The pixels of examples, made anew each time that they are asked for.

    Args:
        examples: whose they are.
        images: where they come from.
        augmenter: makes the augmented copies.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, examples: Examples, images: LabelledImages, augmenter: Augmenter) -> None:
        self.shape = (len(examples), *images.image_shape)
        self._examples, self._images, self._augmenter = examples, images, augmenter

    def __len__(self) -> int:
        return len(self._examples)

    def __getitem__(self, rows: Any) -> NDArray[np.uint8]:
        """Makes uint8 (m, height, width, channels) of the examples that a slice or rows name."""
        chosen = self._examples.take(np.arange(len(self))[rows])
        return self._augmenter.draw(self._images.pixels, chosen.rows, chosen.copies)


def digest_of(parts: Iterable[Examples]) -> str:
    """SHA-256, in hex, of several sequences of examples, in order."""
    sha256 = hashlib.sha256()
    for part in parts:
        sha256.update(len(part).to_bytes(8, "little"))
        for values in (part.rows.astype("<i8"), part.copies, part.labels):
            sha256.update(values.tobytes())
    return sha256.hexdigest()
