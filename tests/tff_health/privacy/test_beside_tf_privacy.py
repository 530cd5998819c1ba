"""What tensorflow-privacy 0.9.0 leaves to us: attacks, and clipping of more than two layers."""

import importlib

import pytest
import tensorflow as tf
from tensorflow_privacy.privacy.fast_gradient_clipping import layer_registry

from tff_health.privacy import layer_checks

L = tf.keras.layers


def test_its_membership_attacks_are_not_in_the_wheel():
    with pytest.raises(ModuleNotFoundError, match="privacy_tests"):
        importlib.import_module("tensorflow_privacy.privacy.membership_inference_attack.models")


def test_its_fast_clipping_knows_dense_and_embedding_alone():
    registry = layer_registry.make_default_layer_registry()
    known = [L.Dense(2), L.Embedding(3, 2)]
    others = [L.Conv2D(2, 2), L.DepthwiseConv2D(2), L.LayerNormalization(), L.GroupNormalization()]
    assert all(map(registry.is_elem, known))
    assert not any(map(registry.is_elem, others))
    for layer in others:
        image = tf.keras.Input((8, 8, 32))
        output = L.Dense(2)(L.Flatten()(layer(image)))
        assert layer_checks.problems_of(tf.keras.Model(image, output), "fast") == []
