"""Weights of Keras 2.14 and Keras 3 are found by name and shape, and what does not fit is said."""

import json
import re
import zipfile

import h5py
import numpy as np
import pytest
import tensorflow as tf

import models
from models import initial_weights
from models.identity import difference
from tests.models import networks

L = tf.keras.layers
SHAPE, CLASSES = (8, 8, 1), 3
KINDS = {"Conv2D": "conv2d", "Dense": "dense", "GroupNormalization": "group_normalization"}


def network(classes=CLASSES, units=5, prefix="", seed=0):
    """Two convolutions of one shape, a skip, and a network inside."""
    tf.keras.utils.set_random_seed(seed)
    image = tf.keras.Input(SHAPE)
    first = L.Conv2D(4, 3, padding="same", name=f"{prefix}first")(image)
    second = L.Conv2D(4, 3, padding="same", name=f"{prefix}second")(first)
    third = L.Conv2D(4, 3, padding="same", name=f"{prefix}third")(second)
    joined = L.GroupNormalization(2, name=f"{prefix}norm")(L.Add()([first, third]))
    inside = [L.Flatten(), L.Dense(units, name=f"{prefix}inner"), L.Dropout(0.5)]
    hidden = tf.keras.Sequential(inside, name=f"{prefix}inside")(joined)
    return tf.keras.Model(image, L.Dense(classes, name=f"{prefix}head")(hidden))


def write_keras3(file, model, order=lambda layers: layers):
    """As Keras 3.15 writes a model, with its optimizer, and the seeds of what it draws."""

    def write(group, model):
        counts = {}
        for layer in order([x for x in model.layers if not isinstance(x, L.InputLayer)]):
            kind = KINDS.get(type(layer).__name__, type(layer).__name__.lower())
            number = counts[kind] = counts.get(kind, -1) + 1
            own = group.create_group(f"layers/{kind}_{number}" if number else f"layers/{kind}")
            arrays = own.create_group("vars")
            arrays.attrs["name"] = layer.name
            if isinstance(layer, tf.keras.Model):
                write(own, layer)
                continue
            if isinstance(layer, L.Dropout):
                own["seed_generator/vars/0"] = np.array([1, 2], np.uint32)
            for place, weight in enumerate(layer.get_weights()):
                arrays[str(place)] = weight

    write(file, model)
    file["optimizer/vars/0"] = np.int64(7)
    file.create_group("vars").attrs["name"] = model.name


def save(path, model, form):
    if form.startswith("2.14"):
        model.compile("adam", "mse")
        model.train_on_batch(np.zeros((1, *SHAPE)), np.zeros((1, CLASSES)))
        model.save(path) if path.suffix == ".keras" else model.save_weights(path)
        return
    weights = path if path.suffix == ".h5" else path.with_suffix(".h5")
    with h5py.File(weights, "w") as file:
        write_keras3(file, model, reversed if form == "3, reversed" else lambda layers: layers)
    if path.suffix == ".keras":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("config.json", json.dumps({"class_name": "Lambda", "config": "..."}))
            archive.write(weights, "model.weights.h5")


def values_of(read, model):
    read.assign_to(model)
    return model.get_weights()


@pytest.mark.parametrize("suffix", [".weights.h5", ".keras"])
@pytest.mark.parametrize(
    ("form", "prefix", "matched_by"),
    [
        ("2.14", "", "kind and order"),
        ("2.14", "other_", "kind and order"),
        ("3", "", "name"),
        ("3", "other_", "kind and order"),
        ("3, reversed", "", "name"),
    ],
)
def test_each_array_comes_to_its_place(tmp_path, suffix, form, prefix, matched_by):
    path, source, model = tmp_path / f"w{suffix}", network(seed=1, prefix=prefix), network(seed=2)
    save(path, source, form)
    before = model.get_weights()
    read = initial_weights.read(path, model, new_head=False)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    assert (read.matched_by, read.started_anew) == (matched_by, ())
    found = values_of(read, model)
    assert all(np.array_equal(a, b) for a, b in zip(source.get_weights(), found, strict=True))


@pytest.mark.parametrize("form", ["2.14", "3"])
def test_the_last_layer_starts_anew_only_if_asked(tmp_path, form):
    path, source, model = tmp_path / "w.weights.h5", network(seed=1), network(classes=4, seed=2)
    save(path, source, form)
    with pytest.raises(ValueError, match="--new_head") as caught:
        initial_weights.read(path, model, new_head=False)
    assert "head/kernel: found (5, 3), needed (5, 4)" in str(caught.value)
    read = initial_weights.read(path, model, new_head=True)
    assert read.started_anew == ("head/kernel", "head/bias")
    own = model.get_weights()
    found = values_of(read, model)
    wanted = [*source.get_weights()[:-2], *own[-2:]]
    assert all(np.array_equal(a, b) for a, b in zip(wanted, found, strict=True))


