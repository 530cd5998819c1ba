"""The fast clipped sum equals the definition, for every layer that has a rule."""

import numpy as np
import pytest
import tensorflow as tf

from tests.tff_health.privacy.oracles import (
    CLASSES,
    clip_rows,
    flat,
    gradient_rows,
    losses_of,
    randomise,
    registry_clipped_sum,
    registry_norms,
    small_batch,
)
from tff_health.local.random_layers import Draws
from tff_health.privacy.clipped_sum import (
    check_layers,
    fast_chunk,
    fast_clipped_sum,
    tfp_clipped_sum,
)

L = tf.keras.layers


def sequential(shape, *layers):
    return randomise(tf.keras.Sequential([L.InputLayer(shape), *layers, L.Dense(CLASSES)]))


def with_convolution(shape, **settings):
    settings = {"filters": 3, "kernel_size": 3, "activation": "tanh", **settings}
    return sequential(shape, L.Conv2D(**settings), L.Conv2D(4, 2), L.Flatten())


def with_skip():
    inputs = L.Input((6, 6, 2))
    first = L.Conv2D(3, 3, padding="same", activation="relu")(inputs)
    second = L.Conv2D(3, 3, padding="same")(L.Activation("tanh")(first))
    joined = L.Concatenate()([L.Add()([first, second]), inputs])
    block = tf.keras.Sequential([L.InputLayer((5,)), L.Dense(4, activation="elu")])
    outputs = L.Dense(CLASSES)(block(L.GlobalAveragePooling2D()(joined)))
    return randomise(tf.keras.Model(inputs, outputs))


MODELS = {
    "dense": lambda: sequential((5,), L.Dense(4, activation="relu"), L.Dense(3, use_bias=False)),
    "one variable": lambda: randomise(
        tf.keras.Sequential([L.InputLayer((4,)), L.Dense(CLASSES, use_bias=False)])
    ),
    "dense of rank 3": lambda: sequential((4, 5), L.Dense(3, activation="tanh"), L.Flatten()),
    "dense of rank 4": lambda: sequential((2, 3, 5), L.Dense(2, use_bias=False), L.Flatten()),
    "same": lambda: with_convolution((6, 5, 2), padding="same"),
    "valid": lambda: with_convolution((6, 5, 2)),
    "no bias": lambda: with_convolution((6, 6, 1), use_bias=False),
    "same, stride 2": lambda: with_convolution((7, 8, 2), strides=2, padding="same"),
    "valid, stride 2": lambda: with_convolution((8, 7, 2), strides=2),
    "uneven strides": lambda: with_convolution((9, 7, 2), strides=(3, 2), kernel_size=(2, 4)),
    "stride beyond the kernel": lambda: with_convolution((9, 9, 1), strides=3, kernel_size=1),
    "same, stride beyond the kernel": lambda: with_convolution(
        (9, 8, 1), strides=4, kernel_size=2, padding="same"
    ),
    "dilated": lambda: with_convolution((8, 9, 2), dilation_rate=2),
    "dilated, same": lambda: with_convolution((7, 6, 2), dilation_rate=(1, 3), padding="same"),
    "as large as the image": lambda: with_convolution((5, 5, 2), kernel_size=4),
    "many channels": lambda: sequential(  # large gradients from few positions
        (3, 3, 60), L.Conv2D(130, 3, padding="same", activation="tanh"), L.GlobalMaxPool2D()
    ),
    "each channel by itself": lambda: sequential(
        (7, 6, 2), L.DepthwiseConv2D(3, padding="same", activation="tanh"), L.Flatten()
    ),
    "each channel by itself, several times": lambda: sequential(
        (7, 8, 2), L.DepthwiseConv2D((2, 3), 2, depth_multiplier=3, use_bias=False), L.Flatten()
    ),
    "each channel by itself, dilated": lambda: sequential(
        (7, 8, 2), L.DepthwiseConv2D(3, dilation_rate=2, padding="same"), L.Flatten()
    ),
    "layer normalisation": lambda: sequential(
        (4, 4, 1), L.Conv2D(4, 3), L.LayerNormalization(), L.ReLU(), L.Flatten()
    ),
    "layer normalisation of two axes": lambda: sequential(
        (4, 3, 2), L.LayerNormalization(axis=(1, 3), scale=False), L.Flatten()
    ),
    "layer normalisation of all axes": lambda: sequential(
        (4, 3, 2), L.Conv2D(2, 2), L.LayerNormalization(axis=(1, 2, 3)), L.Flatten()
    ),
    "group normalisation": lambda: sequential(
        (5, 5, 2), L.Conv2D(6, 3), L.GroupNormalization(3), L.ReLU(), L.Conv2D(2, 2), L.Flatten()
    ),
    "group normalisation without offset": lambda: sequential(
        (4, 4, 4), L.GroupNormalization(2, center=False), L.Flatten()
    ),
    "layers without weights": lambda: sequential(
        (8, 8, 2),
        L.Rescaling(0.5),
        L.ZeroPadding2D(1),
        L.Conv2D(3, 3),
        L.MaxPooling2D(2),
        L.LeakyReLU(),
        L.AveragePooling2D(2, 1),
        L.Reshape((-1,)),
    ),
    "a part that is not trained": lambda: sequential(
        (5, 5, 1), L.Conv2D(2, 3, trainable=False), L.Conv2D(2, 2), L.Flatten()
    ),
    "skips and a model in the model": with_skip,
}


