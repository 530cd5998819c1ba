"""Clients' work against TFF's own, which is the slow twin: the same bits on the same worker."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_health.clear_sums import assert_same_bits
from tests.tff_health.learning.test_client_training import config_of
from tff_health.data.client_data import KEY_TYPE, client_keys, element_spec
from tff_health.data.federated import federate
from tff_health.data.images import LabelledImages
from tff_health.data.pack import pack_clients
from tff_health.data.partition import PartitionSpec
from tff_health.learning.client_training import build_client_work
from tff_health.learning.gradient_descent import TffGradientDescent
from tff_health.learning.over_keys import data_computation
from tff_health.training.task import build_task

BROKEN = 2
WEIGHTING = tff.learning.ClientWeighting.NUM_EXAMPLES


def pooled(input_shape, num_classes):
    """Convolutions, poolings, a weight that has no part in the loss, and NaN for white images."""
    image = tf.keras.Input(input_shape)
    x = tf.keras.layers.Lambda(
        lambda x: x / tf.cast(tf.reduce_mean(x, (1, 2, 3), keepdims=True) < 1, x.dtype)
    )(image)
    x = tf.keras.layers.Conv2D(6, 3, activation="relu")(x)
    x = tf.keras.layers.MaxPool2D(2)(x)
    x = tf.keras.layers.Dense(12, "tanh", kernel_regularizer="l2")(tf.keras.layers.Flatten()(x))
    return tf.keras.Model(image, tf.keras.layers.Dense(num_classes)(x))


@pytest.fixture(scope="module")
def federated():
    rng = np.random.default_rng(0)
    images = LabelledImages(
        name="digits",
        form="made by a test",
        pixels=rng.integers(0, 256, (200, 8, 8, 1), np.uint8),
        labels=rng.integers(0, 10, 200).astype(np.uint8),
        class_names=tuple("abcdefghij"),
    )
    shared_out = federate(images, "clean", 0, PartitionSpec("iid", 3), seed=0)
    images.pixels[shared_out.clients[BROKEN].training.rows] = 255
    return shared_out


def tffs_own(task):
    """What TFF's examples do with a Keras model."""

    def model_fn():
        return tff.learning.models.from_keras_model(
            task.build_model(),
            loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            input_spec=element_spec(task.image_shape),
            metrics=[tf.keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
        )

    optimizer = task.client_optimizer
    return tff.learning.templates.build_model_delta_client_work(
        model_fn,
        tff.learning.optimizers.build_sgdm(optimizer.learning_rate, optimizer.momentum or None),
        client_weighting=WEIGHTING,
        metrics_aggregator=tff.learning.metrics.sum_then_finalize,
        loop_implementation=tff.learning.LoopImplementation.DATASET_ITERATOR,
    )


def round_of(work, task):
    state, weights, _ = work.next.type_signature.parameter
    data = data_computation(task.training_data)

    @tff.federated_computation(state, weights, tff.FederatedType(KEY_TYPE, tff.CLIENTS))
    def run(state, weights, keys):
        output = work.next(state, weights, tff.federated_map(data, keys))
        return output.result, output.measurements

    return run(work.initialize(), [task.initial_weights] * 3, client_keys([0, 1, 2], 4))


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_a_round_of_clients_has_the_bits_of_tffs(tff_context, federated, tmp_path, momentum):
    model = f"--model={__name__}:pooled"
    given = (model, f"--client_momentum={momentum}", "--batch_size=16", "--local_epochs=2")
    task = build_task(config_of(*given), federated, tmp_path)
    pack_clients(federated, tmp_path / "clients", lambda *_: None)
    results, measured = round_of(build_client_work(task, WEIGHTING), task)
    wanted, theirs = round_of(tffs_own(task), task)
    assert_same_bits(measured, theirs)
    for client, (ours, other) in enumerate(zip(results, wanted, strict=True)):
        assert float(ours.update_weight) == float(other.update_weight)
        if client == BROKEN:  # TFF hides it behind zeros
            assert all(np.isnan(part).all() for part in ours.update)
            assert float(ours.update_weight) == 0.0
        else:
            assert float(ours.update_weight) > 0
            assert_same_bits(list(ours.update), list(other.update))


@pytest.mark.parametrize("momentum", [0.0, 0.7])
def test_gradient_descent_takes_tffs_steps(momentum):
    ours = TffGradientDescent(0.3, momentum)
    theirs = tff.learning.optimizers.build_sgdm(0.3, momentum or None)
    rng = np.random.default_rng(1)
    weights = [tf.constant(rng.normal(size=s), tf.float32) for s in ((3, 2), (4,))]
    specs = [tf.TensorSpec(w.shape, w.dtype) for w in weights]
    states, places = [ours.initialize(specs), theirs.initialize(specs)], [weights, weights]
    for step in range(3):
        gradients = [tf.constant(rng.normal(size=w.shape), tf.float32) for w in weights]
        if step == 1:
            gradients[1] = None
        for i, optimizer in enumerate((ours, theirs)):
            states[i], places[i] = optimizer.next(states[i], places[i], gradients)
        assert_same_bits(places[0], places[1])
        sums = [state.get("accumulator", []) for state in states]
        assert_same_bits(*sums)
    assert list(ours.get_hparams(states[0])) == list(theirs.get_hparams(states[1]))
