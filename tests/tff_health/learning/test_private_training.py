"""Clients' private steps against the same steps by hand: clipping, noise, averaging, no more."""

import math
from contextlib import nullcontext

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_health.learning.test_client_training import config_of
from tff_health.data.client_data import KEY_TYPE, client_keys
from tff_health.data.federated import federate
from tff_health.data.images import LabelledImages
from tff_health.data.pack import pack_clients
from tff_health.data.partition import PartitionSpec
from tff_health.errors import ConfigError
from tff_health.learning.client_training import build_client_work
from tff_health.learning.over_keys import data_computation
from tff_health.training.mechanism import settle, units_of
from tff_health.training.task import build_task

CLIENTS, LOT, NORM = 3, 20, 0.5
PRIVATE = (
    *("--scheme=bonawitz", "--num_clients=3", "--dp_noise=local", "--noise_multiplier=0.7"),
    *(f"--clipping_norm={NORM}", f"--lot_size={LOT}", "--local_steps=1", "--noise_seed=4"),
    *("--learning_rate=0.5", "--accountant=rdp", "--augment_copies=0"),
)


def made(change=None):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (300, 5, 5, 1), np.uint8)
    labels = rng.integers(0, 10, 300).astype(np.uint8)
    if change is not None:
        pixels[change] = 255 - pixels[change]
    return LabelledImages(
        name="digits",
        form="made by a test",
        pixels=pixels,
        labels=labels,
        class_names=tuple("abcdefghij"),
    )


def federated_of(images):
    return federate(images, "clean", 0, PartitionSpec("iid", CLIENTS), 0)


@pytest.fixture
def update_of(tff_context, tmp_path):
    """Runs one client's round; returns its update and the task."""

    def run(*given, images=None, client=0, folder="a"):
        config = config_of(*PRIVATE, *given)
        federated = federated_of(images or made())
        scratch = tmp_path / folder
        pack_clients(federated, scratch / "clients", lambda *_: None)
        task = build_task(config, federated, scratch, settle(config, federated))
        work = build_client_work(task, tff.learning.ClientWeighting.UNIFORM)
        data = data_computation(task.training_data)
        [key] = client_keys([client], 1)

        keys_type = tff.FederatedType(KEY_TYPE, tff.CLIENTS)

        @tff.federated_computation(work.next.type_signature.parameter[1], keys_type)
        def next_round(weights, keys):
            return work.next(work.initialize(), weights, tff.federated_map(data, keys))

        output = next_round([task.initial_weights], [key])
        return [np.asarray(part) for part in output.result[0].update], task, output

    return run


def by_hand(task, client=0):
    """The clipped sum of the client's first lot, by one gradient for each example."""
    images, labels, _ = next(iter(task.training_data(client_keys([client], 1)[0])))
    model = task.build_model()
    task.initial_weights.assign_to(model)
    total = [np.zeros(v.shape) for v in model.trainable_variables]
    for image, label in zip(images.numpy(), labels.numpy(), strict=True):
        with tf.GradientTape() as tape:
            logits = model(image[None])
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits([label], logits)[0]
        gradient = [g.numpy() for g in tape.gradient(loss, model.trainable_variables)]
        norm = math.sqrt(sum((g.astype(float) ** 2).sum() for g in gradient))
        total = [t + g * min(1.0, NORM / norm) for t, g in zip(total, gradient, strict=True)]
    return total, len(labels)


@pytest.mark.parametrize("engine", ["fast", "tfp_optimizer"])
def test_a_step_is_the_clipped_sum_over_the_expected_size_of_a_lot(update_of, engine):
    update, task, _ = update_of("--noise_multiplier=1e-9", f"--dp_engine={engine}")
    total, size = by_hand(task)
    assert size != LOT  # else dividing by the lot's own size would look the same
    for found, wanted in zip(update, total, strict=True):
        np.testing.assert_allclose(found, 0.5 * wanted / LOT, rtol=1e-4, atol=1e-7)


def noise_of(update_of, *given, scale=1.0):
    noisy, _, _ = update_of("--noise_multiplier=0.7", *given)
    exact, _, _ = update_of("--noise_multiplier=1e-9", *given)
    parts = [a - b for a, b in zip(noisy, exact, strict=True)]
    return np.concatenate([part.ravel() for part in parts]) * LOT / 0.5 / scale


