"""Files with one image each: read by the library for their kind, and brought to one size."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from tff_health.data.own import dicom, pictures
from tff_health.data.own.fitting import squared, with_channels
from tff_health.data.own.listed import ImageFile, Listed, UnreadableError
from tff_health.data.reading import DEFAULT_SIDE, Reading

_BATCH_BYTES = 2**26  # of pixels that are decoded and not written yet


def listed_files(
    *,
    form: str,
    files: Sequence[ImageFile],
    labels: Sequence[str],
    reading: Reading,
    class_order: Sequence[str] | None = None,
    groups: Sequence[str] | None = None,
    sites: Sequence[str] | None = None,
    is_test: Sequence[bool] | None = None,
    numbers: Mapping[str, Sequence[float]] = MappingProxyType({}),
    notes: tuple[str, ...] = (),
) -> Listed:
    """Returns what was listed of image files; see `Listed` for the arguments."""
    side = reading.side or DEFAULT_SIDE
    with_dicom = any(_may_be_dicom(file) for file in files)
    decoder = f"{pictures.decoder()}{', ' + dicom.decoder() if with_dicom else ''}"
    digest = hashlib.sha256(decoder.encode())
    for file in files:
        digest.update(
            f"\0{file.place}\0{file.size}\0{file.changed}".encode(errors="surrogateescape")
        )
    return Listed(
        form=form,
        places=[file.place for file in files],
        labels=labels,
        class_order=class_order,
        groups=groups,
        sites=sites,
        is_test=is_test,
        numbers=numbers,
        notes=notes,
        stamp=digest.hexdigest(),
        batches=partial(_batches, files, max(1, _BATCH_BYTES // (3 * side**2))),
        decode=partial(_decode, side, reading.fit),
        decoded_by=decoder,
    )


def _batches(files: Sequence[ImageFile], size: int) -> Iterator[Sequence[ImageFile]]:
    for start in range(0, len(files), size):
        yield files[start : start + size]


def _decode(side: int, fit: str, file: ImageFile, channels: int) -> NDArray[np.uint8]:
    if file.size < 0:
        raise UnreadableError("there is no such file")
    if _may_be_dicom(file) and (file.path.suffix or dicom.is_dicom(file.path)):
        image = squared(dicom.read_dicom(file.path), side, fit)
    else:
        image = pictures.read_picture(file.path, side, fit)
    return with_channels(image, channels)


def _may_be_dicom(file: ImageFile) -> bool:
    return file.path.suffix.lower() in {*dicom.SUFFIXES, ""}
