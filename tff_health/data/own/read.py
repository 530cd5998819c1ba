"""Reads a hospital's own images, in whichever form they lie at a path."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tff_health.data.images import LabelledImages
from tff_health.data.own.arrays import list_arrays
from tff_health.data.own.folders import list_folders
from tff_health.data.own.listed import Listed, class_names
from tff_health.data.own.look import look
from tff_health.data.own.manifest import list_table
from tff_health.data.own.packing import pack
from tff_health.data.reading import Reading
from tff_health.errors import DataError

_LISTS = {"folders": list_folders, "table": list_table, "arrays": list_arrays}
_FITS = {"crop": "centre cropped", "pad": "padded with black"}


def read(path: Path, reading: Reading, cache_dir: Path) -> LabelledImages:
    """Reads the images at a path.

    Args:
        path: what `look` recognises; it is the name of the data set.
        reading: what is made of the images.
        cache_dir: folder for the decoded images; made if needed.

    Returns:
        Images (n, side, side, 1 or 3), which are read in pieces.

    Raises:
        DataError: if there is nothing that is recognised, an image cannot be read and is not to be
            skipped, or labels are not what they should be.
    """
    form = look(path)
    if reading.columns and form.kind != "table":
        raise DataError(
            f"{path}: numeric columns ({', '.join(reading.columns)}) are read from a table of "
            "images alone; name one, or leave --numeric_columns out"
        )
    listed = _LISTS[form.kind](form.path, reading)
    packed = pack(listed, reading, path, cache_dir)
    rows = [row for row in range(len(listed.places)) if row not in packed.unreadable]
    labels = [listed.labels[row] for row in rows]
    names = class_names(path, labels, listed.class_order)
    numbers = {name: number for number, name in enumerate(names)}
    return LabelledImages(
        name=str(path),
        form=_form(listed, reading, packed.pixels.shape, packed.unreadable),
        pixels=packed.pixels,
        labels=np.array([numbers[label] for label in labels], np.uint8),
        class_names=names,
        groups=_chosen(listed.groups, rows),
        sites=_chosen(listed.sites, rows),
        is_test=_chosen(listed.is_test, rows),
        numbers={
            name: np.array([values[row] for row in rows], np.float64)
            for name, values in listed.numbers.items()
        },
        unreadable=tuple((listed.places[row], reason) for row, reason in packed.unreadable.items()),
    )


def _chosen(values: Sequence[Any] | None, rows: Sequence[int]) -> NDArray[Any] | None:
    return None if values is None else np.array([values[row] for row in rows])


def _form(
    listed: Listed, reading: Reading, shape: tuple[int, ...], unreadable: dict[int, str]
) -> str:
    parts = [listed.form]
    if listed.decoded_by:
        parts.append(
            f"{_FITS[reading.fit]} and brought to {shape[2]}x{shape[1]} by {listed.decoded_by}"
        )
    parts += listed.notes
    if listed.groups is None:
        parts.append("nothing says which images are of one patient")
    if unreadable:
        reasons = Counter(unreadable.values()).most_common()
        told = ", ".join(f"{count:,} as {reason}" for reason, count in reasons)
        parts.append(f"{len(unreadable):,} of {len(listed.places):,} images left out: {told}")
    return "; ".join(parts)