def changed(path, change):
    with h5py.File(path, "r+") as file:
        change(file)


def poison(file):
    file["layers/conv2d_1/vars/0"][0, 0, 0, 0] = np.nan


def elsewhere(file):
    del file["layers/conv2d/vars/1"]
    file["layers/conv2d/vars/1"] = h5py.ExternalLink("other.h5", "/x")


def outside(file):
    del file["layers/conv2d/vars/1"]
    kept = [("/etc/hostname", 0, 16)]
    file.create_dataset("layers/conv2d/vars/1", (4,), "f4", external=kept)


def whole_numbers(file):
    del file["layers/conv2d/vars/1"]
    file["layers/conv2d/vars/1"] = np.arange(4)


def one_more(file):
    file["layers/dense_1/vars/0"] = np.zeros((2, 2), np.float32)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (poison, "second/kernel: found numbers that are not finite"),
        (elsewhere, r"first/bias: found none, needed \(4,\)"),
        (outside, "keeps 'layers/conv2d/vars/1' in another file"),
        (whole_numbers, "first/bias: found int64, needed float32"),
        (one_more, r"layers/dense_1/0: found \(2, 2\), needed none"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, change, told):
    path, model = tmp_path / "w.weights.h5", network()
    save(path, model, "3")
    changed(path, change)
    with pytest.raises(ValueError, match=told):
        initial_weights.read(path, model, new_head=False)


def test_a_line_for_each_mismatch_and_not_too_many(tmp_path):
    path = tmp_path / "w.weights.h5"
    save(path, network(units=6), "3")
    with pytest.raises(ValueError) as caught:
        initial_weights.read(path, network(), new_head=False)
    assert str(caught.value).splitlines() == [
        f"{path} does not fit the network:",
        "  inner/kernel: found (256, 6), needed (256, 5)",
        "  inner/bias: found (6,), needed (5,)",
        "  head/kernel: found (6, 3), needed (5, 3)",
    ]
    with pytest.raises(ValueError, match=r"  and [0-9]+ more$"):
        initial_weights.read(path, models.load("resnet18", SHAPE, 3)(), new_head=False)


def bomb(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.weights.h5", bytes(2**22))


def no_weights(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.weights.json", "{}")


def older(path):
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = ["a"]


@pytest.mark.parametrize(
    ("name", "write", "told"),
    [
        ("w.weights.h5", lambda path: path.write_text("text"), "is damaged, or no .h5 file"),
        ("w.keras", lambda path: path.write_text("text"), "is damaged, or no .keras file"),
        ("w.keras", bomb, "holds 4,194,304 bytes of weights, far more"),
        ("w.keras", no_weights, "has no model.weights.h5"),
        ("w.h5", older, "of Keras's older form"),
        ("w.weights.h5", lambda path: h5py.File(path, "w").close(), "holds no weights"),
        ("w.weights.h5", lambda _: None, "cannot be read: No such file"),
        ("w.pkl", lambda path: path.write_bytes(b"\x80\x04."), "must be a file"),
    ],
)
def test_what_is_no_such_file_is_told(tmp_path, name, write, told):
    write(tmp_path / name)
    with pytest.raises(ValueError, match=re.escape(told)) as caught:
        initial_weights.read(tmp_path / name, network(), new_head=False)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("function", ["uncalled", "any_size", "dense_softmax", "nested_softmax"])
def test_networks_of_users_own_read_what_they_saved(tmp_path, function):
    path = tmp_path / "w.weights.h5"
    tf.keras.utils.set_random_seed(3)
    raw = getattr(networks, function)((4, 4, 1), CLASSES)
    raw(np.zeros((1, 4, 4, 1), np.float32))
    raw.save_weights(path)
    builder = models.load(f"tests.models.networks:{function}", (4, 4, 1), CLASSES, seed=1)
    found = builder.starting_from(path, new_head=False)().get_weights()
    assert all(np.array_equal(a, b) for a, b in zip(raw.get_weights(), found, strict=True))


def test_a_run_from_another_file_is_another_run(tmp_path):
    builder = models.load("tanh_cnn", (28, 28, 1), 10)
    identities = [builder.identity]
    for name in "ab":
        path = tmp_path / f"{name}.weights.h5"
        builder().save_weights(path)
        identities.append(builder.starting_from(path, new_head=False).identity)
    assert difference(identities[1], identities[1]) == ""
    for other in (identities[0], identities[2]):
        assert "started from other weights" in difference(identities[1], other)
