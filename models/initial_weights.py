"""Weights from a file for a network to start from, each array by the place that it is for."""

import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from models import file_digest
from models.stored_weights import StoredArray, StoredWeights, UnreadableWeightsError

_SHOWN = 8  # mismatches
_TIMES_LARGER = 4  # an optimizer's state included

Place = tuple[str, ...]


@dataclass(frozen=True, eq=False)
class InitialWeights:
    """What a network starts from.

    Attributes:
        values: of each of the model's weights, in their order; None where its own is kept.
        file_sha256: of the file.
        matched_by: "name" of the layers, or their "kind and order".
        started_anew: the names of weights that are not from the file.
    """

    values: tuple[NDArray[Any] | None, ...]
    file_sha256: str
    matched_by: str
    started_anew: tuple[str, ...]

    def assign_to(self, model: tf.keras.Model) -> None:
        """Sets the weights of a model, outside of graphs."""
        for variable, value in zip(model.weights, self.values, strict=True):
            if value is not None:
                variable.assign(value)

    def describe(self) -> dict[str, Any]:
        """Returns what config.json keeps of it."""
        return {
            "file_sha256": self.file_sha256,
            "matched_by": self.matched_by,
            "arrays": sum(value is not None for value in self.values),
            "started_anew": list(self.started_anew),
        }


def read(path: Path, model: tf.keras.Model, new_head: bool) -> InitialWeights:
    """Finds a value for each weight of a model.

    Layers are matched by name if the file tells names and all of them are the model's, else by kind
    and order.

    Args:
        path: of a file `.weights.h5` or `.keras`, by Keras 2.14 or Keras 3.
        model: built; it is left as it is.
        new_head: whether the last layer with weights keeps those that it has.

    Raises:
        ValueError: if the file cannot be read, or does not fit; with a line for each array that
            does not.
    """
    digest = file_digest(path)
    size = sum(int(w.shape.num_elements()) * w.dtype.size for w in model.weights)
    try:
        with StoredWeights(path, _TIMES_LARGER * size + 2**20) as stored:
            return _matched(stored.arrays, model, new_head, digest)
    except UnreadableWeightsError as error:
        raise ValueError(f"{path} {error}") from None
    except _MismatchError as error:
        lines = "".join(f"\n  {line}" for line in error.lines)
        raise ValueError(f"{path} does not fit the network:{lines}") from None


class _MismatchError(Exception):
    def __init__(self, lines: list[str]) -> None:
        more = [f"and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
        self.lines = [*lines[:_SHOWN], *more]


def _matched(
    arrays: Sequence[StoredArray], model: tf.keras.Model, new_head: bool, digest: str
) -> InitialWeights:
    places = _without_common_start(_places(model))
    owners = _owners(model)
    head = _head(model)
    found = _by_name(arrays, places, owners)
    matched_by = "name" if found else "kind and order"
    if not found:
        paths = _without_common_start({number: a.path for number, a in enumerate(arrays)})
        found = {path: arrays[number] for number, path in paths.items()}
    wrong: dict[int, str] = {}
    values: list[NDArray[Any] | None] = []
    for number, variable in enumerate(model.weights):
        array = found.pop(places[number], None)
        if new_head and number in head:
            values.append(None)
        elif problem := _problem(variable, array):
            wrong[number] = f"{_label(variable, owners[number])}: {problem}"
        else:
            values.append(_value(array, variable))
    lines = list(wrong.values())
    lines += [
        f"{a.layer or '/'.join(a.path)}: found {a.shape}, needed none" for a in found.values()
    ]
    if wrong.keys() and wrong.keys() <= head and not found:
        lines.append("all but the last layer fits; --new_head starts that one anew")
    if lines:
        raise _MismatchError(lines)
    names = [_label(model.weights[number], owners[number]) for number in sorted(head)]
    return InitialWeights(tuple(values), digest, matched_by, tuple(names) if new_head else ())


def _problem(variable: tf.Variable, array: StoredArray | None) -> str:
    needed = tuple(variable.shape)
    if array is None:
        return f"found none, needed {needed}"
    if array.shape != needed:
        return f"found {array.shape}, needed {needed}"
    if array.is_floating != variable.dtype.is_floating:
        return f"found {array.data.dtype}, needed {variable.dtype.name}"
    if array.is_floating and not np.isfinite(_value(array, variable)).all():
        return "found numbers that are not finite"
    return ""


def _value(array: StoredArray | None, variable: tf.Variable) -> NDArray[Any]:
    return np.asarray(array.data if array else None, variable.dtype.as_numpy_dtype)


def _places(model: tf.keras.Model) -> dict[int, Place]:
    """Where Keras keeps each weight in a file: it writes their numbers, which are read back."""
    values = [variable.numpy() for variable in model.weights]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "numbers.weights.h5"
        try:
            for number, variable in enumerate(model.weights):
                variable.assign(tf.fill(variable.shape, tf.cast(number, variable.dtype)))
            model.save_weights(path)
        finally:
            for variable, value in zip(model.weights, values, strict=True):
                variable.assign(value)
        most = 2 * path.stat().st_size
        with StoredWeights(path, most) as stored:
            return {int(np.ravel(a.data)[0]): a.path for a in stored.arrays}


def _without_common_start(paths: Mapping[int, Place]) -> dict[int, Place]:
    """Paths inside the innermost model that has them all: networks of users' own are wrapped."""
    found = list(paths.values())
    start = 0
    while len({path[: start + 2] for path in found}) == 1 and all(
        len(path) > start + 3 for path in found
    ):
        start += 2
    return {number: path[start:] for number, path in paths.items()}


def _by_name(
    arrays: Sequence[StoredArray], places: dict[int, Place], owners: dict[int, str]
) -> dict[Place, StoredArray]:
    """Arrays by the places of layers of the same names; none if names differ or are there twice."""
    ours: dict[str, set[Place]] = defaultdict(set)
    theirs: dict[str, set[Place]] = defaultdict(set)
    for number, place in places.items():
        ours[owners[number]].add(place[:-1])
    for array in arrays:
        theirs[array.layer].add(array.path[:-1])
    if ours.keys() != theirs.keys() or any(
        len(layers) != 1 for layers in (*ours.values(), *theirs.values())
    ):
        return {}
    return {(*next(iter(ours[a.layer])), a.path[-1]): a for a in arrays}


def _owners(model: tf.keras.Model) -> dict[int, str]:
    """The name of the layer of each weight, at any depth."""
    numbers = {id(variable): number for number, variable in enumerate(model.weights)}
    found: dict[int, str] = {}
    for layer in model._flatten_layers():  # those of which others are made come after them
        found |= {numbers[id(w)]: layer.name for w in layer.weights if id(w) in numbers}
    return found


def _head(model: tf.keras.Model) -> frozenset[int]:
    """The numbers of the weights of the last layer that has any."""
    owners = _owners(model)
    in_order = [layer.name for layer in model._flatten_layers(include_self=False) if layer.weights]
    return frozenset(number for number, owner in owners.items() if owner == in_order[-1])


def _label(variable: tf.Variable, owner: str) -> str:
    return f"{owner}/{variable.name.rpartition('/')[2].partition(':')[0]}"
