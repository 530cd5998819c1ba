import re
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


FAULTY = """import tensorflow as tf
def key(shape, classes):
    raise KeyError("units")
def lines(shape, classes):
    raise ValueError("one\\ntwo")
def leaves(shape, classes):
    raise SystemExit(3)
def layer(shape, classes):
    return tf.keras.layers.Dense(-3)
class Boom(tf.keras.Model):
    def __init__(self, shape, classes):
        super().__init__()
    def call(self, images):
        return self.nowhere(images)
class Endless(tf.keras.Model):
    def __init__(self, shape, classes):
        self.__init__(shape, classes)
def good(shape, classes):
    return tf.keras.Sequential([tf.keras.layers.Flatten(), tf.keras.layers.Dense(classes)])
def stopped(shape, classes):
    raise KeyboardInterrupt
"""


@pytest.fixture
def faulty(tmp_path, monkeypatch):
    (tmp_path / "faulty.py").write_text(FAULTY)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path / "faulty.py"
    sys.modules.pop("faulty", None)


@pytest.mark.parametrize(
    ("function", "what", "line"),
    [
        ("key", "KeyError: 'units'", 3),
        ("lines", "ValueError: one two", 5),
        ("leaves", "SystemExit: 3", 7),
        ("layer", "ValueError: Received an invalid value for `units`", 9),
        ("Boom", "AttributeError: 'Boom' object has no attribute 'nowhere'", 14),
        ("Endless", "RecursionError: maximum recursion depth exceeded", 17),
    ],
)
def test_what_a_builder_raises_is_told_with_its_line(faulty, function, what, line):
    with pytest.raises(ValueError, match=what) as caught:
        models.load(f"faulty:{function}", (4, 4, 1), 2)
    text = str(caught.value)
    assert text.startswith(f"'faulty:{function}' ")
    assert text.endswith(f"({faulty}, line {line})")
    assert len(text.splitlines()) == 1


def test_an_interruption_of_a_builder_stays_one(faulty):
    with pytest.raises(KeyboardInterrupt):
        models.load("faulty:stopped", (4, 4, 1), 2)


@pytest.mark.parametrize("function", ["Good", "good()"])
def test_a_function_of_a_similar_name_is_told(faulty, function):
    with pytest.raises(ValueError, match=r"no function '.*'; did you mean good\?"):
        models.load(f"faulty:{function}", (4, 4, 1), 2)


@pytest.mark.parametrize("is_package", [False, True])
@pytest.mark.parametrize(
    ("text", "what", "line"),
    [
        (b"x = 1\ndef build(shape:\n", "SyntaxError: '(' was never closed", 2),
        (b"import nowhere_at_all", "ModuleNotFoundError: No module named 'nowhere_at_all'", 1),
        (b"\n1 / 0", "ZeroDivisionError: division by zero", 2),
        (b"raise SystemExit", "SystemExit", 1),
        (b"x = '\xfc'", "SyntaxError: ", 1),
    ],
)
def test_a_module_that_cannot_be_imported_is_told_with_its_line(
    tmp_path, monkeypatch, is_package, text, what, line
):
    monkeypatch.syspath_prepend(tmp_path)
    file = tmp_path / ("ours_package/__init__.py" if is_package else "ours_alone.py")
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(text)
    name = "ours_package.net" if is_package else "ours_alone"
    with pytest.raises(ValueError, match=re.escape(what)) as caught:
        models.load(f"{name}:build", (4, 4, 1), 2)
    assert str(caught.value).startswith(f"'{name}' cannot be imported, ")
    assert str(caught.value).endswith(f"({file}, line {line})")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("my/net.py:build", "name the module as Python imports it, my.net:build"),
        ("./net.py:build", "name the module as Python imports it, net:build"),
        ("/home/me/net.py:build", "is a path: go to its folder, and name net:build"),
        ("../net:build", "is a path: go to its folder, and name net:build"),
        ("my\\net.py:build", "name the module as Python imports it, my.net:build"),
    ],
)
def test_a_path_is_told_how_to_be_named(name, told):
    assert told in models.problem_with(name)


@pytest.mark.parametrize("name", ["resnet", "nowhere_at_all:build", ":", "a:", ":b", "..x:build"])
def test_a_name_of_nothing_is_refused_without_tensorflow(name):
    assert models.problem_with(name)
    with pytest.raises(ValueError):
        models.load(name, (4, 4, 1), 2)