@pytest.fixture(params=MODELS, scope="module")
def case(request):
    """A model, a batch, the examples' gradients, and a clipping norm in the midst of theirs."""
    model = MODELS[request.param]()
    images, labels = small_batch(model, 9)
    rows = gradient_rows(model, images, labels)
    return model, images, labels, rows, float(np.median(np.linalg.norm(rows, axis=1)))


def assert_close(found, expected, tolerance=1e-5):
    assert np.linalg.norm(found - expected) <= tolerance * np.linalg.norm(expected)


def test_equals_clipped_jacobian(case):
    model, images, labels, rows, clipping_norm = case
    check_layers(model, "fast")
    found = fast_clipped_sum(model, losses_of, images, labels, clipping_norm)
    assert [f.shape for f in found] == [v.shape for v in model.trainable_variables]
    assert_close(flat(found), clip_rows(rows, clipping_norm))


def test_nothing_is_clipped_below_the_norm(case):
    model, images, labels, rows, _ = case
    found = flat(fast_clipped_sum(model, losses_of, images, labels, 1e6))
    assert_close(found, rows.sum(axis=0))


def test_rules_serve_tf_privacy(case):
    model, images, labels, rows, clipping_norm = case
    assert_close(registry_norms(model, images, labels).numpy(), np.linalg.norm(rows, axis=1))
    found = registry_clipped_sum(model, images, labels, clipping_norm)
    assert_close(flat(found), clip_rows(rows, clipping_norm))


@pytest.mark.parametrize(
    "name",
    [
        *("dense", "valid", "each channel by itself, dilated", "group normalisation"),
        "skips and a model in the model",
    ],
)
def test_tf_privacy_optimizer_agrees(name):
    model = MODELS[name]()
    images, labels = small_batch(model, 7)
    expected = clip_rows(gradient_rows(model, images, labels), 0.5)
    check_layers(model, "tfp_optimizer")
    function = tf.function(tfp_clipped_sum)
    assert_close(flat(function(model, losses_of, images, labels, 0.5)), expected)
    assert_close(flat(function(model, losses_of, images, labels, 0.5, chunk=3)), expected)


@pytest.mark.parametrize("clipped_sum", [fast_clipped_sum, tfp_clipped_sum])
def test_any_batch_size_in_one_graph(clipped_sum):
    model = MODELS["group normalisation"]()
    signature = [
        tf.TensorSpec((None, *model.input_shape[1:]), tf.float32),
        tf.TensorSpec((None,), tf.int32),
    ]
    function = tf.function(
        lambda images, labels: clipped_sum(model, losses_of, images, labels, 0.1, chunk=200),
        input_signature=signature,
    )
    for n in (1, 2, 200, 201, 512):
        images, labels = small_batch(model, n, seed=n)
        expected = clip_rows(gradient_rows(model, images, labels), 0.1)
        assert_close(flat(function(images, labels)), expected)
    images, labels = small_batch(model, 0)
    empty = function(images, labels)
    assert [e.shape for e in empty] == [v.shape for v in model.trainable_variables]
    assert not np.any(flat(empty))


def test_in_a_plain_graph():
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        model = MODELS["layers without weights"]()
        images = tf.compat.v1.placeholder(tf.float32, (None, 8, 8, 2))
        labels = tf.compat.v1.placeholder(tf.int32, (None,))
        sums = fast_clipped_sum(model, losses_of, images, labels, 0.1)
        session.run([v.initializer for v in model.trainable_variables])
        rng = np.random.default_rng(0)
        feed = {images: rng.normal(size=(5, 8, 8, 2)), labels: [0, 1, 2, 0, 1]}
        assert 0 < np.linalg.norm(flat(session.run(sums, feed))) <= 0.5001


