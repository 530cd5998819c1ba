"""Packs what the clients hold into files that a TFF worker reads by client number.

A file holds one part of one client: all labels (one byte each), then all pixels (uint8), in the
order of the examples. Its length gives their number, so it needs no header. Where examples are
ordered by group, another file of a client has the number of training examples of each (int32).
"""

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from tff_health.atomic import make_private, open_private
from tff_health.data.examples import Examples
from tff_health.data.federated import FederatedImages

PARTS = ("training", "validation")
UNITS_FILE = "units-"  # and the client's number
_COMPLETE = "complete.sha256"


def part_file(part: str, client: int | str) -> str:
    """Name of the file that holds `part` ("training" or "validation") of a client."""
    return f"{part}-{client}.bin"


def pack_clients(
    federated: FederatedImages, folder: Path, progress: Callable[[int, int], None]
) -> None:
    """Writes every client's files into `folder`, unless just these are there already, undamaged.

    Args:
        federated: what the clients hold.
        folder: made if needed, for its user alone; what an interrupted call left in it is replaced.
        progress: called with (clients packed, clients in all) after each client.

    Raises:
        OSError: if the folder cannot be written to or the disk is full; nothing is left behind.
    """
    digest = federated.digest() + federated.images.digest()
    stamp = folder / _COMPLETE
    try:
        if stamp.read_text(encoding="utf-8") == _stamp(digest, folder):
            return
    except (OSError, ValueError):
        pass  # packed anew
    shutil.rmtree(folder, ignore_errors=True)
    make_private(folder)
    try:
        for number, client in enumerate(federated.clients):
            for part in PARTS:
                _write(federated, getattr(client, part), folder / part_file(part, number))
            if client.units is not None:
                with open_private(folder / f"{UNITS_FILE}{number}") as file:
                    file.write(client.units.astype("<i4").tobytes())
            progress(number + 1, len(federated.clients))
        stamp.write_text(_stamp(digest, folder), encoding="utf-8")
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _stamp(digest: str, folder: Path) -> str:
    """What a complete folder is known by: whose images it has, and the digest of every file."""
    lines = [digest]
    for path in sorted(path for path in folder.iterdir() if path.name != _COMPLETE):
        with path.open("rb") as file:
            lines.append(f"{hashlib.file_digest(file, 'sha256').hexdigest()} {path.name}")
    return "\n".join(lines)


def _write(federated: FederatedImages, examples: Examples, path: Path) -> None:
    with open_private(path) as file:
        file.write(examples.labels.tobytes())
        for pixels in examples.pixels(federated.images, federated.augmenter):
            file.write(pixels.tobytes())
        file.flush()
        os.fsync(file.fileno())
