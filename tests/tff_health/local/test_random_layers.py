"""What layers draw follows from the stream of a batch, whatever a process drew before."""

import numpy as np
import pytest
import tensorflow as tf

from tff_health.local.random_layers import Draws

L = tf.keras.layers


class Noise(L.Layer):
    def call(self, x):
        return x + tf.random.normal(tf.shape(x)) + tf.random.truncated_normal(tf.shape(x))


class InLoop(L.Layer):
    def call(self, x):
        def one(row):
            return row + tf.random.uniform(tf.shape(row))

        return tf.map_fn(one, x)


class Branching(L.Layer):
    def call(self, x):
        if tf.random.uniform(()) < 0.5:  # AutoGraph makes it a part of the graph
            x = x + tf.random.uniform(tf.shape(x))
        for _ in tf.range(3):
            x = x + tf.random.normal(())
        return x


def discrete(x):
    drawn = tf.random.uniform(tf.shape(x), 0, 9, tf.int32)
    order = tf.random.shuffle(tf.range(tf.shape(x)[0]))
    classes = tf.random.categorical(tf.zeros((1, 5)), 1)
    return tf.gather(x, order) + tf.cast(drawn, tf.float32) + tf.cast(classes[0, 0], tf.float32)


LAYERS = {
    "dropout": lambda: L.Dropout(0.5),
    "own seed": lambda: L.Dropout(0.5, seed=3),
    "noise": lambda: L.GaussianNoise(1.0),
    "flip": lambda: L.RandomFlip("horizontal"),
    "rotation": lambda: L.RandomRotation(0.4),
    "own": Noise,
    "loop": InLoop,
    "branching": Branching,
    "discrete": lambda: L.Lambda(discrete),
}


def outputs(make, streams):
    """What a layer gives in a graph of its own, called with each of these streams."""
    images = np.random.default_rng(0).random((6, 8, 8, 1), np.float32)
    with tf.Graph().as_default():
        layer, draws = make(), Draws()
        stream = tf.compat.v1.placeholder(tf.int64, (2,))

        @tf.function
        def call(x, stream):
            with draws.seeded(stream):
                return layer(x, training=True)

        result = call(tf.constant(images), stream)
        with tf.compat.v1.Session() as session:
            session.run(tf.compat.v1.global_variables_initializer())
            return [session.run(result, {stream: given}) for given in streams]


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_draws_the_same_from_a_stream_and_something_else_from_another(layer):
    first, second, again = outputs(LAYERS[layer], [(1, 2), (1, 3), (1, 2)])
    (elsewhere,) = outputs(LAYERS[layer], [(1, 2)])
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(first, elsewhere)
    assert not np.array_equal(first, second)


def test_two_layers_and_two_passes_of_a_loop_draw_apart():
    def make():
        return tf.keras.Sequential([InLoop(), InLoop()])

    (found,) = outputs(make, [(1, 2)])
    images = np.random.default_rng(0).random((6, 8, 8, 1), np.float32)
    drawn = (found - images).reshape(6, -1)
    assert len(np.unique(drawn.round(4))) > 300  # of 384
    assert 0.8 < drawn.mean() < 1.2


def test_tensorflow_draws_as_before_afterwards():
    from tensorflow.python.ops import gen_random_ops

    before = gen_random_ops.random_uniform
    outputs(LAYERS["dropout"], [(1, 2)])
    assert gen_random_ops.random_uniform is before
