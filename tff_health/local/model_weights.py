"""The weights of a model as arrays, and the one byte form that stands for them."""

import hashlib
import math
import struct
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import tensorflow as tf

from tff_health.errors import DataError

_MAGIC = b"tff_health model weights 1\n"
_COUNTS, _KIND, _LENGTH = struct.Struct("<II"), struct.Struct("<BB"), struct.Struct("<I")
_DTYPES = tuple(
    np.dtype(name)
    for name in ("<f4", "<f8", "<f2", "<i4", "<i8", "|u1", "|b1", "|i1", "<u4", "<u8", "<i2", "<u2")
)
"""Of weights; the place is the number that stands for one in bytes."""
_MAX_RANK = 8
_MAX_BYTES = 1 << 36


class ModelWeights(NamedTuple):
    """The weights of a model; as TFF has them, without TFF.

    Attributes:
        trainable: arrays, variables or tensors, in the order of `Model.trainable_variables`.
        non_trainable: the others.
    """

    trainable: list[Any]
    non_trainable: list[Any]

    @classmethod
    def of(cls, model: "tf.keras.Model") -> "ModelWeights":
        """Returns the variables of a model themselves."""
        return cls(model.trainable_variables, model.non_trainable_variables)

    def arrays(self) -> "ModelWeights":
        """Returns the same as NumPy arrays, which are copies."""
        return ModelWeights(*([np.array(array) for array in part] for part in self))

    def assign_to(self, model: "tf.keras.Model") -> None:
        """Makes these the weights of a model.

        Args:
            model: of the same architecture.
        """
        ModelWeights.of(model).assign(self)

    def assign(self, weights: "ModelWeights") -> None:
        """Gives these variables other values.

        Args:
            weights: arrays or tensors, of the same shapes.
        """
        for variables, values in zip(self, weights, strict=True):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)

    def to_bytes(self) -> bytes:
        """Returns the one byte form of these weights, which `from_bytes` reads.

        Format: a line that names it; the numbers of trainable and other arrays; for each array a
        number for its dtype, its rank and its lengths; then the numbers of all arrays, in C order.
        Everything is little-endian.

        Raises:
            DataError: for a dtype or a rank that it does not know.
        """
        arrays = [_as_stored(array) for part in self for array in part]
        heads = [_head(array) for array in arrays]
        counts = _COUNTS.pack(len(self.trainable), len(self.non_trainable))
        return b"".join([_MAGIC, counts, *heads, *(array.tobytes() for array in arrays)])

    @classmethod
    def from_bytes(cls, data: bytes) -> "ModelWeights":
        """Reads what `to_bytes` made, and nothing else.

        Raises:
            DataError: if `to_bytes` cannot have made it.
        """
        reader = _Reader(data)
        if reader.take(len(_MAGIC)) != _MAGIC:
            raise DataError("these bytes are no model weights of this version")
        trainable, others = reader.numbers(_COUNTS)
        if (trainable + others) * _KIND.size > len(data):
            raise DataError(f"model weights of {len(data)} bytes cannot be {trainable} + {others}")
        specs = [reader.spec() for _ in range(trainable + others)]
        if sum(math.prod(shape) * dtype.itemsize for dtype, shape in specs) != reader.left:
            raise DataError(f"model weights have {reader.left} bytes of numbers, not as announced")
        arrays = [reader.array(dtype, shape) for dtype, shape in specs]
        return cls(arrays[:trainable], arrays[trainable:])

    def digest(self) -> bytes:
        """Returns SHA-256 of the byte form, 32 bytes."""
        return hashlib.sha256(self.to_bytes()).digest()

    def check_like(self, other: "ModelWeights") -> None:
        """Checks that another model's weights have the same dtypes and shapes.

        Raises:
            DataError: if they have not; it names the first difference.
        """
        for name, ours, theirs in zip(self._fields, self, other, strict=True):
            found, wanted = list(_kinds(theirs)), list(_kinds(ours))
            if found != wanted:
                place = next(
                    (i for i, (a, b) in enumerate(zip(found, wanted, strict=False)) if a != b),
                    min(len(found), len(wanted)),
                )
                raise DataError(
                    f"the model has other {name} weights: found {found[place : place + 1]} at "
                    f"place {place} of {len(found)}, wanted {wanted[place : place + 1]} of "
                    f"{len(wanted)}"
                )


def _kinds(arrays: Sequence[Any]) -> Iterator[tuple[str, tuple[int, ...]]]:
    for array in map(np.asarray, arrays):
        yield array.dtype.name, array.shape


def _as_stored(array: Any) -> NDArray[Any]:
    array = np.asarray(array)
    stored = array.astype(array.dtype.newbyteorder("<"), copy=False)
    if stored.dtype not in _DTYPES or stored.ndim > _MAX_RANK:
        raise DataError(
            f"weights of dtype {array.dtype} and rank {array.ndim} have no byte form; allowed are "
            f"{', '.join(dtype.name for dtype in _DTYPES)} up to rank {_MAX_RANK}"
        )
    return stored


def _head(array: NDArray[Any]) -> bytes:
    kind = _KIND.pack(_DTYPES.index(array.dtype), array.ndim)
    return kind + b"".join(_LENGTH.pack(length) for length in array.shape)


class _Reader:
    """Reads from the front, and refuses to read beyond the end."""

    def __init__(self, data: bytes) -> None:
        self._data, self._place = memoryview(data), 0

    @property
    def left(self) -> int:
        return len(self._data) - self._place

    def take(self, length: int) -> memoryview:
        if length > self.left:
            raise DataError(f"model weights end after {len(self._data)} bytes, too early")
        self._place += length
        return self._data[self._place - length : self._place]

    def numbers(self, form: struct.Struct) -> tuple[int, ...]:
        return form.unpack(self.take(form.size))

    def spec(self) -> tuple[np.dtype[Any], tuple[int, ...]]:
        number, rank = self.numbers(_KIND)
        if number >= len(_DTYPES) or rank > _MAX_RANK:
            raise DataError(f"model weights of an unknown dtype ({number}) or rank ({rank})")
        shape = tuple(self.numbers(_LENGTH)[0] for _ in range(rank))
        if math.prod(shape) > _MAX_BYTES:
            raise DataError(f"model weights with an array of shape {shape}: too large")
        return _DTYPES[number], shape

    def array(self, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
        data = self.take(math.prod(shape) * dtype.itemsize)
        if dtype == np.dtype(bool) and any(byte > 1 for byte in data):
            raise DataError("model weights with a truth value other than 0 and 1")
        return np.frombuffer(data, dtype).reshape(shape).copy()
