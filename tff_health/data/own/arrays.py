"""Images in an .npz file: `images` and `labels`, or the six arrays of MedMNIST's 2-D sets."""

import hashlib
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tff_health.data import files
from tff_health.data.own.fitting import squared, to_bytes, with_channels
from tff_health.data.own.listed import ImageFile, Listed, UnreadableError, class_names, shortened
from tff_health.data.own.pictures import decoder
from tff_health.data.reading import MIN_SIDE, Reading
from tff_health.errors import DataError

_PARTS: Final = ("train", "val", "test")
_BATCH_BYTES: Final = 2**25

Array = NDArray[Any]


def list_arrays(path: Path, reading: Reading) -> Listed:
    """Lists the images of an .npz file.

    Raises:
        DataError: if it is damaged, or its arrays are not what they should be.
    """
    with zipfile.ZipFile(path) as archive:
        members = {Path(name).stem for name in archive.namelist()}
    is_parted = "train_images" in members
    parts = [p for p in _PARTS if f"{p}_images" in members] if is_parted else [""]
    names = [f"{part}_images" if part else "images" for part in parts]
    counts = _check_images(path, {name: _header(path, name) for name in names})
    labels, classes = _labels(path, parts, counts)
    total = sum(counts)
    found = files.read_npz(path, (), () if is_parted else ("groups", "sites"))
    texts = {name: _texts(path, name, found.get(name), total) for name in ("groups", "sites")}
    file = ImageFile.at(path.name, path)
    found_classes = class_names(path, labels, classes)
    return Listed(
        form=f"{'MedMNIST arrays' if is_parted else 'arrays'} of {path.name}",
        places=[
            f"{name}[{row}]" for name, n in zip(names, counts, strict=True) for row in range(n)
        ],
        labels=labels,
        class_order=classes,
        groups=texts["groups"],
        sites=texts["sites"],
        is_test=[part == "test" for part, n in zip(parts, counts, strict=True) for _ in range(n)]
        if is_parted
        else None,
        notes=() if classes else _notes(found_classes),
        stamp=hashlib.sha256(f"{decoder()} {file.size} {file.changed}".encode()).hexdigest(),
        batches=partial(_batches, path, names),
        decode=partial(_decode, reading.side, reading.fit),
        decoded_by=decoder() if reading.side else "",
    )


def _notes(numbers: Sequence[str]) -> tuple[str, ...]:
    """Says so if labels are numbers that skip others."""
    if not numbers[0].isdecimal() or list(map(int, numbers)) == list(range(len(numbers))):
        return ()
    return (f"labels {shortened(numbers)} numbered anew",)