def test_noise_has_the_standard_deviation_that_is_accounted_for(update_of):
    noise = noise_of(update_of)
    expected = 0.7 * NORM
    # 260 coordinates: the test accepts what it should, and no 2/3 or 3/2 of it.
    assert 0.85 * expected < noise.std() < 1.15 * expected
    assert abs(noise.mean()) < 4 * expected / math.sqrt(len(noise))
    assert len(np.unique(noise)) > len(noise) / 2  # each coordinate has its own


def test_clients_and_steps_draw_noise_of_their_own(update_of):
    first = noise_of(update_of)
    other = noise_of(lambda *given: update_of(*given, client=1))
    assert abs(np.corrcoef(first, other)[0, 1]) < 0.3
    twice = noise_of(update_of, "--local_steps=4", scale=2.0)
    assert 0.8 * 0.7 * NORM < twice.std() < 1.2 * 0.7 * NORM  # variances add up


def test_an_empty_lot_is_noise_and_nothing_else(update_of):
    update, task, _ = update_of("--lot_size=1", "--noise_seed=8")
    lots = task.training_data(client_keys([0], 1)[0])
    assert [len(labels) for _, labels, _ in lots] == [0], "choose another noise_seed"
    flat = np.concatenate([part.ravel() for part in update])
    assert np.isfinite(flat).all()
    assert 0.85 < flat.std() / (0.5 * 0.7 * NORM) < 1.15


@pytest.mark.parametrize("row", [0, 1, 2])
def test_replacing_an_image_changes_a_step_by_what_clipping_allows(update_of, row):
    images = made()
    where = federated_of(images).clients[0].training.rows[row]
    given = ("--noise_multiplier=1e-9", "--lot_size=1000")  # more than there are: all of them
    before, _, _ = update_of(*given)
    after, _, _ = update_of(*given, images=made(change=where), folder="b")
    change = math.sqrt(sum(((a - b) ** 2).sum() for a, b in zip(after, before, strict=True)))
    assert 0 < change * 1000 / 0.5 <= 2 * NORM * (1 + 1e-3)


def test_nothing_but_the_update_is_told(update_of):
    _, _, output = update_of()
    assert len(output.measurements) == 0
    assert float(output.result[0].update_weight) == 1.0


def test_distributed_shares_lie_on_the_grid_and_add_up_to_the_noise(update_of):
    given = (
        *("--dp_noise=distributed", "--noise_seed=-1", "--fraction_bits=20", "--clip_range=1"),
        *("--threshold=3",),
    )
    noisy, task, _ = update_of(*given)
    again, _, _ = update_of(*given)
    share = np.concatenate([(a - b).ravel() for a, b in zip(noisy, again, strict=True)])
    assert task.privacy.shares == 3
    steps = np.concatenate([part.ravel() for part in noisy]) * 2.0**20
    np.testing.assert_array_equal(steps, np.rint(steps))
    size = sum(part.size for part in noisy)
    sensitivity = 0.5 * NORM / LOT + math.sqrt(size) / 2.0**20
    expected = 0.7 * sensitivity / math.sqrt(3)
    # Lots differ from run to run, and with them the sums; that adds less than noise does.
    assert 0.8 * expected < share.std() / math.sqrt(2) < 1.6 * expected


def test_rates_are_of_the_clients_own_records():
    config = config_of(*PRIVATE)
    federated = federated_of(made())
    mechanism = settle(config, federated)
    assert [mechanism.sampling_rate(units) for units in units_of(federated)] == [
        LOT / len(client.training) for client in federated.clients
    ]


def test_noise_larger_than_can_be_drawn_is_refused():
    given = ("--dp_noise=distributed", "--noise_multiplier=1000", "--noise_seed=-1", "--lot_size=1")
    for bits, is_refused in ((16, False), (20, True)):
        config = config_of(*PRIVATE, *given, f"--fraction_bits={bits}", "--learning_rate=1")
        with pytest.raises(ConfigError, match="than can be drawn") if is_refused else nullcontext():
            settle(config, federated_of(made()))
