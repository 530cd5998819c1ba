"""Gradients of max pooling are moved into functions, and computations keep their results."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_health.clear_sums import assert_same_bits, clear_context
from tff_health.workers.kernels import fix_kernels

POOLINGS = {
    "of parts": ((6, 6, 3), lambda x: tf.nn.max_pool2d(x, 2, 2, "VALID")),
    "of parts that overlap": ((6, 5, 3), lambda x: tf.nn.max_pool2d(x, 3, 2, "SAME")),
    "of every place": ((5, 6, 3), lambda x: tf.nn.max_pool2d(x, 2, 1, "VALID")),
    "in three dimensions": ((4, 4, 4, 3), lambda x: tf.nn.max_pool3d(x, 2, 1, "VALID")),
}


def training(shape, pool):
    """A computation that trains a filter in a loop, through the pooling."""
    convolve = tf.nn.conv2d if len(shape) == 3 else tf.nn.conv3d

    @tff.tensorflow.computation(tff.TensorType(np.float32, (4, *shape)))
    def train(images):
        weights = tf.Variable(tf.ones((2,) * (len(shape) - 1) + (3, 3)) / 10)

        @tf.function
        def steps():
            weights.assign(tf.ones_like(weights) / 10)
            for step in tf.range(5):
                with tf.GradientTape() as tape:
                    seen = convolve(images, weights, [1] * (len(shape) + 1), "SAME")
                    loss = tf.reduce_sum(pool(tf.tanh(seen)) ** 2)
                weights.assign_sub(
                    tape.gradient(loss, weights) * 0.01 / tf.cast(step + 1, tf.float32)
                )
            return weights.read_value()

        return steps()

    return train


def graph_of(computation):
    graph = tf.compat.v1.GraphDef()
    tff.framework.serialize_computation(computation).tensorflow.graph_def.Unpack(graph)
    return graph


def compile_plainly(computation):
    return tff.backends.native.desugar_and_transform_to_native(computation)


@pytest.fixture(params=POOLINGS)
def pooling(request):
    return POOLINGS[request.param]


def test_a_gradient_is_in_a_function_with_its_pooling_and_in_no_cycle(pooling):
    plain = compile_plainly(training(*pooling))
    ops = [node.op for node in graph_of(plain).node]
    (gradient,) = [op for op in ops if op in ("MaxPoolGrad", "MaxPool3DGrad")]
    assert "NextIteration" in ops  # the loop is a cycle of nodes by now
    graph = graph_of(fix_kernels(plain))
    assert gradient not in [node.op for node in graph.node]
    (call,) = [node for node in graph.node if node.op == "PartitionedCall"]
    (function,) = [
        f for f in graph.library.function if f.signature.name == call.attr["f"].func.name
    ]
    assert [node.op for node in function.node_def] == [gradient.removesuffix("Grad"), gradient]
    assert function.attr["_noinline"].b


def test_results_stay_the_same(tff_context, pooling):
    train = training(*pooling)
    images = np.random.default_rng(5).normal(size=(4, *pooling[0])).astype(np.float32)
    fixed = train(images)
    with tff.framework.get_context_stack().install(clear_context(tff_context)):  # TFF's compiler
        assert_same_bits(fixed, train(images))
    assert np.ptp(fixed) > 0.01  # it trained


def test_computations_without_poolings_stay_as_they_are():
    @tff.tensorflow.computation(np.float32)
    def double(x):
        return 2 * x

    plain = compile_plainly(double)
    assert graph_of(fix_kernels(plain)) == graph_of(plain)


def test_graphs_within_federated_computations_are_treated_too():
    train = training(*POOLINGS["of parts"])

    @tff.federated_computation(tff.FederatedType(train.type_signature.parameter, tff.CLIENTS))
    def mean(images):
        return tff.federated_mean(tff.federated_map(train, images))

    proto = tff.framework.serialize_computation(fix_kernels(compile_plainly(mean)))
    assert b"pooling_gradient_1" in proto.SerializeToString()
