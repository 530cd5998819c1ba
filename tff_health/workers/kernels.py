"""Keeps TensorFlow from choosing kernels by where the nodes of a graph lie in memory.

When TensorFlow prepares a graph for oneDNN, it gives the gradient of a max pooling oneDNN's kernel
only if it gave one to the pooling before. It goes through the graph depth first, and through the
neighbours of large nodes in the order of their addresses. A graph with a training loop is cyclic,
and there the gradient came before its pooling in one of some 300 sessions, so that sums had other
last bits and the run another result. A function of its own that holds both has no cycle.

Source: `RunPass` and `MaxpoolGradRewrite` in tensorflow/core/common_runtime/mkl_layout_pass.cc.
"""

from collections.abc import Iterator
from typing import Any

import tensorflow as tf
import tensorflow_federated as tff

_POOLINGS = {"MaxPoolGrad": "MaxPool", "MaxPool3DGrad": "MaxPool3D"}
"""The pooling of each gradient that TensorFlow treats so."""


def fix_kernels(
    computation: tff.framework.ConcreteComputation,
) -> tff.framework.ConcreteComputation:
    """Returns a computation with the same results that gets the same kernels in every session.

    Args:
        computation: compiled for an executor service, so that its loops are cycles already.
    """
    proto = tff.framework.serialize_computation(computation)
    for part in _tensorflow_parts(proto):
        graph = tf.compat.v1.GraphDef()
        part.graph_def.Unpack(graph)
        gradients = [node for node in graph.node if node.op in _POOLINGS]
        for gradient in gradients:
            _call_function(gradient, _add_function(graph.library, gradient))
        if gradients:
            part.graph_def.Pack(graph)
    return tff.framework.deserialize_computation(proto)


def _tensorflow_parts(message: Any) -> Iterator[Any]:
    """Finds the TensorFlow graphs anywhere in the proto of a computation."""
    if message.DESCRIPTOR.name == "TensorFlow":
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type is not None:
            for part in value if field.label == field.LABEL_REPEATED else [value]:
                yield from _tensorflow_parts(part)


def _add_function(library: Any, gradient: Any) -> str:
    """Adds (input of the pooling, gradient of its output) -> gradient of its input, by name."""
    function, dtype = library.function.add(), gradient.attr["T"].type
    function.signature.name = f"pooling_gradient_{len(library.function)}"
    function.signature.input_arg.add(name="images", type=dtype)
    function.signature.input_arg.add(name="outer", type=dtype)
    function.signature.output_arg.add(name="inner", type=dtype)
    pooling = function.node_def.add(name="pooling", op=_POOLINGS[gradient.op], input=["images"])
    inner = function.node_def.add(
        name="inner", op=gradient.op, input=["images", "pooling:output:0", "outer"]
    )
    for name, value in gradient.attr.items():
        if not name.startswith("_"):
            inner.attr[name].CopyFrom(value)
            if name != "TInput":  # a pooling has one type
                pooling.attr[name].CopyFrom(value)
    function.ret["inner"] = "inner:output:0"
    function.attr["_noinline"].b = True
    return str(function.signature.name)


def _call_function(gradient: Any, function: str) -> None:
    """Makes the node call the function instead."""
    images, _, outer, *controls = gradient.input
    dtype = gradient.attr["T"].type
    gradient.op = "PartitionedCall"
    del gradient.input[:]
    gradient.input.extend([images, outer, *controls])
    gradient.attr.clear()
    gradient.attr["f"].func.name = function
    gradient.attr["Tin"].list.type.extend([dtype, dtype])
    gradient.attr["Tout"].list.type.append(dtype)
    options = tf.compat.v1.ConfigProto()  # as TFF has it for all calls: the graph is optimised
    options.graph_options.rewrite_options.disable_meta_optimizer = True
    gradient.attr["config_proto"].s = options.SerializeToString()
