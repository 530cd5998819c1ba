"""Learning rates by round, the server's optimizer, and clients that train alone."""

import math
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_federated as tff

import tff_health
from tff_health.data.client_data import client_keys
from tff_health.data.federated import federate
from tff_health.data.images import LabelledImages
from tff_health.data.pack import pack_clients
from tff_health.data.partition import PartitionSpec
from tff_health.flags import parse
from tff_health.learning.client_training import with_learning_rate
from tff_health.learning.fedavg import build_fedavg
from tff_health.learning.local_only import LocalTraining
from tff_health.learning.process import weights_of, with_weights
from tff_health.learning.zhang import build_zhang
from tff_health.local.task import Optimizer
from tff_health.settings.config import RunConfig
from tff_health.training.task import build_task

GIVEN = ("--dataset=digits", "--model=tests.tff_health.learning.test_client_training:linear")


def linear(input_shape, num_classes):
    return tf.keras.Sequential(
        [
            tf.keras.layers.InputLayer(input_shape),
            tf.keras.layers.Flatten(),
            tf.keras.layers.Dense(num_classes),
        ]
    )


def config_of(*given) -> RunConfig:
    return parse(["run_experiments.py", *GIVEN, *given], {}).config


@pytest.fixture(scope="module")
def federated():
    rng = np.random.default_rng(0)
    images = LabelledImages(
        name="digits",
        form="made by a test",
        pixels=rng.integers(0, 256, (300, 5, 5, 1), np.uint8),
        labels=rng.integers(0, 3, 300).astype(np.uint8),
        class_names=tuple("abc"),
    )
    return federate(images, "clean", 0, PartitionSpec("iid", 3), seed=0)


@pytest.fixture
def task_of(federated, tmp_path, tff_context):
    pack_clients(federated, tmp_path / "clients", lambda *_: None)
    return lambda *given: build_task(config_of(*given), federated, tmp_path)


def start_of(process, task):
    training = process.training
    return training.set_model_weights(training.initialize(), task.initial_weights)


def difference(a, b):
    return [x - y for x, y in zip(a.trainable, b.trainable, strict=True)]


def test_the_rate_falls_along_half_a_cosine():
    optimizer = Optimizer(0.4, decay_rounds=4)
    wanted = [0.4 * (1 + math.cos(math.pi * t / 4)) / 2 for t in range(4)]
    assert [optimizer.rate(t) for t in range(1, 5)] == pytest.approx(wanted)
    assert optimizer.rate(9) == optimizer.rate(4) > 0
    assert Optimizer(0.4).rate(7) == 0.4


def test_a_smaller_rate_takes_smaller_steps(task_of):
    task = task_of("--learning_rate=0.001", "--batch_size=1000")  # one step a client
    process = build_fedavg(task)
    state = start_of(process, task)
    moved = {}
    for rate in (0.001, 0.0005):
        changed = with_learning_rate(state, rate)
        after = process.training.next(changed, client_keys([0, 1, 2], 1)).state
        weights = process.training.get_model_weights(after)
        moved[rate] = difference(weights, task.initial_weights)
    for whole, half in zip(*moved.values(), strict=True):
        np.testing.assert_allclose(half, whole / 2, rtol=1e-3, atol=1e-7)


def test_the_servers_rate_scales_the_mean(task_of):
    moved = []
    for given in ((), ("--server_learning_rate=0.5",)):
        task = task_of(*given)
        process = build_fedavg(task)
        after = process.training.next(start_of(process, task), client_keys([0, 1, 2], 1)).state
        weights = process.training.get_model_weights(after)
        moved.append(difference(weights, task.initial_weights))
    for whole, half in zip(*moved, strict=True):
        np.testing.assert_allclose(half, whole / 2, rtol=1e-4, atol=1e-7)


def test_the_servers_momentum_adds_up(task_of):
    task = task_of("--server_momentum=0.5", "--learning_rate=1e-6", "--batch_size=1000")
    process = build_fedavg(task)
    state = start_of(process, task)
    seen = [task.initial_weights]
    for _ in range(2):  # the same round twice: at this rate the gradient stays the same
        state = process.training.next(state, client_keys([0, 1, 2], 1)).state
        seen.append(process.training.get_model_weights(state))
    first, second = difference(seen[1], seen[0]), difference(seen[2], seen[1])
    for one, two in zip(first, second, strict=True):
        assert np.abs(two).sum() == pytest.approx(1.5 * np.abs(one).sum(), rel=0.05)


def test_alone_a_client_learns_what_a_federation_of_one_would(task_of):
    task = task_of("--client_momentum=0.9", "--decay_rounds=3")
    alone, process = LocalTraining(task), build_fedavg(task)
    models, state = alone.initialize(3), start_of(process, task)
    for number in (1, 2):
        models = alone.next(models, client_keys([0, 1, 2], number), number)
        state = with_learning_rate(state, task.client_optimizer.rate(number))
        state = process.training.next(state, client_keys([1], number)).state
    federated_alone = process.training.get_model_weights(state)
    for ours, theirs in zip(models[1].trainable, federated_alone.trainable, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-7)
    others = np.abs(models[0].trainable[0] - models[1].trainable[0]).max()
    assert others > 1e-4


def test_models_stay_at_the_clients(task_of):
    signature = LocalTraining(task_of())._next.type_signature
    assert signature.result.placement is tff.CLIENTS
    assert signature.result.member.is_equivalent_to(signature.parameter[1].member)


def same(found, expected):
    left, right = tf.nest.flatten(found), tf.nest.flatten(expected)
    return all(np.array_equal(a, b) for a, b in zip(left, right, strict=True))


@pytest.mark.parametrize("build", [build_fedavg, build_zhang])
def test_states_are_read_and_changed_as_tff_does_on_a_worker(task_of, build):
    training = build(task_of()).training
    state = training.initialize()
    hparams = training.get_hparams(state)
    hparams["client_work"]["learning_rate"] = np.float32(0.125)
    assert same(with_learning_rate(state, 0.125), training.set_hparams(state, hparams))
    weights = training.get_model_weights(state)
    assert same(weights_of(state), weights)
    other = tf.nest.map_structure(lambda w: w + 1, weights)
    assert same(with_weights(state, other), training.set_model_weights(state, other))


class NoComputations(tff.framework.SyncContext):
    """A context in which nothing may be computed."""

    def invoke(self, comp, arg):
        raise AssertionError(f"a computation of type {comp.type_signature} was sent")


def test_states_are_read_and_changed_without_a_computation(task_of):
    training = build_fedavg(task_of()).training
    state = training.initialize()
    with tff.framework.get_context_stack().install(NoComputations()):
        with_learning_rate(with_weights(state, weights_of(state)), 0.125)
        with pytest.raises(AssertionError, match="was sent"):
            training.get_model_weights(state)


def test_no_program_text_asks_tff_for_the_model_of_a_state():
    texts = Path(tff_health.__file__).parent.rglob("*.py")
    assert [path.name for path in texts if "get_model_weights(" in path.read_text()] == []
