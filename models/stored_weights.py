"""Weights that Keras 2.14 or Keras 3 wrote, as arrays: no layer is made from what a file says.

Both keep an array as `layers/<kind of layer>_<number>/vars/<number>` in an HDF5 file, which stands
alone (`.weights.h5`) or in an archive (`.keras`). Keras 2.14 calls the layers of a model
`_layer_checkpoint_dependencies`; Keras 3 tells the layers' names, too.
"""

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import h5py

_IN_ARCHIVE = "model.weights.h5"
_ARRAYS = "vars"
# What files hold beside the network itself.
_BESIDE = ("optimizer", "metrics", "compile_metrics", "loss_tracker")
_SEEDS = "seed_generator"  # of Keras 3's layers that draw at random


@dataclass(frozen=True)
class StoredArray:
    """An array in a file, which is not read yet.

    Attributes:
        path: of its layer, and its number there.
        layer: the layer's own name; empty if the file does not tell it.
        shape: its shape.
        data: `h5py.Dataset`.
    """

    path: tuple[str, ...]
    layer: str
    shape: tuple[int, ...]
    data: Any

    @property
    def is_floating(self) -> bool:
        """Whether it has floating-point numbers."""
        return bool(self.data.dtype.kind == "f")


class UnreadableWeightsError(ValueError):
    """A file holds no weights that can be read; the text says why."""


class StoredWeights:
    """The arrays of a file; a context, at whose end the file is closed.

    Args:
        path: of the file.
        most_bytes: that weights in an archive may take.

    Raises:
        UnreadableWeightsError: if it cannot be read.
    """

    def __init__(self, path: Path, most_bytes: int) -> None:
        try:
            self._file = h5py.File(_opened(path, most_bytes), "r")
        except (OSError, zipfile.BadZipFile, KeyError) as error:
            raise UnreadableWeightsError(_reason(path, error)) from None
        self.arrays = tuple(_arrays(self._file))
        if not self.arrays:
            is_old = "layer_names" in self._file.attrs or "model_weights" in self._file
            self._file.close()
            raise UnreadableWeightsError(
                "is HDF5 of Keras's older form; load it in Keras and save it as .weights.h5"
                if is_old
                else "holds no weights of a Keras model"
            )

    def __enter__(self) -> "StoredWeights":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _opened(path: Path, most_bytes: int) -> Any:
    if path.name.endswith(".keras"):
        with zipfile.ZipFile(path) as archive:
            size = archive.getinfo(_IN_ARCHIVE).file_size
            if size > most_bytes:
                raise UnreadableWeightsError(
                    f"holds {size:,} bytes of weights, far more than the network's; at most "
                    f"{most_bytes:,} are read"
                )
            return io.BytesIO(archive.read(_IN_ARCHIVE))
    if not path.name.endswith(".h5"):
        raise UnreadableWeightsError("must be a file .weights.h5 or .keras")
    return path.open("rb")


def _reason(path: Path, error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, KeyError):
        return f"has no {_IN_ARCHIVE}; weights in several files are not read"
    return f"is damaged, or no {path.suffix} file"


def _arrays(file: h5py.File) -> list[StoredArray]:
    found: list[StoredArray] = []

    def visit(name: str, item: Any) -> None:  # follows no links to other files
        parts = PurePosixPath(name).parts
        if not isinstance(item, h5py.Dataset) or parts[-2:-1] != (_ARRAYS,):
            return
        if canonical(parts[0]) in _BESIDE or _SEEDS in map(canonical, parts):
            return
        if item.is_virtual or item.external:
            raise UnreadableWeightsError(f"keeps '{name}' in another file")
        path = tuple(canonical(part) for part in parts if part != _ARRAYS)
        layer = item.parent.attrs.get("name", "")
        found.append(
            StoredArray(path, layer if isinstance(layer, str) else "", tuple(item.shape), item)
        )

    file.visititems(visit)
    return found


def canonical(part: str) -> str:
    """Returns a part of a path as Keras 3 has it."""
    part = part.lstrip("_")
    return "layers" if part == "layer_checkpoint_dependencies" else part
