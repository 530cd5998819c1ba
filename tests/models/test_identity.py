"""A changed network is told from the one of before, and what changed is said."""

import re

import pytest
import tensorflow as tf

import models
from models.identity import difference

L = tf.keras.layers
SHAPE, CLASSES = (4, 4, 1), 3
factor = 1.0


class Scaled(L.Layer):
    def call(self, x):
        return factor * x


def chain(*layers):
    return tf.keras.Sequential([L.InputLayer(SHAPE), L.Flatten(), *layers, L.Dense(CLASSES)])


NETWORKS = {
    "narrow": lambda *_: chain(L.Dense(8, "relu")),
    "wide": lambda *_: chain(L.Dense(16, "relu")),
    "sigmoid": lambda *_: chain(L.Dense(8, "sigmoid")),
    "deep": lambda *_: chain(L.Dense(8, "relu"), L.Dropout(0.1)),
    "zeros": lambda *_: chain(L.Dense(8, "relu", bias_initializer="ones")),
    "scaled": lambda *_: chain(Scaled()),
}


def identity(function, monkeypatch, **changes):
    for name, value in {"build": NETWORKS[function], **changes}.items():
        monkeypatch.setattr(f"{__name__}.{name}", value, raising=False)
    return models.load(f"{__name__}:build", SHAPE, CLASSES, seed=1).identity


@pytest.mark.parametrize("function", NETWORKS)
def test_the_same_network_is_known_again(function, monkeypatch):
    first, second = (identity(function, monkeypatch) for _ in range(2))
    assert difference(first, second) == ""


@pytest.mark.parametrize(
    ("function", "told"),
    [
        ("wide", r"\(Dense\) had units 8, and now has units 16"),
        ("sigmoid", r"\(Dense\) had activation relu, and now has activation sigmoid"),
        ("deep", "Dropout"),
        ("zeros", "bias_initializer"),
    ],
)
def test_a_changed_layer_is_told(function, told, monkeypatch):
    before, now = identity("narrow", monkeypatch), identity(function, monkeypatch)
    assert re.search(told, difference(before, now))


def test_changed_code_of_an_own_layer_is_told(monkeypatch):
    before = identity("scaled", monkeypatch)
    assert "of your own compute" in difference(before, identity("scaled", monkeypatch, factor=2.0))


@pytest.mark.parametrize("name", models.MODELS)
def test_networks_of_this_package_are_known_again_for_the_same_images_alone(name):
    first, second = (models.load(name, (28, 28, 1), 10).identity for _ in range(2))
    assert first == second
    assert difference(first, models.load(name, (28, 28, 1), 7).identity)
