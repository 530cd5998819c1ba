"""Computations that take and give names of files for large tensors.

Of a computation's type everything stays but its large tensors, for which strings stand. The new
computation reads them, calls the old one, and writes what that returns, where it is placed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff
from numpy.typing import NDArray

from tff_health.workers.structures import from_leaves, leaves, tensor_types

LARGE_BYTES = 1 << 20
"""Tensors from here on are worth a file."""

_MOST_BYTES = (1 << 31) - 1000
"""TensorFlow writes a tensor as one message of protobuf, which cannot be longer."""

Write: TypeAlias = Callable[[NDArray[Any]], Path]
Read: TypeAlias = Callable[[Path, tff.TensorType], NDArray[Any]]


@dataclass(frozen=True)
class FileComputation:
    """A computation that names files for large tensors.

    Attributes:
        computation: takes the parts of the old one's argument, then for each part of its result
            with large tensors the beginning of their files' names.
        original: the old one.
        parameters: the parts of its argument: each is placed somewhere, or there is one.
        results: the parts of its result.
    """

    computation: tff.framework.ConcreteComputation
    original: tff.framework.ConcreteComputation
    parameters: Sequence[tff.Type]
    results: Sequence[tff.Type]

    def argument(self, argument: Any, write: Write, new_path: Callable[[], Path]) -> list[Any]:
        """Returns the arguments of `computation`.

        Args:
            argument: of the old one.
            write: writes a tensor into a file.
            new_path: makes a name for a file.
        """
        kind = self.original.type_signature.parameter
        given = _values(argument, kind, self.parameters)
        clients = next((len(v) for v, k in zip(given, self.parameters, strict=True) if _many(k)), 0)
        named = [
            _each(value, part, lambda v, member: _named(v, member, write))
            for value, part in zip(given, self.parameters, strict=True)
        ]
        for part in filter(_has_large, self.results):
            paths = [str(new_path()) for _ in range(clients if _many(part) else 1)]
            named.append(paths if _many(part) else paths[0])
        return named

    def result(self, result: Any, read: Read) -> Any:
        """Returns the old one's result.

        Args:
            result: of `computation`.
            read: reads a tensor from a file.
        """
        found = [
            _each(value, part, lambda v, member: _read(v, member, read))
            for value, part in zip(result, self.results, strict=True)
        ]
        kind = self.original.type_signature.result
        if len(self.results) == 1 and self.results[0] is kind:
            return found[0]
        names = [name for name, _ in tff.structure.iter_elements(kind)]
        together = tff.structure.Struct(zip(names, found, strict=True))
        return tff.types.type_to_py_container(together, kind)


def with_files(original: tff.framework.ConcreteComputation) -> FileComputation | None:
    """Returns a computation with files for large tensors; None if it has none of these.

    It is also None where clients return large tensors and are given nothing, not even a name.
    """
    parameter, result = original.type_signature.parameter, original.type_signature.result
    parameters, results = _parts(parameter), _parts(result)
    if not any(map(_has_large, [*parameters, *results])):
        return None
    if any(map(_many, results)) and not any(map(_many, parameters)):
        return None
    written = [part for part in results if _has_large(part)]
    targets = [tff.FederatedType(np.str_, p.placement) if _placed(p) else np.str_ for p in written]

    @tff.federated_computation([*map(_naming, parameters), *targets])
    def computation(given):  # type: ignore[no-untyped-def]
        loaded = [_apply(_loading(kind), given[i], kind) for i, kind in enumerate(parameters)]
        output = original(*loaded)
        parts = [output] if results[0] is result else [output[i] for i in range(len(results))]
        names = iter(range(len(parameters), len(parameters) + len(targets)))
        return [
            _apply(_storing(kind), part, kind, given[next(names)]) if _has_large(kind) else part
            for part, kind in zip(parts, results, strict=True)
        ]

    return FileComputation(computation, original, parameters, results)


def _parts(kind: tff.Type | None) -> list[tff.Type]:
    """The placed parts of a type; the type itself if it has none."""
    if kind is None:
        return []
    if isinstance(kind, tff.StructType) and len(kind) and all(map(_placed, kind)):
        return list(kind)
    return [kind]


def _values(value: Any, kind: tff.Type | None, parts: Sequence[tff.Type]) -> list[Any]:
    if not parts or parts[0] is kind:
        return [value] * len(parts)
    return list(value)


def _placed(kind: tff.Type) -> bool:
    return isinstance(kind, tff.FederatedType)


def _many(kind: tff.Type) -> bool:
    return isinstance(kind, tff.FederatedType) and not kind.all_equal


def _member(kind: tff.Type) -> tff.Type:
    return kind.member if isinstance(kind, tff.FederatedType) else kind


def _is_large(kind: tff.Type) -> bool:
    if not isinstance(kind, tff.TensorType) or None in (kind.shape or (None,)):
        return False
    size = int(np.prod(kind.shape, dtype=np.int64)) * np.dtype(kind.dtype).itemsize
    return kind.dtype != np.str_ and LARGE_BYTES <= size <= _MOST_BYTES


def _has_large(kind: tff.Type) -> bool:
    return any(map(_is_large, tensor_types(_member(kind))))


def _naming(kind: tff.Type) -> tff.Type:
    """The type with strings for large tensors; what is in a sequence is not looked at."""
    if isinstance(kind, tff.FederatedType):
        return tff.FederatedType(_naming(kind.member), kind.placement, kind.all_equal)
    if isinstance(kind, tff.StructType):
        children = [(name, _naming(child)) for name, child in tff.structure.iter_elements(kind)]
        if isinstance(kind, tff.StructWithPythonType):
            return tff.StructWithPythonType(children, kind.python_container)
        return tff.StructType(children)
    return tff.TensorType(np.str_) if _is_large(kind) else kind


def _loading(kind: tff.Type) -> tff.Computation | None:
    member = _member(kind)
    if not _has_large(member):
        return None
    kinds = tensor_types(member)

    @tff.tensorflow.computation(_naming(member))
    def load(given):  # type: ignore[no-untyped-def]
        found = zip(leaves(given, member), kinds, strict=True)
        return from_leaves([_load(v, k) if _is_large(k) else v for v, k in found], member)

    return load


def _load(path: tf.Tensor, kind: tff.TensorType) -> tf.Tensor:
    return tf.ensure_shape(tf.io.parse_tensor(tf.io.read_file(path), kind.dtype), kind.shape)


def _storing(kind: tff.Type) -> tff.Computation:
    member = _member(kind)
    kinds, naming = tensor_types(member), _naming(member)

    @tff.tensorflow.computation(member, np.str_)
    def store(value, path):  # type: ignore[no-untyped-def]
        found = enumerate(zip(leaves(value, member), kinds, strict=True))
        return from_leaves(
            [
                _store(v, tf.strings.join([path, f"-{i}"])) if _is_large(k) else v
                for i, (v, k) in found
            ],
            naming,
        )

    return store


def _store(tensor: tf.Tensor, path: tf.Tensor) -> tf.Tensor:
    with tf.control_dependencies([tf.io.write_file(path, tf.io.serialize_tensor(tensor))]):
        return tf.identity(path)


def _apply(computation: tff.Computation | None, value: Any, kind: tff.Type, *more: Any) -> Any:
    if computation is None:
        return value
    if _placed(kind):
        return tff.federated_map(computation, (value, *more) if more else value)
    return computation(value, *more)


def _each(value: Any, kind: tff.Type, change: Callable[[Any, tff.Type], Any]) -> Any:
    if _many(kind):
        return [change(one, _member(kind)) for one in value]
    return change(value, _member(kind))


def _named(value: Any, kind: tff.Type, write: Write) -> Any:
    if not _has_large(kind):
        return value
    found = zip(leaves(value, kind), tensor_types(kind), strict=True)
    names = [str(write(np.asarray(v, k.dtype))) if _is_large(k) else v for v, k in found]
    return from_leaves(names, _naming(kind))


def _read(value: Any, kind: tff.Type, read: Read) -> Any:
    if not _has_large(kind):
        return value
    found = zip(leaves(value, _naming(kind)), tensor_types(kind), strict=True)
    return from_leaves([read(_path(v), k) if _is_large(k) else v for v, k in found], kind)


def _path(name: bytes | str) -> Path:
    return Path(name.decode() if isinstance(name, bytes) else name)
