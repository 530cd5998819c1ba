"""What tells one network from another, the same in every process."""

import difflib
import hashlib
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from models import STARTED_FROM

_IGNORED = ("seed", "seed2", "shared_name", "container", "config", "config_proto", "executor_type")


def describe(
    model: tf.keras.Model, twin: tf.keras.Model, training: Any, evaluating: Any
) -> dict[str, Any]:
    """Returns what a network is known by.

    Args:
        model: the network.
        twin: it, built a second time under the same seed; initial weights that differ then are
            drawn by the user's own generators, and are not what it is known by.
        training: the network in training, a `ConcreteFunction`.
        evaluating: it in evaluation.

    Returns:
        `layers`, a line for each, for people; `operations_sha256`, over all that the network
        computes, functions and layers of the user's own included; and `initial_weights_sha256`,
        over all weights that it starts with.
    """
    weights = []
    for first, second in zip(model.weights, twin.weights, strict=True):
        same = np.array_equal(first.numpy(), second.numpy(), equal_nan=True)
        weights.append((first, same))
    operations = hashlib.sha256()
    for function in (training, evaluating):
        operations.update(_Operations(model, function).digest())
    return {
        "layers": _lines(model),
        "operations_sha256": operations.hexdigest(),
        "initial_weights_sha256": _of_weights(weights),
    }


def of_settings(model: tf.keras.Model) -> dict[str, Any]:
    """Returns the same for a model of this package, without calling it.

    Its operations follow from the settings of its layers, and its initial weights, but for those
    that are not trained, from these and the seed.
    """
    layers = _lines(model)
    constants = [(weight, not weight.trainable) for weight in model.weights]
    places = {id(layer): number for number, layer in enumerate(model.layers)}
    ways = [
        [
            [places.get(id(link[0])) for link in node.iterate_inbound()]
            for node in layer.inbound_nodes
        ]
        for layer in model.layers
    ]
    return {
        "layers": layers,
        "operations_sha256": hashlib.sha256(json.dumps([layers, ways]).encode()).hexdigest(),
        "initial_weights_sha256": _of_weights(constants),
    }


def _of_weights(weights: list[tuple[tf.Variable, bool]]) -> str:
    """A digest of shapes, and of the values of those for which it is said."""
    digest = hashlib.sha256()
    for weight, with_values in weights:
        value = weight.numpy()
        digest.update(f"{value.dtype.name}{value.shape}{weight.trainable}".encode())
        if with_values:
            digest.update(value.tobytes())
    return digest.hexdigest()


def difference(found: dict[str, Any], wanted: dict[str, Any]) -> str:
    """Returns how one network differs from another, in words; empty if it does not.

    Args:
        found: of the one, as `describe` returns it; empty if it is not known.
        wanted: of the other.
    """
    digests = ("operations_sha256", "initial_weights_sha256")
    if found and found.get(STARTED_FROM) != wanted.get(STARTED_FROM):
        return "it started from other weights than those of --initial_weights"
    if not found or all(found.get(name) == wanted.get(name) for name in digests):
        return ""
    before, now = found.get("layers", []), wanted.get("layers", [])
    for kind, a, b, c, d in difflib.SequenceMatcher(None, before, now, False).get_opcodes():
        if kind != "equal":
            return f"its layer {a + 1} {_change(before[a:b], now[c:d])}"
    if found.get(digests[0]) != wanted.get(digests[0]):
        return "its layers are the same, but not what functions or layers of your own compute"
    return "its layers are the same, but not the weights that it starts with"


def _change(gone: list[str], come: list[str]) -> str:
    """Says in words how some lines of layers became others."""
    kinds, settings = zip(*(_parsed(lines) for lines in (gone, come)), strict=True)
    if kinds[0] == kinds[1] and gone and come:
        before, now = settings
        names = [
            n
            for n in [*before, *(n for n in now if n not in before)]
            if before.get(n) != now.get(n)
        ]
        told = (f"{n} {before.get(n)}, and now has {n} {now.get(n)}" for n in names)
        return f"({kinds[0]}) had {'; it had '.join(told)}"
    return f"was {kinds[0] or 'not there'}, and now is {kinds[1] or 'not there'}"


def _parsed(lines: list[str]) -> tuple[str, dict[str, Any]]:
    """The kinds of layers, and the settings of the first one."""
    parts = [line.partition("(") for line in lines]
    first = json.loads(parts[0][2][:-1]) if parts and parts[0][2] else {}
    return ", ".join(kind for kind, _, _ in parts), first


