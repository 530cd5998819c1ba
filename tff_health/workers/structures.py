"""Values of TFF's structure types as Python sees them: take apart, put together, name the leaves.

Leaves are in the order of the type; Python's own containers may be ordered otherwise. Placements
do not matter here.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs
import tensorflow_federated as tff


def leaves(value: Any, kind: tff.Type) -> list[Any]:
    """Returns the tensors of `value`, which is of type `kind`.

    A tensor where the type has a structure stands for each of the structure's leaves.
    """
    kind = _member(kind)
    if not isinstance(kind, tff.StructType):
        return [value]
    children = tff.structure.to_elements(kind)
    if isinstance(value, Mapping):
        parts = [value[name] for name, _ in children]
    elif attrs.has(type(value)):
        parts = [getattr(value, name) for name, _ in children]
    elif isinstance(value, Sequence | tff.structure.Struct):
        parts = list(value)
    else:
        parts = [value] * len(children)
    return [
        leaf
        for part, (_, child) in zip(parts, children, strict=True)
        for leaf in leaves(part, child)
    ]


def from_leaves(tensors: Iterable[Any], kind: tff.Type) -> Any:
    """Returns a value of type `kind`, in the Python containers that the type remembers."""
    return tff.types.type_to_py_container(_as_struct(iter(tensors), kind), kind)


def tensor_types(kind: tff.Type) -> list[tff.TensorType]:
    """Returns the types of the leaves."""
    if not isinstance(kind, tff.StructType):
        return [kind]
    return [leaf for child in kind for leaf in tensor_types(child)]


def leaf_names(kind: tff.Type, prefix: str = "") -> list[str]:
    """Returns a name for each leaf: field names, else positions, joined by "/"."""
    if not isinstance(kind, tff.StructType):
        return [prefix or "value"]
    return [
        name
        for position, (field, child) in enumerate(tff.structure.iter_elements(kind))
        for name in leaf_names(child, f"{prefix}/{field or position}".lstrip("/"))
    ]


def _as_struct(tensors: Iterator[Any], kind: tff.Type) -> Any:
    kind = _member(kind)
    if not isinstance(kind, tff.StructType):
        return next(tensors)
    return tff.structure.Struct(
        (name, _as_struct(tensors, child)) for name, child in tff.structure.iter_elements(kind)
    )


def _member(kind: tff.Type) -> tff.Type:
    return kind.member if isinstance(kind, tff.FederatedType) else kind
