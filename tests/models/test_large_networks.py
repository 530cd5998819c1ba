"""The networks for larger images: of the published size, and each image by itself."""

import numpy as np
import pytest
import tensorflow as tf

import models
from models.resnet import build_resnet18, build_small_resnet
from tests.tff_health.privacy.oracles import clip_rows, flat, losses_of
from tff_health.privacy.clipped_sum import check_layers, fast_clipped_sum

NETWORKS = ("resnet18", "small_resnet")


@pytest.fixture(scope="module", params=NETWORKS)
def network(request):
    """A network with weights that are nowhere 0 or 1, and images for it."""
    tf.keras.utils.set_random_seed(3)
    model = models.load(request.param, (28, 28, 1), 3)()
    rng = np.random.default_rng(4)
    noisy = [w + rng.normal(scale=0.02, size=w.shape) for w in model.get_weights()]
    model.set_weights([w.astype(np.float32) for w in noisy])
    return model, tf.constant(rng.random((4, 28, 28, 1), np.float32))


@pytest.mark.parametrize(
    ("name", "shape", "classes", "parameters"),
    [
        # He et al.'s, as torchvision has it (7x7).
        ("resnet18", (64, 64, 3), 1000, 11_689_512),
        # As it is in wide use for CIFAR-10 (3x3).
        ("resnet18", (32, 32, 3), 10, 11_173_962),
        ("resnet18", (28, 28, 1), 10, 11_173_962 - 2 * 9 * 64),
        ("small_resnet", (64, 64, 3), 10, 700_458),
        ("small_resnet", (28, 28, 1), 7, 695_655),
    ],
)
def test_it_has_the_published_number_of_parameters(name, shape, classes, parameters):
    model = models.load(name, shape, classes)()
    assert (model.input_shape, model.output_shape) == ((None, *shape), (None, classes))
    assert model.count_params() == parameters
    assert len(model.trainable_weights) == len(model.weights)
    assert model.layers[-1].activation.__name__ == "linear"


@pytest.mark.parametrize("name", NETWORKS)
def test_sides_may_be_odd_and_uneven(name):
    model = models.load(name, (45, 71, 3), 2)()
    assert model(np.zeros((1, 45, 71, 3), np.float32)).shape == (1, 2)


@pytest.mark.parametrize("build", [build_resnet18, build_small_resnet])
def test_weights_follow_from_the_seed(build):
    def drawn(seed):
        tf.keras.utils.set_random_seed(seed)
        return flat(build((28, 28, 1), 3).get_weights())

    first = drawn(1)
    np.testing.assert_array_equal(drawn(1), first)
    assert not np.array_equal(drawn(2), first)


@pytest.mark.parametrize("training", [False, True])
def test_an_output_depends_on_its_own_image_alone(network, training):
    model, images = network
    together = model(images, training=training).numpy()
    others = tf.concat([images[:1], 5 - 3 * images[1:]], axis=0)
    np.testing.assert_array_equal(model(others, training=training)[0], together[0])
    alone = np.concatenate([model(image[tf.newaxis], training=training) for image in images])
    np.testing.assert_allclose(alone, together, rtol=1e-4, atol=1e-5)


def single_gradient(model, image, label):
    with tf.GradientTape() as tape:
        loss = losses_of(label[tf.newaxis], model(image[tf.newaxis], training=True))
    return flat(tape.gradient(loss, model.trainable_variables))


def test_clipped_gradients_are_those_of_single_images(network):
    model, images = network
    images, labels = images[:3], tf.constant([0, 2, 1])
    check_layers(model, "fast")
    rows = np.stack([single_gradient(model, *pair) for pair in zip(images, labels, strict=True)])
    clipping_norm = float(np.median(np.linalg.norm(rows, axis=1)))
    expected = clip_rows(rows, clipping_norm)
    found = flat(tf.function(fast_clipped_sum)(model, losses_of, images, labels, clipping_norm))
    assert np.linalg.norm(found - expected) < 1e-4 * np.linalg.norm(expected)
