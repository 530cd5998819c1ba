"""Packs what the clients hold into files that a TFF worker reads by client number.

A file holds one part of one client: all labels (one byte each), then all pixels (uint8), in the
order of the examples. Its length gives their number, so it needs no header. Where a part is too
large to be in memory, the file holds labels alone, and a folder beside it has a file for the pixels
of each example, named by its position. Where examples are ordered by group, another file of a
client has the number of training examples of each (int32).
"""

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tff_health.atomic import make_private, open_private
from tff_health.data.examples import Examples
from tff_health.data.federated import FederatedImages
from tff_health.data.pixels import HELD_BYTES

PARTS = ("training", "validation")
_BLOCK_BYTES = 4096  # of a file system; a smaller image gains nothing by a file of its own
UNITS_FILE = "units-"  # and the client's number
_COMPLETE = "complete.sha256"


def part_file(part: str, client: int | str) -> str:
    """Name of the file that holds `part` ("training" or "validation") of a client."""
    return f"{part}-{client}.bin"


def part_folder(part: str, client: int | str) -> str:
    """Name of the folder that holds the images of `part` where they have files of their own."""
    return f"{part}-{client}"


def packed_in_pieces(federated: FederatedImages) -> bool:
    """Whether `pack_clients` gives images files of their own, as a client has too many to hold."""
    parts = [getattr(client, part) for client in federated.clients for part in PARTS]
    image_bytes = int(np.prod(federated.images.image_shape))
    return image_bytes >= _BLOCK_BYTES and max(map(len, parts)) * image_bytes > HELD_BYTES


def pack_clients(
    federated: FederatedImages,
    folder: Path,
    progress: Callable[[int, int], None],
    first: int = 0,
) -> None:
    """Writes every client's files into `folder`, unless just these are there already, undamaged.

    Args:
        federated: what the clients hold.
        folder: made if needed, for its user alone; what an interrupted call left in it is replaced.
        progress: called with (clients packed, clients in all) after each client.
        first: number of the first client.

    Raises:
        OSError: if the folder cannot be written to or the disk is full; nothing is left behind.
    """
    digest = federated.digest() + federated.images.digest
    stamp = folder / _COMPLETE
    try:
        if stamp.read_text(encoding="utf-8") == _stamp(digest, folder):
            return
    except (OSError, ValueError):
        pass  # packed anew
    shutil.rmtree(folder, ignore_errors=True)
    make_private(folder)
    write = _write_pieces if packed_in_pieces(federated) else _write
    try:
        for number, client in enumerate(federated.clients, first):
            for part in PARTS:
                write(federated, getattr(client, part), folder, part, number)
            if client.units is not None:
                with open_private(folder / f"{UNITS_FILE}{number}") as file:
                    file.write(client.units.astype("<i4").tobytes())
            progress(number - first + 1, len(federated.clients))
        stamp.write_text(_stamp(digest, folder), encoding="utf-8")
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _stamp(digest: str, folder: Path) -> str:
    """What a complete folder is known by: whose images it has, and the digest of every file."""
    lines = [digest]
    for path in sorted(path for path in folder.iterdir() if path.name != _COMPLETE):
        lines.append(f"{_digest(path)} {path.name}")
    return "\n".join(lines)


def _digest(path: Path) -> str:
    if not path.is_dir():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    sha256 = hashlib.sha256()
    for image in sorted(path.iterdir()):
        sha256.update(f"{image.name}\n".encode())
        sha256.update(image.read_bytes())
    return sha256.hexdigest()


def _write(
    federated: FederatedImages, examples: Examples, folder: Path, part: str, client: int
) -> None:
    with open_private(folder / part_file(part, client)) as file:
        file.write(examples.labels.tobytes())
        for pixels in examples.pixels(federated.images, federated.augmenter):
            file.write(pixels.tobytes())
        file.flush()
        os.fsync(file.fileno())


def _write_pieces(
    federated: FederatedImages, examples: Examples, folder: Path, part: str, client: int
) -> None:
    with open_private(folder / part_file(part, client)) as file:
        file.write(examples.labels.tobytes())
    images = folder / part_folder(part, client)
    images.mkdir(mode=0o700)
    position = 0
    for pixels in examples.pixels(federated.images, federated.augmenter):
        for image in pixels:
            # Not synced each: what a power cut leaves of them does not agree with the stamp.
            with open_private(images / str(position)) as file:
                file.write(image.tobytes())
            position += 1
