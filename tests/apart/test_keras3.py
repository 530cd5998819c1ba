"""Weights go from Keras 2.14 to Keras 3 and back, by real files of both."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from models import initial_weights
from tests.apart.environment import python_of, run
from tff_health.local.model_weights import ModelWeights
from tff_health.training import run as training

pytestmark = pytest.mark.apart
PROGRAM = Path(__file__).with_name("keras3_files.py")
L = tf.keras.layers


@pytest.fixture(scope="module")
def keras3():
    python = python_of("keras==3.15.1", "keras==3.15.1", "jax==0.8.1")
    return lambda *arguments: run(python, PROGRAM, *arguments, KERAS_BACKEND="numpy")


def network():
    image = tf.keras.Input((8, 8, 1))
    hidden = L.GroupNormalization(2, name="norm")(L.Conv2D(4, 3, name="first")(image))
    return tf.keras.Model(image, L.Dense(3, name="head")(L.Flatten()(hidden)))


def arrays(path):
    with np.load(path) as file:
        return list(file.values())


@pytest.fixture(scope="module")
def written(keras3, tmp_path_factory):
    folder = tmp_path_factory.mktemp("keras3")
    keras3("write", folder)
    return folder


@pytest.mark.parametrize("name", ["3.weights.h5", "3.keras"])
def test_initial_weights_reads_what_keras_3_wrote(written, name):
    model = network()
    found = initial_weights.read(written / name, model, new_head=False)
    found.assign_to(model)
    assert found.matched_by == "name"
    wanted = arrays(written / "3.npz")
    assert all(np.array_equal(a, b) for a, b in zip(wanted, model.get_weights(), strict=True))


def test_keras_2_14_by_itself_does_not(written):
    with pytest.raises(ValueError, match="received 0 variables"):
        network().load_weights(written / "3.weights.h5")
    with pytest.raises(TypeError, match="cannot be imported"):
        tf.keras.models.load_model(written / "3.keras")


def test_what_runs_leave_is_read_by_both_and_whole_models_are_not(keras3, tmp_path):
    model = network()
    weights, whole = tmp_path / "model.weights.h5", tmp_path / "model.keras"
    training._save_model(SimpleNamespace(build_model=network), ModelWeights.of(model), weights)
    model.save(whole)
    told = json.loads(keras3("read", weights, whole))
    assert told["keras"] == "3.15.1"
    assert told[str(weights)] == "read"
    assert "cannot be imported" in told[str(whole)]
    other = network()
    other.load_weights(weights)
    for found in (arrays(f"{weights}.npz"), other.get_weights()):
        assert all(np.array_equal(a, b) for a, b in zip(found, model.get_weights(), strict=True))
