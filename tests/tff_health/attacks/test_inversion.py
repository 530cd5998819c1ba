"""Gradient inversion: a plain gradient gives a digit away; a masked or a noised one does not."""

import numpy as np
import pytest
import tensorflow as tf

from tff_health.attacks import views
from tff_health.attacks.gradients import infer_label, mean_gradient
from tff_health.attacks.inversion import InversionSettings, invert
from tff_health.attacks.likeness import similarity
from tff_health.data.scaling import Scaling

SHAPE = (28, 28, 1)
SETTINGS = InversionSettings(iterations=300, restarts=1)
SHORT = InversionSettings(iterations=1, restarts=1)


def shapes(model):
    return [tuple(v.shape) for v in model.trainable_variables]


def is_recovered(original, found):
    compared = similarity(original, found)
    return compared.psnr[0] > 22 and compared.ssim[0] > 0.85


def is_unrelated(original, found):
    compared = similarity(original, found)
    return compared.psnr[0] < 14 and compared.ssim[0] < 0.3


def test_a_digit_is_recovered_from_the_update_of_one_step(network, digit):
    image, label = digit
    before = network.get_weights()
    with tf.GradientTape() as tape:
        loss = tf.keras.losses.sparse_categorical_crossentropy(label, network(image), True)
        mean = tf.reduce_mean(loss)
    slopes = tape.gradient(mean, network.trainable_variables)
    after = [w - 0.05 * slope.numpy() for w, slope in zip(before, slopes, strict=True)]
    update = [b - a for b, a in zip(before, after, strict=True)]

    found = invert(network, views.plain(update, 0.05), SHAPE, settings=SETTINGS)
    assert found.labels == label
    assert found.distance < 0.05
    assert is_recovered(image, found.images)


def test_a_digit_is_not_recovered_from_a_masked_update(network, digit):
    image, label = digit
    gradient = mean_gradient(network, image, label)
    flat = np.concatenate([array.ravel() for array in gradient])
    encoded = np.rint(np.ldexp(flat, 16)).astype(np.int64)
    mask = np.random.default_rng(0).integers(0, 2**32, len(flat), dtype=np.uint64)
    residues = (encoded.astype(np.uint64) + mask) % np.uint64(2**32)

    masked = invert(
        network, views.masked(residues, shapes(network), 32, 16), SHAPE, label, SETTINGS
    )
    assert is_unrelated(image, masked.images)
    assert masked.distance > 0.5
    # The same upload without its mask gives the digit: it is the mask that keeps it back.
    residues = encoded.astype(np.uint64) % np.uint64(2**32)
    bare = invert(network, views.masked(residues, shapes(network), 32, 16), SHAPE, label, SETTINGS)
    assert is_recovered(image, bare.images)


def test_a_digit_is_not_recovered_from_a_private_update(network, digit):
    image, label = digit
    gradient = mean_gradient(network, image, label)
    found = {}
    for multiplier in (0.0, 1.0):
        view = views.private([gradient], 0.1, multiplier, np.random.default_rng(0))
        found[multiplier] = invert(network, view, SHAPE, label, SETTINGS).images
    assert is_recovered(image, found[0.0])
    assert is_unrelated(image, found[1.0])


def test_two_digits_are_recovered_from_one_gradient(network, digits):
    images, labels = digits.pixels[[0, 4]] / np.float32(255), digits.labels[[0, 4]]
    gradient = mean_gradient(network, images, labels)
    found = invert(network, gradient, SHAPE, labels, SETTINGS)
    assert similarity(images, found.images).psnr.min() > 15


def test_images_are_sought_in_the_scale_of_training(network, digit):
    image, label = digit
    scaling = Scaling((0.3,), (0.3,))
    gradient = mean_gradient(network, image, label, scaling)
    assert invert(network, gradient, SHAPE, label, SETTINGS, scaling).distance < 0.1


@pytest.mark.parametrize("use_bias", [True, False])
def test_the_label_of_every_class_is_inferred(digits, use_bias):
    layers = tf.keras.layers
    tf.keras.utils.set_random_seed(1)
    model = tf.keras.Sequential(
        [
            layers.InputLayer(SHAPE),
            layers.Flatten(),
            layers.Dense(20, activation="tanh"),
            layers.Dense(10, use_bias=use_bias),
        ]
    )
    for label in range(10):
        index = np.flatnonzero(digits.labels == label)[:1]
        gradient = mean_gradient(model, digits.pixels[index] / np.float32(255), np.array([label]))
        assert infer_label(gradient) == label
        assert infer_label([7 * array for array in gradient]) == label


def test_a_seed_decides_and_progress_is_told(network, digit):
    image, label = digit
    gradient = mean_gradient(network, image, label)
    settings = InversionSettings(iterations=51, restarts=2)
    told = []
    first = invert(network, gradient, SHAPE, settings=settings, progress=lambda *x: told.append(x))
    assert [done for done, _, _ in told] == [50, 100, 150, 200]
    assert {total for _, total, _ in told} == {200}
    assert first.distance <= min(told[1][2], told[3][2]) + 0.01
    again = invert(network, gradient, SHAPE, settings=settings)
    assert np.array_equal(first.images, again.images)
    other = invert(network, gradient, SHAPE, settings=InversionSettings(1, 1, seed=1))
    assert not np.array_equal(first.images, other.images)


def test_what_does_not_fit_the_model_is_refused(network, digit):
    gradient = mean_gradient(network, *digit)
    bad = [np.where(np.arange(a.size).reshape(a.shape) == 0, np.nan, a) for a in gradient]
    zero = [np.zeros_like(a) for a in gradient]
    for message, arguments in (
        ("do not fit a model", (gradient[:-1], SHAPE)),
        ("do not fit a model", ([*gradient[:-1], np.zeros(9)], SHAPE)),
        ("4 numbers of the gradient are not finite", (bad, SHAPE)),
        ("zero throughout", (zero, SHAPE)),
        ("a model that takes", (gradient, (28, 28, 3))),
        ("labels 10 to 10", (gradient, SHAPE, np.array([10]))),
        ("labels must be integers", (gradient, SHAPE, np.array([1.0]))),
        ("labels must be integers", (gradient, SHAPE, np.array([], int))),
    ):
        with pytest.raises(ValueError, match=message):
            invert(network, *arguments, settings=SHORT)
    with pytest.raises(ValueError, match="give the labels"):
        infer_label([np.zeros((3, 3, 1, 2))])


@pytest.mark.parametrize(
    "values",
    [
        {"iterations": 0},
        {"restarts": 0},
        {"step": 0.0},
        {"step": float("nan")},
        {"total_variation": -1.0},
    ],
)
def test_settings_out_of_range_are_refused(values):
    (name,) = values
    with pytest.raises(ValueError, match=name):
        InversionSettings(**values)


def test_similarity_matches_images_and_knows_equal_ones(digits):
    images = digits.pixels[:3] / np.float32(255)
    compared = similarity(images, images[[2, 0, 1]])
    assert compared.order.tolist() == [1, 2, 0]
    assert np.isinf(compared.psnr).all()
    assert np.allclose(compared.ssim, 1)
    grey = np.full_like(images, 0.5)
    assert similarity(grey, grey + 0.1).psnr == pytest.approx([20] * 3)
    for found in (images[:2], images[0], images[:, :10, :10], images * np.nan, images + 1):
        with pytest.raises(ValueError, match=r"shape|sides|lie in"):
            similarity(found if found.shape[1:] == (10, 10, 1) else images, found)
