"""What a network does, seen in the graph of operations that TensorFlow makes of it."""

from collections.abc import Iterator
from typing import Any

import tensorflow as tf

_RANDOM = (
    "Multinomial",
    "NonDeterministicInts",
    "ParameterizedTruncatedNormal",
    "RandomGamma",
    "RandomPoisson",
    "RandomPoissonV2",
    "RandomShuffle",
    "RandomStandardNormal",
    "RandomUniform",
    "RandomUniformInt",
    "RngReadAndSkip",
    "RngSkip",
    "SampleDistortedBoundingBox",
    "SampleDistortedBoundingBoxV2",
    "TruncatedNormal",
)
_PYTHON = ("EagerPyFunc", "PyFunc", "PyFuncStateless")


def trace(model: tf.keras.Model, training: bool) -> Any:
    """Returns the network as a `ConcreteFunction`, from images to outputs and losses of its own.

    Where it has gradients of its own (`tf.custom_gradient`), they are a part of it in training.

    Args:
        model: from float32 images of a fixed size to one row of outputs for each.
        training: whether it is called as in training.
    """

    def forward(images: tf.Tensor) -> Any:
        return model(images, training=training), model.losses

    def descended(images: tf.Tensor) -> Any:
        with tf.GradientTape() as tape:
            outputs, losses = forward(images)
        return outputs, losses, tape.gradient([outputs, *losses], model.trainable_variables)

    spec = tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)
    function = tf.function(forward).get_concrete_function(spec)
    if training and any(_has_own_gradient(node) for node in nodes(function)):
        return tf.function(descended).get_concrete_function(spec)
    return function


def _has_own_gradient(node: Any) -> bool:
    return bool(node.attr["_gradient_op_type"].s.startswith(b"CustomGradient"))


def nodes(function: Any) -> Iterator[Any]:
    """Yields the operations of a `ConcreteFunction` and of all that it calls, as `NodeDef`."""
    graph = function.graph.as_graph_def()
    yield from graph.node
    for called in graph.library.function:
        yield from called.node_def


def random_operations(function: Any) -> set[str]:
    """Returns the kinds of operations that draw at random and are given no seed."""
    kinds = {node.op for node in nodes(function)}
    return {
        kind
        for kind in kinds
        if kind in _RANDOM or (kind.startswith("Stateful") and not kind.endswith("PartitionedCall"))
    }


def python_operations(function: Any) -> list[str]:
    """Returns the names of operations that call Python."""
    return [node.name for node in nodes(function) if node.op in _PYTHON]


def assignments(function: Any) -> list[str]:
    """Returns the names of operations that change variables."""
    return [
        node.name
        for node in nodes(function)
        if (node.op.startswith("Assign") and node.op.endswith("VariableOp"))
        or node.op.startswith(("ResourceScatter", "ResourceApply", "ResourceSparseApply"))
    ]