def _header(path: Path, name: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and type of an array, without reading it."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as member:
            shape, in_columns, dtype = _read_header(member)
    except files.NPZ_ERRORS as error:
        raise files.unreadable(path, error) from None
    if in_columns:
        raise DataError(f"{path}: array {name} is in Fortran's order: save a copy of it in C's")
    return shape, dtype


def _read_header(member: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    form: Any = np.lib.format
    read = {(1, 0): form.read_array_header_1_0, (2, 0): form.read_array_header_2_0}
    version = form.read_magic(member)
    if version not in read:
        raise ValueError(f"version {version} of the npy format")
    shape, in_columns, dtype = read[version](member)
    return shape, in_columns, dtype


def _check_images(
    path: Path, headers: Mapping[str, tuple[tuple[int, ...], np.dtype[Any]]]
) -> list[int]:
    """Returns how many images each array has."""
    for name, (shape, dtype) in headers.items():
        if shape and not shape[0]:
            raise DataError(f"{path}: array {name} holds no images")
        channels = shape[3] if len(shape) == 4 else 1
        if len(shape) not in (3, 4) or channels not in (1, 3) or min(shape) < 1:
            raise DataError(
                f"{path}: array {name} has shape {shape}, but must have (number, height, width), "
                "or that and 1 or 3 channels"
            )
        if min(shape[1:3]) < MIN_SIDE:
            raise DataError(
                f"{path}: images of {shape[2]}x{shape[1]} pixels, fewer than {MIN_SIDE}x{MIN_SIDE}"
            )
        if dtype not in (np.uint8, np.uint16) and dtype.kind != "f":
            raise DataError(
                f"{path}: array {name} is {dtype}, but must be uint8, uint16, or floats in [0, 1]"
            )
    shapes = {shape[1:] for shape, _ in headers.values()}
    if len(shapes) > 1:
        raise DataError(f"{path}: images of {len(shapes)} sizes: {sorted(shapes)}")
    return [shape[0] for shape, _ in headers.values()]


def _labels(
    path: Path, parts: Sequence[str], counts: Sequence[int]
) -> tuple[list[str], tuple[str, ...] | None]:
    """The class of each image, and the order of classes if they are named."""
    names = [f"{part}_labels" if part else "labels" for part in parts]
    arrays = files.read_npz(path, tuple(names), ("class_names",))
    labels: list[str] = []
    for name, count in zip(names, counts, strict=True):
        array = arrays[name]
        if array.ndim == 2 and array.shape[1] > 1:
            raise DataError(
                f"{path}: array {name} has {array.shape[1]} labels an image (multi-label, as of "
                "ChestMNIST), but must have one: such tasks are not supported"
            )
        if array.shape not in {(count,), (count, 1)} or array.dtype.kind not in "iuUb":
            raise DataError(
                f"{path}: array {name} is {array.dtype} {array.shape}, but {count:,} images need "
                f"integers or texts ({count},)"
            )
        if array.dtype.kind == "b":
            array = array.astype(np.uint8)
        if array.dtype.kind == "i" and array.min() < 0:
            raise DataError(
                f"{path}: array {name} has label {array.min()}, but they must be 0 or more: leave "
                "images without a class out"
            )
        labels += map(str, array.ravel().tolist())
    if "class_names" not in arrays:
        return labels, None
    classes = tuple(map(str, arrays["class_names"].ravel().tolist()))
    if len(set(classes)) < len(classes):
        raise DataError(f"{path}: class_names has a name twice")
    if set(labels) <= set(classes):
        return labels, classes
    wrong = [label for label in labels if not (label.isdecimal() and int(label) < len(classes))]
    if wrong:
        raise DataError(
            f"{path}: label {wrong[0]} found, but class_names has {len(classes)} names, for labels "
            f"0 to {len(classes) - 1}"
        )
    return [classes[int(label)] for label in labels], classes


def _texts(path: Path, name: str, array: Array | None, count: int) -> list[str] | None:
    if array is None:
        return None
    if array.shape not in {(count,), (count, 1)} or array.dtype.kind not in "iuU":
        raise DataError(
            f"{path}: array {name} is {array.dtype} {array.shape}, but {count:,} images need "
            f"integers or texts ({count},)"
        )
    return list(map(str, array.ravel().tolist()))


def _batches(path: Path, names: Sequence[str]) -> Iterator[Sequence[Array]]:
    """Yields the images, a few megabytes at a time."""
    for name in names:
        try:
            with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as member:
                shape, _, dtype = _read_header(member)
                size = int(np.prod(shape[1:])) * dtype.itemsize
                step = max(1, _BATCH_BYTES // size)
                for start in range(0, shape[0], step):
                    number = min(step, shape[0] - start)
                    data = member.read(number * size)
                    yield list(np.frombuffer(data, dtype).reshape(number, *shape[1:]))
        except files.NPZ_ERRORS as error:
            raise files.unreadable(path, error) from None


def _decode(side: int, fit: str, pixels: Array, channels: int) -> NDArray[np.uint8]:
    image = Image.fromarray(_as_bytes(pixels))
    return with_channels(squared(image, side, fit) if side else image, channels)


def _as_bytes(pixels: Array) -> NDArray[np.uint8]:
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    if pixels.dtype == np.uint16:
        return to_bytes(pixels, 0, 2**16 - 1)
    return pixels if pixels.dtype == np.uint8 else to_bytes(_finite(pixels), 0, 1)


def _finite(pixels: Array) -> Array:
    if not np.isfinite(pixels).all():
        raise UnreadableError("it has values that are not finite (NaN or infinity)")
    low, high = float(pixels.min()), float(pixels.max())
    if low < 0 or high > 1:
        raise UnreadableError(
            f"it has values from {low:g} to {high:g}, but floats must be in [0, 1]: scale them so, "
            "or save uint8"
        )
    return pixels
