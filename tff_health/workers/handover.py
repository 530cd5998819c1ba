"""Large tensors on their way to a worker of this machine and back: as files instead of messages.

A worker takes arguments and gives results as messages, which are copied many times on their way:
for a model of 100 MB that takes longer than a small client trains. A file is written once and
mapped into memory.
"""

import itertools
import shutil
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff
from numpy.typing import NDArray

from tff_health.atomic import make_private, open_private
from tff_health.workers.file_tensors import FileComputation, with_files

_Place: TypeAlias = tuple[int, str, tuple[int, ...], tuple[int, ...]]
_Run: TypeAlias = Callable[[tff.framework.ConcreteComputation, Any], Any]


class Handover:
    """The files between this process and one worker.

    A file goes when no array is mapped from it any more; an array that came as a file is not
    written again when it goes back.

    Args:
        folder: takes the files, and is for its user alone.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self._is_made = False
        self._numbers = itertools.count()
        self._known: dict[int, tuple[Any, FileComputation | None]] = {}
        self._mapped: dict[_Place, Path] = {}

    def invoke(
        self, computation: tff.framework.ConcreteComputation, argument: Any, run: _Run
    ) -> Any:
        """Runs a computation.

        Args:
            computation: any TFF computation.
            argument: as `tff.framework.SyncContext.invoke` takes it.
            run: runs a computation, as `invoke` of a context.

        Returns:
            its result; large tensors in it are mapped from files, and cannot be written to.
        """
        files = self._with_files(computation)
        if files is None:
            return run(computation, argument)
        self._make_folder()
        with self._names() as new_path:
            given = files.argument(argument, lambda array: self._write(array, new_path), new_path)
            return files.result(
                run(files.computation, tff.structure.from_container(given)), self._map
            )

    def _make_folder(self) -> None:
        if not self._is_made:
            shutil.rmtree(self._folder, ignore_errors=True)  # left by a process that was killed
            make_private(self._folder)
            self._is_made = True

    def _with_files(self, computation: tff.framework.ConcreteComputation) -> FileComputation | None:
        known = self._known.get(id(computation))
        if known is None:  # kept with the computation, so that its id stays its own
            known = self._known[id(computation)] = computation, with_files(computation)
        return known[1]

    @contextmanager
    def _names(self) -> Iterator[Callable[[], Path]]:
        """Gives names for files, of which in the end only those are left that were mapped."""
        given: list[Path] = []

        def new_path() -> Path:
            given.append(self._folder / str(next(self._numbers)))
            return given[-1]

        try:
            yield new_path
        finally:
            kept = {*self._mapped.values()}
            for path in given:
                for file in self._folder.glob(f"{path.name}-*"):
                    if file not in kept:
                        file.unlink(missing_ok=True)

    def _write(self, array: NDArray[Any], new_path: Callable[[], Path]) -> Path:
        known = self._mapped.get(_place(array))
        if known is not None:
            return known
        path = new_path()
        path = path.with_name(f"{path.name}-given")
        open_private(path).close()
        tf.io.write_file(str(path), tf.io.serialize_tensor(array))
        return path

    def _map(self, path: Path, kind: tff.TensorType) -> NDArray[Any]:
        shape, dtype = tuple(kind.shape or ()), np.dtype(kind.dtype)
        size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        start = path.stat().st_size - size  # the numbers are the last field of the message
        array = np.memmap(path, dtype, "r", start, shape)
        self._mapped[_place(array)] = path
        weakref.finalize(array, self._forget, _place(array))
        return array

    def _forget(self, place: _Place) -> None:
        self._mapped.pop(place).unlink(missing_ok=True)


def _place(array: NDArray[Any]) -> _Place:
    """Where an array lies in memory; TFF hands on views of the arrays that it is given."""
    return array.ctypes.data, array.dtype.str, array.shape, array.strides