def _lines(model: tf.keras.Model) -> list[str]:
    return [_line(layer) for layer in model._flatten_layers(include_self=False)]


def _line(layer: tf.keras.layers.Layer) -> str:
    kind = type(layer).__name__
    if isinstance(layer, tf.keras.Model | tf.keras.layers.InputLayer):
        return kind
    try:
        config = layer.get_config()
    except Exception:  # layers of the user's own need not have one
        return kind
    plain = _without_names(config)
    return f"{kind}({json.dumps(plain, sort_keys=True, default=lambda x: type(x).__name__)})"


def _without_names(value: Any) -> Any:
    """A configuration without names, which are counted up, and without code in bytes."""
    if isinstance(value, dict):
        left_out = ("name", "function", "batch_input_shape", "build_config")
        return {
            k: _without_names(v) for k, v in value.items() if k not in left_out and v is not None
        }
    if isinstance(value, list | tuple):
        return [_without_names(v) for v in value]
    return value


class _Operations:
    """Digests a graph: each operation by kind, attributes and the digests of what it is given.

    Neither names nor the order of operations count, which differ between processes.
    """

    def __init__(self, model: tf.keras.Model, function: Any) -> None:
        self._function = function
        self._graph = function.graph.as_graph_def()
        self._library = {called.signature.name: called for called in self._graph.library.function}
        self._called: dict[str, bytes] = {}
        self._variables = {id(v.handle): number for number, v in enumerate(model.variables)}

    def digest(self) -> bytes:
        """Returns the digest of the graph."""
        graph = self._function.graph
        given = {tensor.op.name: f"argument {n}".encode() for n, tensor in enumerate(graph.inputs)}
        given |= {inner.op.name: self._captured(outer) for outer, inner in graph.captures}
        return self._of_nodes(self._graph.node, given, [out.name for out in graph.outputs])

    def _captured(self, tensor: Any) -> bytes:
        if tensor.dtype == tf.resource:
            number = self._variables.get(id(tensor))
            return f"variable {number}".encode()
        return hashlib.sha256(np.asarray(tensor).tobytes()).digest()

    def _of_function(self, name: str) -> bytes:
        if name not in self._called:
            self._called[name] = b"recursion"
            called = self._library[name]
            given = {
                argument.name: f"argument {number}".encode()
                for number, argument in enumerate(called.signature.input_arg)
            }
            outputs = [called.ret[argument.name] for argument in called.signature.output_arg]
            self._called[name] = self._of_nodes(called.node_def, given, outputs)
        return self._called[name]

    def _of_nodes(self, nodes: Sequence[Any], given: dict[str, bytes], outputs: list[str]) -> bytes:
        by_name = {node.name: node for node in nodes}
        known = dict(given)

        def of(name: str) -> bytes:
            pending = [name]
            while pending:
                node = by_name.get(pending[-1])
                if pending[-1] in known or node is None:
                    pending.pop()
                    continue
                missing = [i for i in _inputs(node) if i not in known and i in by_name]
                if missing:
                    pending += missing
                    continue
                known[pending.pop()] = self._of_node(node, known)
            return known.get(name, name.encode())

        digest = hashlib.sha256()
        for part in sorted(of(node.name) for node in nodes):
            digest.update(part)
        for output in outputs:
            digest.update(of(_source(output)) + _port(output))
        return digest.digest()

    def _of_node(self, node: Any, known: dict[str, bytes]) -> bytes:
        inputs = [
            known.get(_source(text), b"?") + _port(text)
            for text in node.input
            if not text.startswith("^")
        ]
        if node.op == "AddN":  # sums up gradients, in any order
            inputs.sort()
        digest = hashlib.sha256(node.op.encode())
        for part in inputs:
            digest.update(hashlib.sha256(part).digest())
        for key in sorted(node.attr):
            if not key.startswith("_") and key not in _IGNORED:
                digest.update(key.encode() + self._of_attribute(node.attr[key]))
        return digest.digest()

    def _of_attribute(self, value: Any) -> bytes:
        names = [value.func.name] if value.HasField("func") else [f.name for f in value.list.func]
        if names:
            return b"".join(
                self._of_function(name) if name in self._library else name.encode()
                for name in names
            )
        return bytes(value.SerializeToString(deterministic=True))


def _inputs(node: Any) -> list[str]:
    return [_source(text) for text in node.input if not text.startswith("^")]


def _source(text: str) -> str:
    return text.partition(":")[0]


def _port(text: str) -> bytes:
    """Which output of an operation; outside of functions the first one is not numbered."""
    return text.partition(":")[2].removesuffix(":0").encode()