def test_an_example_without_gradient():
    model = MODELS["valid"]()
    images, labels = small_batch(model, 4)

    def no_loss_for_class_0(labels, outputs):
        return tf.where(labels == 0, 0.0, losses_of(labels, outputs))

    labels = tf.constant([0, 0, 1, 2])
    found = flat(fast_clipped_sum(model, no_loss_for_class_0, images, labels, 0.1))
    assert_close(found, clip_rows(gradient_rows(model, images, labels)[2:], 0.1))
    nothing = fast_clipped_sum(model, no_loss_for_class_0, images[:2], labels[:2], 0.1)
    assert not np.any(flat(nothing))


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e30])
@pytest.mark.parametrize("name", ["valid", "many channels", "layer normalisation", "dense"])
def test_a_gradient_that_is_not_finite_contributes_nothing(name, bad):
    model = MODELS[name]()
    images, labels = small_batch(model, 5)
    spoilt = tf.concat([images[:2], tf.fill(images[:1].shape, bad), images[2:]], axis=0)
    more_labels = tf.concat([labels[:2], [0], labels[2:]], axis=0)
    expected = clip_rows(gradient_rows(model, images, labels), 0.1)
    found = flat(tf.function(fast_clipped_sum)(model, losses_of, spoilt, more_labels, 0.1))
    if bad == 1e30:  # may come out as a gradient that is finite
        assert np.all(np.isfinite(found))
        assert np.linalg.norm(found - expected) <= 0.1001
    else:
        assert_close(found, expected)


def test_a_gradient_that_is_not_finite_spoils_tf_privacys_sum():
    model = MODELS["dense"]()
    images, labels = small_batch(model, 3)
    spoilt = tf.concat([images[:2], tf.fill(images[:1].shape, np.nan)], axis=0)
    assert np.isnan(flat(tfp_clipped_sum(model, losses_of, spoilt, labels, 0.1))).any()


def test_dropout_is_drawn_once_for_norm_and_sum():
    model = sequential((40,), L.Dense(30, activation="tanh"), L.Dropout(0.5))
    images, labels = small_batch(model, 1)
    tf.random.set_seed(1)
    sums = [flat(fast_clipped_sum(model, losses_of, images, labels, 0.1)) for _ in range(5)]
    for one in sums:
        assert np.linalg.norm(one) == pytest.approx(0.1, rel=1e-5)
    assert np.linalg.norm(sums[0] - sums[1]) > 0.01


def test_losses_must_be_one_for_each_example():
    model = MODELS["dense"]()
    images, labels = small_batch(model, 4)
    for clipped_sum in (fast_clipped_sum, tfp_clipped_sum):
        with pytest.raises(ValueError, match="a loss for each example"):
            clipped_sum(model, lambda y, o: tf.reduce_mean(losses_of(y, o)), images, labels, 0.1)
        with pytest.raises(tf.errors.InvalidArgumentError):
            clipped_sum(
                model,
                lambda y, o: tf.reduce_mean(losses_of(y, o), keepdims=True),
                images,
                labels,
                0.1,
            )


def test_large_networks_take_fewer_examples_at_once():
    small = sequential((28, 28, 3), L.Conv2D(12, 3, padding="same"), L.Conv2D(24, 3), L.Flatten())
    large = sequential((64, 64, 3), L.Conv2D(64, 3, padding="same"), L.Conv2D(8, 3), L.Flatten())
    assert fast_chunk(small) == 256
    assert fast_chunk(large) == 2**26 // (2 * (9 * 3 * 64**2 + 9 * 64 * 62**2))


def test_images_change_at_random_in_training_as_in_tf_privacy():
    model = sequential(
        (8, 8, 1),
        *(L.Normalization(mean=0.5, variance=0.1), L.RandomFlip(), L.RandomRotation(0.2)),
        *(L.RandomZoom(0.2), L.RandomTranslation(0.2, 0.2), L.RandomBrightness(0.2)),
        *(L.RandomCrop(6, 6), L.Resizing(7, 7), L.CenterCrop(5, 5), L.Conv2D(3, 3), L.Flatten()),
    )
    check_layers(model, "fast")
    images, labels = small_batch(model, 6)
    draws = Draws()

    @tf.function
    def summed(stream):
        found = []
        for way in (fast_clipped_sum, tfp_clipped_sum):
            with draws.seeded(stream):
                found.append(way(model, losses_of, images, labels, 0.1))
        return found

    (first, second), (other, _) = (
        summed(tf.constant([1, 2], tf.int64)),
        summed(tf.constant([1, 3], tf.int64)),
    )
    assert_close(flat(first), flat(second))
    assert np.linalg.norm(flat(first) - flat(other)) > 0.01 * np.linalg.norm(flat(first))
