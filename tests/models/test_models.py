import sys

import numpy as np
import pytest

import models
from models import paper_cnn
from models.wavelets import morlet


def test_the_papers_network_has_the_papers_number_of_parameters():
    model = models.load("paper_cnn", (28, 28, 3), 7)()
    assert model.count_params() == 306_063
    # By hand: 12 kernels of 3x3x3, 24 of 3x3x12, 1176 -> 256 -> 7, and biases.
    assert 306_063 == (27 + 1) * 12 + (108 + 1) * 24 + (1176 + 1) * 256 + (256 + 1) * 7


def test_a_change_of_the_papers_network_is_noticed(monkeypatch):
    monkeypatch.setattr(paper_cnn, "PAPER_NUM_PARAMETERS", 306_064)
    with pytest.raises(ValueError, match="306063 parameters"):
        paper_cnn.build((28, 28, 3), 7)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("paper_cnn", 306_618),
        ("mnist_cnn", 206_922),
        ("tanh_cnn", 26_010),
        ("wavelet_linear", 10_826),
        ("scattering_linear", 56_650),
        ("scattering_cnn", 67_194),
    ],
)
def test_models_give_logits_for_digits(name, parameters):
    build = models.load(name, (28, 28, 1), 10)
    model = build()
    assert build() is not model
    logits = model(np.zeros((3, 28, 28, 1), np.float32)).numpy()
    assert logits.shape == (3, 10)
    assert not getattr(model, "optimizer", None)
    assert model.count_params() == parameters
    assert model.layers[-1].activation.__name__ == "linear"


def test_wavelets_are_not_trained_and_answer_to_their_direction_alone():
    model = models.load("wavelet_linear", (28, 28, 1), 10)()
    assert [tuple(v.shape) for v in model.trainable_variables] == [(784, 10), (10,)]
    energies = []
    for direction in range(8):
        wave = morlet(7, 1.2, 4.0, direction)
        np.testing.assert_allclose(wave.sum(axis=(0, 1)), 0, atol=1e-12)  # blind to brightness
        stripes = np.cos(2 * np.pi / 4 * np.arange(7))[np.newaxis].repeat(7, axis=0)
        energies.append(((wave * stripes[:, :, np.newaxis]).sum(axis=(0, 1)) ** 2).sum())
    assert int(np.argmax(energies)) == 0
    assert energies[0] > 20 * energies[4]


@pytest.mark.parametrize("name", ["wavelet_linear", "scattering_linear", "scattering_cnn"])
def test_colours_are_seen_where_there_are_any(name):
    model = models.load(name, (28, 28, 3), 7)()
    red, blue = np.zeros((2, 1, 28, 28, 3), np.float32)
    red[..., 0] = blue[..., 2] = 1.0  # as bright as each other, for wavelets
    assert np.abs(model(red) - model(blue)).max() > 0.01


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    (tmp_path / "my_models.py").write_text(
        "import tensorflow as tf\n"
        "L = tf.keras.layers\n"
        "def good(shape, classes):\n"
        "    return tf.keras.Sequential([L.InputLayer(shape), L.Flatten(), L.Dense(classes)])\n"
        "def wrong_input(shape, classes):\n"
        "    return tf.keras.Sequential([L.InputLayer((5, 5, 1)), L.Flatten(), L.Dense(classes)])\n"
        "def wrong_output(shape, classes):\n"
        "    return tf.keras.Sequential([L.InputLayer(shape), L.Flatten(), L.Dense(3)])\n"
        "def no_input(shape, classes):\n"
        "    return tf.keras.Sequential([L.Flatten(), L.Dense(classes)])\n"
        "def one_argument(shape):\n"
        "    return good(shape, 2)\n"
        "def no_model(shape, classes):\n"
        "    return 'a model'\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield "my_models"
    sys.modules.pop("my_models", None)


def test_a_model_of_the_users_own(own_module):
    assert models.problem_with(f"{own_module}:good") is None
    for function in ("good", "no_input"):
        model = models.load(f"{own_module}:{function}", (4, 4, 1), 2)()
        assert model.count_params() == 34


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("wrong_input", r"takes inputs of shape \(None, 5, 5, 1\)"),
        ("wrong_output", r"returns outputs of shape \(None, 3\)"),
        ("one_argument", "must be a function of two arguments"),
        ("no_model", "must return a Keras model"),
        ("absent", "no function 'absent'"),
    ],
)
def test_a_model_that_does_not_fit_is_refused(own_module, function, message):
    with pytest.raises(ValueError, match=message):
        models.load(f"{own_module}:{function}", (4, 4, 1), 2)


@pytest.mark.parametrize("name", ["resnet", "nowhere_at_all:build", ":", "a:", ":b", "..x:build"])
def test_a_name_of_nothing_is_refused_without_tensorflow(name):
    assert models.problem_with(name)
    with pytest.raises(ValueError):
        models.load(name, (4, 4, 1), 2)
