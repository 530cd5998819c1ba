"""Networks as users bring them along are made fit, or refused in one sentence."""

import numpy as np
import pytest
import tensorflow as tf

import models
from models.outputs import log_probabilities
from tests.models import networks

SHAPE, CLASSES = (4, 4, 1), 3


def load(function):
    return models.load(f"tests.models.networks:{function}", SHAPE, CLASSES, seed=1)


@pytest.fixture
def images():
    return np.random.default_rng(1).random((5, *SHAPE), np.float32)


@pytest.mark.parametrize(
    "function",
    [
        "logits",
        "compiled",
        "uncalled",
        "any_size",
        "adapted",
        "bfloat16",
        "frozen_batchnorm",
        "branching_traced",
    ],
)
def test_it_is_made_fit(function, images):
    model = load(function)()
    assert (model.input_shape, model.output_shape) == ((None, *SHAPE), (None, CLASSES))
    assert model(images).shape == (5, CLASSES)
    assert not model._is_compiled
    assert model.layers[-1].name != "logits"
    assert tf.keras.mixed_precision.global_policy().name == "float32"


def test_an_adapted_layer_keeps_what_it_learnt_on_clients():
    build = load("adapted")
    with tf.Graph().as_default():
        model = build()
        layer = next(x for x in model.layers if isinstance(x, tf.keras.layers.Normalization))
        with tf.compat.v1.Session() as session:
            mean = session.run(layer.mean)
    np.testing.assert_allclose(mean.ravel(), [6.0], atol=1e-4)
    assert not layer.weights


PROBABILITIES = (
    *("dense_softmax", "softmax_layer", "softmax_function", "softmax_reshaped", "percent"),
    *("softmax_dropout", "nested_softmax", "called_softmax", "sigmoid"),
)


@pytest.mark.parametrize("function", PROBABILITIES)
def test_probabilities_become_logits_of_the_same_probabilities(function, images):
    tf.keras.utils.set_random_seed(5)
    raw = getattr(networks, function)(SHAPE, CLASSES)
    raw(images)
    model = load(function)()
    model.set_weights(raw.get_weights())
    expected = raw(images).numpy()
    expected /= expected.sum(axis=1, keepdims=True)
    in_graph = tf.function(lambda x: model(x, training=False))(tf.constant(images))
    for found in (model(images), in_graph):
        np.testing.assert_allclose(tf.nn.softmax(found), expected, rtol=1e-5)


@pytest.mark.parametrize("function", ["logits", "log_softmax", "relu", "tanh", "no_head_yet"])
def test_what_is_no_probability_is_left_alone(function):
    assert load(function)().layers[-1].name != "logits"


@pytest.mark.parametrize("activation", [tf.nn.softmax, tf.nn.sigmoid])
def test_a_network_that_is_sure_of_a_wrong_class_still_learns(activation):
    @tf.function
    def gradient(given):
        with tf.GradientTape() as tape:
            tape.watch(given)
            logits = log_probabilities(activation(given))
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits([1], logits)
        return tape.gradient(loss, given)

    assert np.abs(gradient(tf.constant([[200.0, -200.0, 0.0]]))).max() > 0.4


def takes_channels_first():
    """Whether convolutions of this TensorFlow run on channels first; on some processors they do."""
    try:
        tf.nn.conv2d(tf.zeros((1, 1, 4, 4)), tf.zeros((3, 3, 1, 1)), 1, "SAME", data_format="NCHW")
    except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError):
        return False
    return True


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("batchnorm", r"layer 'batch_normalization.* use GroupNormalization or LayerNorm"),
        ("counting", r"layer 'counter.* \(Counter\) changes a state of its own"),
        ("two_inputs", "takes 2 inputs, but must take images alone"),
        ("two_outputs", "returns several outputs"),
        ("whole_pixels", "takes inputs of uint8, but images are float32"),
        ("all_frozen", "without weights that can be trained"),
        ("constrained", "with a constraint"),
        ("float16", "use mixed_bfloat16 instead"),
        ("python_function", "calls Python"),
        ("kept", "returned weights of an earlier call"),
        ("ready", "'tests.models.networks:ready' is a Sequential, but must be a function"),
        pytest.param(
            "channels_first",
            r"cannot be called on images, \w+: .*the NHWC tensor format",
            marks=pytest.mark.skipif(
                takes_channels_first(), reason="TensorFlow takes NCHW on this processor"
            ),
        ),
        ("eager_constant", "cannot be built in a TensorFlow graph, as clients do"),
        ("branching", "as clients do.*Python control flow.*decorate its call with @tf.function"),
    ],
)
def test_it_is_refused_by_name(function, message):
    with pytest.raises(ValueError, match=message):
        load(function)
