"""The state of a process after a round, kept so that a killed run goes on from there.

TFF's own `FileProgramStateManager` was tried: with a SavedModel for every round it takes 0.12 s
and a megabyte of memory that stays taken. A NumPy file takes 5 ms and nothing.
"""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tff_health.atomic import atomic_write
from tff_health.errors import RunError

_PREFIX, _SUFFIX = "round-", ".npz"


class Checkpoints:
    """The newest state of one process, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def save(self, state: Any, round_number: int) -> None:
        """Keeps `state`, any structure of arrays and numbers, and drops the one before."""
        leaves = [np.asarray(leaf) for leaf in tf.nest.flatten(state)]
        path = self._folder / f"{_PREFIX}{round_number:06d}{_SUFFIX}"
        buffer = io.BytesIO()
        np.savez(buffer, *leaves)
        with atomic_write(path) as file:
            file.write(buffer.getbuffer())
        for older in self._paths():
            if older != path:
                older.unlink()

    def newest_round(self) -> int:
        """The round of the newest state; 0 if there is none."""
        return max((_round_of(path) for path in self._paths()), default=0)

    def load(self, template: Any) -> Any:
        """Returns the newest state, in the structure of `template`.

        Raises:
            RunError: if the file is damaged or of another structure.
        """
        path = max(self._paths(), key=_round_of)
        try:
            with np.load(path, allow_pickle=False) as file:
                leaves = [file[name] for name in file.files]
        except (ValueError, OSError, zipfile.BadZipFile) as error:
            raise RunError(f"{path} is damaged ({error}): start anew in another folder") from None
        wanted = [np.asarray(leaf) for leaf in tf.nest.flatten(template)]
        if [(x.shape, x.dtype) for x in leaves] != [(x.shape, x.dtype) for x in wanted]:
            raise RunError(f"{path} holds the state of another process: start anew elsewhere")
        return tf.nest.pack_sequence_as(template, leaves)

    def _paths(self) -> list[Path]:
        return list(self._folder.glob(f"{_PREFIX}*{_SUFFIX}"))


def _round_of(path: Path) -> int:
    return int(path.name.removeprefix(_PREFIX).removesuffix(_SUFFIX))
