"""What a client keeps for itself from round to round, in files at the client.

Clients forget everything else after a round. A scheme that gives its clients a memory has them
read it and write the next one, in TensorFlow, where their images are. The next one only takes
effect when the round has come to its end with that client in it: a failed round leaves the last
good state. The last two are kept, so that a run that was killed just after a round can do that
round again. Folder and files are for their user alone.
"""

import hashlib
import json
import os
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from tff_health.atomic import make_private
from tff_health.data.client_data import DataOf
from tff_health.errors import RunError

_KEPT = 2


class ClientMemory:
    """The memories of all clients of one experiment: a float32 vector each.

    Args:
        folder: as the workers see it.
        size: of a vector.

    Attributes:
        name: of what is kept with the state of a run.
    """

    name = "client memory"

    def __init__(self, folder: Path, size: int) -> None:
        self._folder = folder
        make_private(folder)
        self._size = size
        self._kept: dict[str, tuple[int, str]] = {}  # client: last round, digest of the file

    @property
    def text(self) -> str:
        """Each client's last round that counted, and the digest of what it keeps."""
        return json.dumps(self._kept)

    def restore(self, text: str) -> None:
        """Goes on from what `text` was earlier; empty at the start of a run.

        Raises:
            RunError: if a client's memory of that time is missing or damaged.
        """
        self._kept = {
            client: (last, told) for client, (last, told) in json.loads(text or "{}").items()
        }
        for client, (last, told) in self._kept.items():
            path = self._path(int(client), last)
            try:
                found = _digest(path.read_bytes())
            except OSError as error:
                found = str(error.strerror)
            if found != told:
                raise RunError(
                    f"{path}, what client {client} keeps from round to round, is missing or "
                    "damaged: start anew in another folder, or delete this one"
                )

    def write(self) -> None:
        """Does nothing: the files are there already."""

    def last_round(self, client: int, before: int) -> int:
        """Returns the last round before `before` that counted for the client; 0 if none did."""
        return max((r for r in self._rounds(client) if r < before), default=0)

    def keep(self, clients: Iterable[int], round_number: int) -> None:
        """Makes what clients wrote in a round their memory; run when the round has succeeded."""
        for client in clients:
            written = self._folder / f"next-{client}-{round_number}"
            written.chmod(0o600)
            with written.open("rb") as file:
                self._kept[str(client)] = round_number, _digest(file.read())
                os.fsync(file.fileno())
            written.replace(self._path(client, round_number))
            for old in sorted(r for r in self._rounds(client) if r <= round_number)[:-_KEPT]:
                self._path(client, old).unlink()

    def reading(self) -> DataOf:
        """Returns the function from a client's key to a data set of one element.

        The element has `vector`, zeros for a client without a memory, and `target`, for `write`.
        """
        start = str(self._folder.absolute()) + "/"

        def read(key: Mapping[str, Any]) -> tf.data.Dataset:
            client = tf.strings.as_string(key["client"])

            def path(kind: str, number: tf.Tensor) -> tf.Tensor:
                return tf.strings.join([start, kind, client, "-", tf.strings.as_string(number)])

            vector = tf.cond(
                tf.greater(key["remembered"], 0),
                lambda: _parse(tf.io.read_file(path("kept-", key["remembered"])), self._size),
                lambda: tf.zeros([self._size]),
            )
            element = OrderedDict(vector=vector, target=path("next-", key["round"]))
            return tf.data.Dataset.from_tensors(element)

        return read

    def _path(self, client: int, round_number: int) -> Path:
        return self._folder / f"kept-{client}-{round_number}"

    def _rounds(self, client: int) -> list[int]:
        return [int(path.name.split("-")[2]) for path in self._folder.glob(f"kept-{client}-*")]


def recall(memory: tf.data.Dataset) -> Any:
    """Returns the element of a client's memory; run by the client."""
    return memory.get_single_element()


def write(target: tf.Tensor, vector: tf.Tensor) -> tf.Operation:
    """Writes the next memory of a client; run by the client, takes effect if the round succeeds."""
    return tf.io.write_file(target, tf.io.serialize_tensor(vector))


def memory_spec(size: int) -> "OrderedDict[str, tf.TensorSpec]":
    """The type of the one element that `ClientMemory.reading` gives."""
    return OrderedDict(
        vector=tf.TensorSpec([size], tf.float32), target=tf.TensorSpec([], tf.string)
    )


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _parse(data: tf.Tensor, size: int) -> tf.Tensor:
    return tf.ensure_shape(tf.io.parse_tensor(data, tf.float32), [size])
